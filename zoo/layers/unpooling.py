"""Max pooling that remembers where each maximum was, and its inverse (SegNet, Zeiler et al.)."""

from __future__ import annotations

import keras
from keras import ops

TIES = ("row", "caffe")


class _Pool(keras.layers.Layer):
    """What pooling and un-pooling share: the size of the square window, which is its stride too."""

    def __init__(self, pool_size, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(pool_size, int) or pool_size < 1:
            raise ValueError(f"pool_size must be a positive integer. Received: {pool_size!r}")
        self.pool_size = pool_size

    def get_config(self):
        return {**super().get_config(), "pool_size": self.pool_size}


@keras.saving.register_keras_serializable(package="zoo")
class MaxPoolingWithArgmax2D(_Pool):
    """Max pooling that also returns the place of each maximum, for `MaxUnpooling2D`.

    Places are counted inside the window, `pool_size * row + column`. Which of several equal maxima
    counts is decided by a scan of the window in which a later value must be strictly greater;
    after a ReLU many windows are all zero, so it matters. The gradient goes to the same place.

    Written with reshapes and comparisons only: `tf.nn.max_pool_with_argmax` is slower on a CPU, has
    one scan order and no counterpart in ONNX.

    Args:
        pool_size: side and stride of the square window, pixels.
        tie: order of the scan. "row": along the rows, as TensorFlow and PyTorch do. "caffe": along
            the columns. Caffe scans along its own rows, too, but the official code of Generative
            Face Completion hands it transposed images.

    Input `(B, H, W, C)`, H and W multiples of `pool_size`; outputs `(B, H / pool_size,
    W / pool_size, C)` twice: maxima, and places as int32.
    """

    def __init__(self, pool_size: int = 2, tie: str = "row", **kwargs):
        super().__init__(pool_size, **kwargs)
        if tie not in TIES:
            raise ValueError(f"tie must be one of {TIES}. Received: {tie!r}")
        self.tie = tie

    def build(self, input_shape):
        if any(side is not None and side % self.pool_size for side in input_shape[1:3]):
            raise ValueError(
                f"height and width must be multiples of {self.pool_size}. Received: {input_shape}"
            )
        self.built = True

    def call(self, inputs):
        n = self.pool_size
        _, height, width, channels = ops.shape(inputs)
        windows = ops.reshape(inputs, (-1, height // n, n, width // n, n, channels))
        rows = [ops.unstack(row, n, axis=3) for row in ops.unstack(windows, n, axis=2)]
        scan = [(i, j) for i in range(n) for j in range(n)]
        if self.tie == "caffe":
            scan.sort(key=lambda place: place[::-1])
        maxima = rows[0][0]  # (B, H/n, W/n, C)
        places = ops.zeros_like(maxima, dtype="int32")
        for i, j in scan[1:]:
            places = ops.where(rows[i][j] > maxima, n * i + j, places)
            maxima = ops.maximum(maxima, rows[i][j])  # its gradient prefers the first, too
        return maxima, places

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        shape = (batch, *(side and side // self.pool_size for side in sides), channels)
        return shape, shape

    def compute_output_spec(self, inputs):
        shape, _ = self.compute_output_shape(inputs.shape)
        return keras.KerasTensor(shape, inputs.dtype), keras.KerasTensor(shape, "int32")

    def get_config(self):
        return {**super().get_config(), "tie": self.tie}


@keras.saving.register_keras_serializable(package="zoo")
class MaxUnpooling2D(_Pool):
    """Puts each value where `MaxPoolingWithArgmax2D` found its maximum, and zeros elsewhere.

    Args:
        pool_size: factor of enlargement; that of the pooling.

    Input: a list of values and places, both `(B, H, W, C)`; output
    `(B, H * pool_size, W * pool_size, C)`.
    """

    def __init__(self, pool_size: int = 2, **kwargs):
        super().__init__(pool_size, **kwargs)

    def build(self, input_shape):
        values, places = input_shape
        if tuple(values) != tuple(places):
            raise ValueError(f"values and places must have one shape. Received: {input_shape}")
        self.built = True

    def call(self, inputs):
        values, places = inputs
        n = self.pool_size
        _, height, width, channels = ops.shape(values)
        rows = [
            ops.stack(
                [ops.where(ops.equal(places, n * i + j), values, 0) for j in range(n)], axis=3
            )  # (B, H, W, n, C)
            for i in range(n)
        ]
        windows = ops.stack(rows, axis=2)  # (B, H, n, W, n, C)
        return ops.reshape(windows, (-1, height * n, width * n, channels))

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape[0]
        return (batch, *(side and side * self.pool_size for side in sides), channels)
