"""Random batches that look like what a model reads, for tests and timings."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from zoo.gan import GANModel

# eyes, nose and mouth corners of an aligned face, shares of the side (x, y)
_FACE = ((0.34, 0.32), (0.66, 0.32), (0.5, 0.5), (0.37, 0.69), (0.64, 0.69))


def random_batch(model: GANModel, batch_size: int = 2, seed: int = 0) -> dict[str, tf.Tensor]:
    """Every key that `call` reads: images and colours of noisy blocks, a hole, sparse lines."""
    return _random_batch(model, model.input_keys, batch_size, seed)


def training_batch(model: GANModel, batch_size: int = 2, seed: int = 0) -> dict[str, tf.Tensor]:
    """Every key that `train_step` reads, for `batches_per_step` batches in one."""
    keys = (*model.input_keys, *model.training_keys)
    return _random_batch(model, keys, batch_size * model.batches_per_step, seed)


def _random_batch(model, keys, batch_size, seed) -> dict[str, tf.Tensor]:
    rng = np.random.default_rng(seed)
    batch = {}
    for key in keys:
        shape = (batch_size, *model.key_shape(key)[1:])
        dtype = "float32"
        if key == "mask":
            height, width = shape[1:3]
            value = np.zeros(shape)
            value[:, height // 4 : height // 2, width // 4 : -width // 4] = 1
        elif key in ("sketch", "noise"):
            value = rng.random(shape) < 0.15
        elif key in ("attributes", "target_attributes"):
            value = rng.random(shape) < 0.5
        elif key.endswith("landmarks"):
            size = model.default_size
            points = np.array(_FACE) * size + rng.uniform(-1, 1, shape)
            value = points.round()
        elif key == "identity":
            value, dtype = rng.integers(0, 2, shape), "int32"
        elif key == "parsing":
            coarse = rng.integers(0, 11, (batch_size, 4, 4))
            value = np.kron(coarse, np.ones((1, shape[1] // 4, shape[2] // 4)))
            dtype = "int32"
        elif key == "yaw":
            value = rng.uniform(-90, 90, shape)
        else:
            coarse = rng.uniform(-0.8, 0.8, (batch_size, 4, 4, shape[3]))
            value = np.kron(coarse, np.ones((1, shape[1] // 4, shape[2] // 4, 1)))
            value += rng.uniform(-0.1, 0.1, shape)  # where all is flat, rounding decides maxima
        batch[key] = tf.constant(value.astype(dtype))
    return batch
