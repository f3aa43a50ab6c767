"""Training batches: labelled faces, and holes and hints drawn into them where a model asks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import cv2
import numpy as np

from zoo import masks
from zoo.config import AugmentationSection, HintSection, MaskComponent, MaskSection
from zoo.data import hints
from zoo.data.augmentation import augment
from zoo.errors import ZooError

_INTEGERS = ("parsing", "identity")
_TO_FLOAT = np.arange(256, dtype=np.float32) / 127.5 - 1.0  # uint8 -> [-1, 1]
_STROKES = ("max_draw", "max_line", "max_angle", "max_length", "brush_width")
_MASK_OPTIONS = {
    "sc_fegan": ("hair_probability", *_STROKES),
    "center": ("side",),
    "rectangle": ("min_side", "max_side"),
    "irregular": ("bucket",),
}


def split(dataset, held_out: int, max_yaw: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Indices for training and for validation: the set's own, or a split by identity.

    Of a set that has a split for training but none for validation only the former is split, so that
    what it keeps for tests is not trained with.

    Args:
        dataset: with `indices(name)` and `identities`, as SynthFaces and the readers are.
        held_out: see `split_identities`; not read where the set has both splits.
        max_yaw: leaves out faces turned further to either side, degrees; the data must have `yaws`.

    Raises:
        ZooError: one side would be empty, or the data has no yaws.
    """
    parts = _own_split(dataset, "train"), _own_split(dataset, "val")
    if not all(map(len, parts)):
        pool = parts[0] if len(parts[0]) else np.arange(len(dataset.identities))
        parts = tuple(pool[part] for part in split_identities(dataset.identities[pool], held_out))
    if max_yaw is None:
        return parts
    return tuple(_turned_at_most(max_yaw, dataset, part) for part in parts)


def _own_split(dataset, name: str) -> np.ndarray:
    try:
        return dataset.indices(name)
    except ZooError:  # no such split
        return np.zeros(0, np.int64)


def _turned_at_most(max_yaw: float, dataset, indices: np.ndarray) -> np.ndarray:
    yaws = getattr(dataset, "yaws", None)
    if yaws is None:
        raise ZooError(
            f"max_yaw is {max_yaw}, but the data has no yaws; legal for it is none. "
            "SynthFaces and multi_pie have yaws"
        )
    kept = indices[np.abs(yaws[indices]) <= max_yaw]
    if not len(kept):
        least = np.abs(yaws[indices]).min()
        raise ZooError(
            f"max_yaw is {max_yaw}, but the least yaw of {len(indices)} faces is {least}"
        )
    return kept


def split_identities(identities: np.ndarray, held_out: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices for training and for validation; no identity is in both.

    Args:
        identities: identity of each image.
        held_out: every `held_out`-th identity is for validation.

    Raises:
        ZooError: one side would be empty.
    """
    validation = identities % held_out == held_out - 1
    if validation.all() or not validation.any():
        raise ZooError(
            f"{len(np.unique(identities))} identities cannot be split with held_out={held_out}; "
            "make more images or lower held_out"
        )
    return np.flatnonzero(~validation), np.flatnonzero(validation)


class Batches:
    """Batch number n as a pure function of (seed, n): any step can be made again on its own.

    A batch holds the keys that were asked for, in the forms of the batch contract:
    `image`, `frontal` (B, H, W, 3), `mask`, `sketch`, `color`, `noise` (B, H, W, C), `attributes`
    and `target_attributes` (B, n), `landmarks`, `frontal_landmarks` (B, 5, 2), `yaw` (B,), all
    float32; `parsing` (B, H, W) and `identity` (B,) int32. `target_attributes` are the attributes
    of the batch in another order.

    On a cluster each worker makes its own rows of every batch, in blocks: worker 0 the first, and
    so on. Together they are the batch that one worker alone would make.

    Args:
        dataset: sequence of examples, dicts as `zoo.data.synthfaces` gives them.
        indices: examples to draw from; each is used once before any is used again.
        batch_size: examples per batch, of all workers together.
        seed: of order, augmentation, masks, strokes and noise.
        keys: batch key -> its shape without the batch axis.
        mask_settings: kind and limits of the holes.
        hint_settings: what is drawn into them.
        augmentation: random changes of the images.
        attribute_columns: columns of the data's attributes that the model has; None = all.
        joined: number of batches that one training step uses up; it receives them in one.
        worker: which of the workers this is, from 0.
        workers: how many share each batch; a divisor of `batch_size`.

    Raises:
        ZooError: the data lacks a key, or has other attributes; the batch cannot be shared so.
    """

    def __init__(
        self,
        dataset,
        indices: np.ndarray,
        batch_size: int,
        seed: int,
        keys: Mapping[str, tuple],
        *,
        mask_settings: MaskSection | None = None,
        hint_settings: HintSection | None = None,
        augmentation: AugmentationSection | None = None,
        attribute_columns: list[int] | None = None,
        joined: int = 1,
        worker: int = 0,
        workers: int = 1,
    ):
        self.dataset = dataset
        self.indices = np.asarray(indices)
        self.batch_size = batch_size
        self.seed = seed
        self.keys = dict(keys)
        self.masks = mask_settings or MaskSection()
        self.hints = hint_settings or HintSection()
        self.augmentation = augmentation or AugmentationSection()
        self.attribute_columns = attribute_columns
        self.joined = joined
        self.rows = _rows(batch_size, worker, workers)
        self._order = functools.lru_cache(maxsize=2)(self._epoch_order)  # two meet in a batch
        self._check()

    def _check(self) -> None:
        face = self.dataset[int(self.indices[0])]
        needed = {"image", *self.keys} - {"mask", "noise", "target_attributes"}
        if "target_attributes" in self.keys:
            needed |= {"attributes"}
        kinds = {part.kind for part in (self.masks, *self.masks.components)}
        if "mask" in self.keys and "sc_fegan" in kinds:
            needed |= {"landmarks", "parsing"}
        missing = sorted(needed - face.keys())
        if missing:
            raise ZooError(f"the data has no {', '.join(missing)}; it has {', '.join(face)}")
        if self.augmentation.cut == "random" and not getattr(self.dataset, "cuts_anywhere", False):
            raise ZooError(
                "augmentation.cut is random, but the data has no more of a photograph than its "
                "picture; legal is center"
            )
        if hasattr(self.dataset, "only"):  # the rest need not be decoded
            self.dataset = self.dataset.only(needed)
        for key, value in self(0).items():
            if value.shape[1:] != tuple(self.keys[key]):
                raise ZooError(
                    f"the data's {key} has shape {value.shape[1:]}; "
                    f"the model needs {tuple(self.keys[key])}"
                )

    def __call__(self, step: int) -> dict[str, np.ndarray]:
        """Makes the batch of one step."""
        parts = [self._batch(n) for n in range(step * self.joined, (step + 1) * self.joined)]
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

    def _batch(self, number: int) -> dict[str, np.ndarray]:
        first = number * self.batch_size
        faces = {row: self._face(first + row) for row in self.rows}
        shared = None
        if "mask" in self.keys and self.masks.same_in_batch:
            rng = np.random.default_rng((self.seed, 2, number))
            shared = _mask_generator(self.masks, {})(*self.keys["mask"][:2], rng)
        examples = []
        for row, face in faces.items():
            rng = np.random.default_rng((self.seed, 1, first + row))
            examples.append(self._example(face, rng, shared))
        batch = {key: np.stack([example[key] for example in examples]) for key in self.keys}
        if "target_attributes" in self.keys:
            order = np.random.default_rng((self.seed, 3, number)).permutation(self.batch_size)
            others = [order[row] for row in self.rows]  # some may be rows of another worker
            faces |= {row: self._face(first + row) for row in others if row not in faces}
            batch["target_attributes"] = np.stack([self._attributes(faces[r]) for r in others])
        return batch

    def _face(self, position: int) -> dict[str, np.ndarray]:
        epoch, place = divmod(position, len(self.indices))
        index = int(self._order(epoch)[place])
        if self.augmentation.cut == "random":
            return self.dataset.drawn(index, np.random.default_rng((self.seed, 4, position)))
        return self.dataset[index]

    def _epoch_order(self, epoch: int) -> np.ndarray:
        return np.random.default_rng((self.seed, 0, epoch)).permutation(self.indices)

    def _attributes(self, face: dict) -> np.ndarray:
        values = face["attributes"].astype(np.float32)
        return values if self.attribute_columns is None else values[self.attribute_columns]

    def _example(self, face: dict, rng, shared_mask) -> dict[str, np.ndarray]:
        """One face with what is drawn into it, in the order of the random draws."""
        face = augment(face, rng, self.augmentation)
        return {key: self._value(key, face, rng, shared_mask) for key in _drawing_order(self.keys)}

    def _value(self, key: str, face: dict, rng, shared_mask) -> np.ndarray:
        height, width = face["image"].shape[:2]
        if key in ("image", "frontal"):
            return cv2.LUT(face[key], _TO_FLOAT)
        if key == "mask":
            if shared_mask is not None:
                return shared_mask
            return _mask_generator(self.masks, face)(height, width, rng)
        if key == "sketch":
            drawn = rng.random() < self.hints.sketch_probability
            return (face[key] * drawn)[..., None].astype(np.float32)
        if key == "color":
            drawn = rng.random() < self.hints.color_probability
            strokes = hints.color_strokes(face[key], rng) if drawn else np.zeros_like(face[key])
            return cv2.LUT(strokes, _TO_FLOAT)
        if key == "noise":
            return hints.noise((height, width), rng, self.hints.noise, self.keys[key][-1])
        if key in ("attributes", "target_attributes"):
            return self._attributes(face)
        return np.asarray(face[key], np.int32 if key in _INTEGERS else np.float32)

    def as_dataset(self, start: int, stop: int):
        """A `tf.data.Dataset` of the batches of steps `start` to `stop - 1`, made ahead of use."""
        import tensorflow as tf

        first = self(start)
        keys = list(first)
        types = [tf.as_dtype(first[key].dtype) for key in keys]

        def values(step):
            batch = self(int(step))
            return [batch[key] for key in keys]

        def make(step):
            batch = tf.numpy_function(values, [step], types)
            return {
                key: tf.ensure_shape(value, first[key].shape)
                for key, value in zip(keys, batch, strict=True)
            }

        return tf.data.Dataset.range(start, stop).map(make, num_parallel_calls=2).prefetch(4)


def _mask_generator(settings: MaskSection | MaskComponent, face: dict) -> Callable:
    """What draws a hole into a face, called with (height, width, rng)."""
    if settings.kind == "mixture":
        parts = settings.components
        return functools.partial(
            masks.mixture,
            kinds=[_mask_generator(part, face) for part in parts],
            weights=[part.weight for part in parts],
        )
    options = {name: getattr(settings, name) for name in _MASK_OPTIONS.get(settings.kind, ())}
    if settings.kind == "sc_fegan":
        options |= {"landmarks": face["landmarks"], "parsing": face["parsing"]}
    return functools.partial(getattr(masks, settings.kind), **options)


def _rows(batch_size: int, worker: int, workers: int) -> range:
    """The rows of a batch that one worker makes."""
    if not 0 <= worker < workers:
        raise ZooError(f"worker is {worker} of {workers}; legal are 0 to {workers - 1}")
    if batch_size % workers:
        raise ZooError(
            f"a batch of {batch_size} cannot be shared by {workers} workers; "
            f"legal is a multiple of {workers}"
        )
    share = batch_size // workers
    return range(worker * share, (worker + 1) * share)


def _drawing_order(keys) -> list[str]:
    """Mask, sketch, colour and noise draw random numbers, always in this order."""
    drawn = [key for key in ("mask", "sketch", "color", "noise") if key in keys]
    return drawn + [key for key in keys if key not in drawn]
