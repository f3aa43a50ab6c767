"""Records what tensorflow-addons computes, for the tests of this package to be held to.

    python -m venv /tmp/addons && /tmp/addons/bin/pip install -r requirements/addons.txt
    /tmp/addons/bin/python requirements/record_addons_layers.py tests/addons

Reads `addons_layers.json` there; writes `addons_layers.npz` (the layers alone), and for two small
models made of them `functional.h5` (`model.save`), `functional_weights.h5` and
`subclassed_weights.h5` (`save_weights`) with their outputs in `models.npz`. Runs in that
environment only, and so shares no code with this package.
"""

import json
import sys
import zlib
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

keras = tf.keras


def drawn(name: str, shape: tuple, offset: float = 0.0, scale: float = 1.0) -> np.ndarray:
    """The rule of the fixtures: normal numbers, seeded by the name."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return (offset + scale * rng.standard_normal(shape)).astype("float32")


# The layers alone.


def build_layer(spec: dict, shape: tuple):
    """The layer of one entry of the JSON with its weights set."""
    if spec["class"] == "SpectralNormalization":
        inner = {
            "Conv2D": lambda: keras.layers.Conv2D(6, 3, padding="same"),
            "Dense": lambda: keras.layers.Dense(6),
        }[spec["inner"]]()
        layer = tfa.layers.SpectralNormalization(inner, spec["power_iterations"])
    elif spec["class"] == "GroupNormalization":
        layer = tfa.layers.GroupNormalization(groups=4, epsilon=spec["epsilon"])
    else:
        layer = tfa.layers.InstanceNormalization(epsilon=spec["epsilon"])
    layer.build(shape)
    values = {
        w["name"].rsplit("/", 1)[1]: drawn(w["name"], w["shape"], w["offset"], w["scale"])
        for w in spec["weights"]
    }
    for variable in layer.weights:
        variable.assign(values[variable.name.rsplit("/", 1)[-1].split(":")[0].replace("sn_", "")])
    return layer


def record_layers(fixture: dict) -> dict[str, np.ndarray]:
    outputs = {}
    (entry,) = fixture["inputs"]
    x = drawn(entry["name"], entry["shape"], entry["offset"], entry["scale"])
    for spec in fixture["layers"]:
        name, layer = spec["name"], build_layer(spec, x.shape)
        if spec["class"] != "SpectralNormalization":
            outputs[name] = layer(x).numpy()
            continue
        for call in (1, 2, 3):
            outputs[f"{name}/call{call}_training"] = layer(x, training=True).numpy()
            outputs[f"{name}/u_after{call}"] = layer.u.numpy()
            outputs[f"{name}/kernel_after{call}"] = layer.w.numpy()
        outputs[f"{name}/inference_after3"] = layer(x, training=False).numpy()
    return outputs


def record_gradients(fixture: dict) -> dict[str, np.ndarray]:
    """Gradient of mean(output ** 2) in the first training call, with respect to the kernel."""
    outputs = {}
    (entry,) = fixture["inputs"]
    x = drawn(entry["name"], entry["shape"], entry["offset"], entry["scale"])
    for spec in fixture["layers"]:
        if spec["class"] == "SpectralNormalization":
            layer = build_layer(spec, x.shape)
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(layer(x, training=True) ** 2)
            outputs[f"{spec['name']}/gradient1"] = tape.gradient(loss, layer.w).numpy()
    return outputs


# Models made of them.


def functional_model():
    """Every kind of layer that imports, a nested model, names of our own and Keras' own ones."""
    layers, addons = keras.layers, tfa.layers
    block = keras.Sequential(
        [
            layers.Conv2D(8, 3, padding="same", use_bias=False, name="block_conv"),
            addons.GroupNormalization(groups=4, name="block_norm"),
            layers.PReLU(shared_axes=[1, 2], name="block_prelu"),
        ],
        name="block",
    )
    inputs = keras.Input((12, 10, 3))
    x = addons.SpectralNormalization(layers.Conv2D(6, 3, strides=2, padding="same"))(inputs)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.Conv2D(8, 3, padding="same")(x)
    x = addons.InstanceNormalization(epsilon=1e-5)(x)
    x = layers.Add()([x, block(x)])
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2DTranspose(5, 4, strides=2, padding="same", name="up")(x)
    x = addons.InstanceNormalization()(x)
    outputs = addons.SpectralNormalization(layers.Dense(4), name="sn_dense")(x)
    return keras.Model(inputs, outputs, name="functional")


class Block(keras.layers.Layer):
    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.conv = keras.layers.Conv2D(filters, 3, padding="same")
        self.norm = tfa.layers.InstanceNormalization()

    def build(self, input_shape):
        self.strength = self.add_weight("strength", (1,))

    def call(self, x):
        return x + self.strength * tf.nn.relu(self.norm(self.conv(x)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = tfa.layers.SpectralNormalization(keras.layers.Conv2D(6, 3, padding="same"))
        self.blocks = [Block(6), Block(6)]
        self.last = keras.layers.Dense(2)

    def build(self, input_shape):
        self.gain = self.add_weight("gain", (2,))
        super().build(input_shape)

    def call(self, x, training=None):
        x = tf.nn.leaky_relu(self.first(x, training=training))
        for block in self.blocks:
            x = block(x)
        return self.gain * self.last(x)


def settle(model, x: np.ndarray, name: str) -> None:
    """Sets every weight by the rule, then trains a little: kernels and `u` as users have them."""
    for i, variable in enumerate(model.weights):
        leaf = variable.name.rsplit("/", 1)[-1].split(":")[0]
        positive = leaf in ("gamma", "moving_variance", "gain", "strength")
        scale = 1.0 if leaf == "sn_u" else 0.3 if "kernel" in leaf else 0.1
        variable.assign(drawn(f"{name}/{i}", variable.shape, float(positive), scale))
    model.compile(keras.optimizers.legacy.SGD(1e-2, momentum=0.5), "mse")
    target = drawn(f"{name}/target", model(x).shape)
    for _ in range(3):
        model.train_on_batch(x, target)


def record_model(model, x: np.ndarray, name: str, directory: Path) -> dict[str, np.ndarray]:
    """Files first: the training call moves `u`, the kernels and the moving statistics."""
    model(x)
    settle(model, x, name)
    if name == "functional":
        model.save(directory / "functional.h5")
    model.save_weights(directory / f"{name}_weights.h5")
    return {
        f"{name}/x": x,
        f"{name}/inference": model(x, training=False).numpy(),
        f"{name}/training": model(x, training=True).numpy(),
    }


def main(directory: Path) -> None:
    fixture = json.loads((directory / "addons_layers.json").read_text())
    np.savez_compressed(directory / "addons_layers.npz", **record_layers(fixture))
    outputs = record_gradients(fixture)
    x = drawn("functional/x", (2, 12, 10, 3), scale=0.5)
    outputs |= record_model(functional_model(), x, "functional", directory)
    x = drawn("subclassed/x", (2, 6, 5, 3), scale=0.5)
    outputs |= record_model(Subclassed(), x, "subclassed", directory)
    np.savez_compressed(directory / "models.npz", **outputs)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
