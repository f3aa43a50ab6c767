"""The base of every model in the zoo. Nothing here belongs to any one paper."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable

import keras
import tensorflow as tf

from zoo import replicas
from zoo.average import MovingAverage
from zoo.errors import ZooError, did_you_mean


class GANModel(keras.Model):
    """Named networks, each with its own optimizer, loss weights and logs.

    A subclass builds its networks in `__init__` (calls each once on zeros), sets the attributes
    below and writes `forward`, `call`, a method `<name>_losses(batch, outputs)` for every name in
    `default_loss_weights`, and a linear `train_step`:

        self.descend(batch, "discriminator")
        self.descend(batch, "generator")
        return self.finish_step()

    The `<name>_losses` return named scalars, means over the rows of the batch, and have no side
    effects but spectral norm's. Random numbers come from `zoo.replicas`, seeded by `step`: then the
    same batch trains the model alike on one device or several.

    Class attributes:
        zoo_name: name in the registry.
        task: the verb it serves: "complete", "edit" or "frontalize"; or what else `call` returns:
            "classify" (logits), "embed" (features) or "parse" (logits of classes).
        input_keys: keys of the batch dict that `call` reads.
        training_keys: further keys that `train_step` reads.
        channels: batch key -> number of channels, for the image-shaped keys that it reads; None
            for a map of integers without an axis of channels (parsing).
        vectors: batch key -> shape without the batch axis, for all other keys that it reads.
        network_names: attributes that hold the networks; the first makes the output of `call`.
        default_loss_weights: network (or other group of variables, see `optimized`) -> loss ->
            weight. Each has an optimizer of its own.
        fixed_size: whether `call` takes images of `default_size` only.
        noise: what `zoo.data.hints.noise` draws for the batch key noise.
        centered_hole: for a model that fills only the centre of its image, the greatest height and
            width of the hole, a share of the side; None = holes may lie anywhere.
        updates_per_step: name of an optimizer -> how often `train_step` applies it, where not once.
        batches_per_step: batches that one `train_step` uses up; it receives them joined into one.
        balanced: paths of variables whose gradient is always zero, such as the last bias of a
            Wasserstein critic: it cancels between real and fake.
        licence: of the code and of weights trained here.
        preset_sha256: of the preset's file of weights, as long as they are those it was loaded
            with: `compile` forgets it.

    Args:
        image_size: side of the square images it is made for, pixels; a multiple of `pad_multiple`.
        loss_weights: overrides of `default_loss_weights`. `self.loss_weights` holds what is in
            force without the zeros: a loss of weight 0 is not computed.
    """

    zoo_name = ""
    task = ""
    input_keys: tuple[str, ...] = ()
    training_keys: tuple[str, ...] = ()
    channels: dict[str, int | None] = {}
    vectors: dict[str, tuple[int, ...]] = {}
    output_key = "image_out"
    network_names: tuple[str, ...] = ("generator", "discriminator")
    default_loss_weights: dict[str, dict[str, float]] = {}
    fixed_size = False
    noise = "bernoulli"
    centered_hole: float | None = None
    batches_per_step = 1
    updates_per_step: dict[str, int] = {}
    balanced: tuple[str, ...] = ()
    licence = "Apache-2.0"
    preset_sha256: str | None = None

    def __init__(self, *, image_size: int, loss_weights: dict | None = None, name=None):
        super().__init__(name=name or self.zoo_name, autocast=False)  # the networks cast
        self.default_size = image_size
        self.all_loss_weights = _merge_weights(self.default_loss_weights, loss_weights or {})
        self.loss_weights = {
            network: {loss: weight for loss, weight in losses.items() if weight}
            for network, losses in self.all_loss_weights.items()
        }
        self.step = keras.Variable(0, dtype="int64", trainable=False, name="step")
        self._trackers = {
            f"{network}/{loss}": keras.metrics.Mean(name=f"{network}/{loss}")
            for network, losses in self.loss_weights.items()
            for loss in losses
        }
        self._norms = {
            f"{network}/gradient_norm": keras.metrics.Mean(name=f"{network}/gradient_norm")
            for network, losses in self.loss_weights.items()
            if losses
        }
        self.logged: list[str] = []  # what a step logs, in the order in which it is computed
        self.optimizers = {}
        self.accumulate = 1
        self.ema = None

    # What a subclass provides ------------------------------------------------------------------

    @property
    def pad_multiple(self) -> int:
        """Height and width of the input must be multiples of this, pixels."""
        raise NotImplementedError

    def forward(self, batch: dict) -> dict:
        """Everything that the losses need of the first network, by name."""
        raise NotImplementedError

    # Networks and what is exported -------------------------------------------------------------

    @property
    def networks(self) -> dict[str, keras.Model]:
        """Name -> network, in the order of `network_names`."""
        return {name: getattr(self, name) for name in self.network_names}

    def inference_variables(self) -> list[keras.Variable]:
        """The variables that `call(training=False)` reads."""
        return self.networks[self.network_names[0]].variables

    def optimized(self, name: str) -> list[keras.Variable]:
        """The variables that the optimizer `name` moves: those of the network of that name."""
        return self.networks[name].trainable_variables

    def input_shapes(self, size: int | None = None) -> dict[str, tuple]:
        """Batch key -> shape `(None, size, size, channels)` of what `call` reads, float32."""
        return {key: self.key_shape(key, size) for key in self.input_keys}

    def key_shape(self, key: str, size: int | None = None) -> tuple:
        """Shape of a batch key, with None for the batch axis; images are `size` pixels square."""
        if key in self.vectors:
            return (None, *self.vectors[key])
        size, channels = size or self.default_size, self.channels[key]
        return (None, size, size) if channels is None else (None, size, size, channels)

    def check_batch(self, batch: dict) -> None:
        """Raises ZooError if a key is missing or a shape cannot be what the model reads."""
        missing = [key for key in self.input_keys if key not in batch]
        if missing:
            raise ZooError(
                f"{self.zoo_name} needs the batch keys {', '.join(self.input_keys)}; "
                f"missing: {', '.join(missing)}"
            )
        for key in self.input_keys:
            shape, legal = tuple(batch[key].shape), self.key_shape(key)
            free = ("B", "H", "W")[: 3 if key in self.channels else 1]
            sides = [side for side in shape[1 : len(free)] if side is not None]
            if len(shape) != len(legal) or shape[len(free) :] != legal[len(free) :]:
                form = ", ".join([*free, *map(str, legal[len(free) :])])
                raise ZooError(f"batch['{key}'] has shape {shape}; legal is ({form})")
            if self.fixed_size and any(side != self.default_size for side in sides):
                raise ZooError(
                    f"batch['{key}'] is {shape[1]} x {shape[2]} pixels; "
                    f"{self.zoo_name} takes {self.default_size} x {self.default_size} only"
                )
            if any(side % self.pad_multiple for side in sides):
                raise ZooError(
                    f"batch['{key}'] is {shape[1]} x {shape[2]} pixels; "
                    f"height and width must be multiples of {self.pad_multiple}"
                )

    # Training ----------------------------------------------------------------------------------

    def compile(
        self,
        optimizers: dict,
        *,
        ema_decay: float = 0.0,
        accumulate: int = 1,
        jit_compile=False,
        **kwargs,
    ):
        """Takes one optimizer per name in `default_loss_weights` and builds each at once.

        Under a strategy of `tf.distribute` call it, like the constructor, in the strategy's scope;
        batch norm then takes its statistics from the batches of all replicas.

        Args:
            optimizers: name -> keras optimizer. Wrapped in a `LossScaleOptimizer` where the
                model computes in float16.
            ema_decay: per-step decay of the average of the first network's weights; 0 = none.
            accumulate: parts in which each update goes through its batch, to save memory.
            jit_compile: as in Keras.
            **kwargs: `run_eagerly`, `steps_per_execution`.
        """
        if set(optimizers) != set(self.default_loss_weights):
            raise ZooError(
                f"optimizers must name exactly {', '.join(self.default_loss_weights)}; "
                f"received {', '.join(optimizers)}"
            )
        super().compile(optimizer=None, jit_compile=jit_compile, **kwargs)
        self.preset_sha256 = None
        self.optimizers = {}
        self.accumulate = accumulate
        first = self.networks[self.network_names[0]]
        for name in self.default_loss_weights:
            optimizer = optimizers[name]
            if replicas.count() > 1:
                optimizer._all_reduce_sum_gradients = list  # `_apply` has summed them
            if first.compute_dtype == "float16":
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
            optimizer.build(self.optimized(name))
            self.optimizers[name] = optimizer
        if ema_decay:
            self.ema = MovingAverage(first.variables, ema_decay)
        for layer in self._flatten_layers() if replicas.count() > 1 else ():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing: models are built. Keras would take means of a batch's integers over workers."""

    @property
    def metrics(self):
        return [*self._trackers.values(), *self._norms.values()]

    def objective(self, name: str, losses: dict):
        """Logs each loss and returns their weighted sum, scaled for `update`. Call inside the tape.

        The sum is divided by the number of replicas, because gradients are summed over them, and
        multiplied by the optimizer's loss scale.
        """
        weights = self.loss_weights[name]
        if set(losses) != set(weights):
            raise ValueError(
                f"{self.zoo_name}: losses of {name} are {sorted(losses)}, weights {sorted(weights)}"
            )
        for loss, value in losses.items():
            self._log(self._trackers, f"{name}/{loss}", value)
        total = tf.add_n([weights[loss] * value for loss, value in losses.items()])
        return self.optimizers[name].scale_loss(total / replicas.count())

    def _log(self, trackers: dict, key: str, value, weight=None) -> None:
        trackers[key].update_state(value, weight)
        if key not in self.logged:
            self.logged.append(key)

    def descend(self, batch: dict, *names: str, forward: Callable[[dict], dict] | None = None):
        """One step of each optimizer in `names` on the losses of `batch`.

        All gradients are taken before the first step. With `accumulate` the batch goes through in
        so many parts, one after the other, and the mean of their gradients is used: the same as the
        whole batch's where losses are means over rows, but batch norm sees the parts.

        Args:
            batch: the training batch.
            *names: each has a method `<name>_losses(batch, outputs)`.
            forward: makes the outputs from a batch; by default the method `forward`.
        """
        variables = [self.optimized(name) for name in names]
        unconnected = "none" if self.accumulate == 1 else "zero"

        def gradients(batch):
            with tf.GradientTape(persistent=len(names) > 1) as tape:
                outputs = (forward or self.forward)(batch)
                losses = [getattr(self, f"{name}_losses")(batch, outputs) for name in names]
                objectives = [self.objective(*pair) for pair in zip(names, losses, strict=True)]
            return [
                tape.gradient(objective, sources, unconnected_gradients=unconnected)
                for objective, sources in zip(objectives, variables, strict=True)
            ]

        if self.accumulate == 1:
            found = gradients(batch)
        else:
            zeros = [[tf.zeros(v.shape, v.dtype) for v in sources] for sources in variables]
            found = replicas.mean_over_parts(gradients, batch, self.accumulate, zeros)
        for name, gradient in zip(names, found, strict=True):
            self._apply(name, gradient)

    def update(self, name: str, tape: tf.GradientTape, objective) -> None:
        """One step of the optimizer `name` on the gradient of `objective`, of a whole batch."""
        if self.accumulate > 1:
            raise ValueError(f"{self.zoo_name}: with accumulate, train_step must call `descend`")
        self._apply(name, tape.gradient(objective, self.optimized(name)))

    def _apply(self, name: str, gradients: list) -> None:
        """Sums the gradients over the replicas, logs their norm, and applies them."""
        pairs = [
            (g, v) for g, v in zip(gradients, self.optimized(name), strict=True) if g is not None
        ]
        optimizer, variables = self.optimizers[name], [v for _, v in pairs]
        gradients = replicas.total([g for g, _ in pairs])
        norm, weight = tf.linalg.global_norm(gradients), None
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            finite = tf.math.is_finite(norm)  # otherwise the optimizer skips this step
            norm = tf.where(finite, norm / optimizer.dynamic_scale, 0.0)
            weight = tf.cast(finite, "float32")
        self._log(self._norms, f"{name}/gradient_norm", norm, weight)
        optimizer.apply(gradients, variables)

    def finish_step(self) -> dict:
        """Counts the step, moves the average, and returns the logs."""
        self.step.assign_add(1)
        if self.ema is not None:
            self.ema.update()
        logs = {name: tracker.result() for name, tracker in (self._trackers | self._norms).items()}
        if isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
            return {
                name: value[None] for name, value in logs.items()
            }  # Keras takes means of axis 0
        return logs

    def state(self) -> dict[str, keras.Variable]:
        """Everything that a training run must keep: name -> variable."""
        state = {"step": self.step}
        for network in self.networks.values():
            state |= named_variables(network.variables)
        for name, optimizer in self.optimizers.items():
            for i, variable in enumerate(optimizer.variables):  # their paths differ between runs
                state[f"optimizer/{name}/{i}/{variable.name}"] = variable
        if self.ema is not None:
            state["ema/updates"] = self.ema.count
            state |= {f"ema/{key}": v for key, v in named_variables(self.ema.averages).items()}
        return state

    # Verbs -------------------------------------------------------------------------------------

    def complete(self, image, mask, **options):
        """Fills the hole of a photo; see `zoo.tasks.complete`."""
        from zoo import tasks

        return tasks.complete(self, image, mask, **options)

    def edit(self, image, changes, **options):
        """Changes attributes of a face; see `zoo.tasks.edit`."""
        from zoo import tasks

        return tasks.edit(self, image, changes, **options)

    def classify(self, image):
        """Probabilities of attributes; see `zoo.tasks.classify`."""
        from zoo import tasks

        return tasks.classify(self, image)

    def frontalize(self, image, landmarks=None):
        """Turns a face to the camera; see `zoo.tasks.frontalize`."""
        from zoo import tasks

        return tasks.frontalize(self, image, landmarks)

    def save_preset(self, directory: str | os.PathLike, **card):
        """Writes `config.json` and `model.safetensors`; see `zoo.presets.save`."""
        from zoo import presets

        return presets.save(self, directory, **card)

    @contextlib.contextmanager
    def averaged_weights(self):
        """Inside the block the first network holds its averaged weights, if there are any."""
        if self.ema is None:
            yield
            return
        self.ema.swap()
        try:
            yield
        finally:
            self.ema.swap()


def named_variables(variables: list[keras.Variable]) -> dict[str, keras.Variable]:
    """Path -> variable; paths must be unique."""
    named = {v.path: v for v in variables}
    if len(named) != len(variables):
        raise ValueError("two variables share a path")
    return named


def _merge_weights(defaults: dict, overrides: dict) -> dict[str, dict[str, float]]:
    """Defaults with overrides; refuses unknown names and values that are no weights."""
    merged = {network: dict(losses) for network, losses in defaults.items()}
    for network, losses in overrides.items():
        if network not in merged:
            raise ZooError(
                f"loss_weights.{network}: legal are {', '.join(merged)}."
                f"{did_you_mean(network, merged)}"
            )
        for loss, weight in losses.items():
            path = f"loss_weights.{network}.{loss}"
            if loss not in merged[network]:
                legal = merged[network]
                raise ZooError(f"{path}: legal are {', '.join(legal)}.{did_you_mean(loss, legal)}")
            if not math.isfinite(weight) or weight < 0:
                raise ZooError(f"{path} is {weight}; legal are finite numbers >= 0")
            merged[network][loss] = float(weight)
    return merged
