"""Networks of TP-GAN: an encoder and decoder for the face, four U-Nets for its parts, D."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers.channels import scale_channels
from zoo.layers.fused_batch_norm import FusedBatchNormalization, fused_batch_norm
from zoo.models.tp_gan import patches

NOISE = 100
NOISE_STDDEV = 0.02
_MOMENTUM, _EPSILON = 0.9, 1e-5


def leaky_relu(x):
    return ops.leaky_relu(x, negative_slope=0.2)


def _normal():
    return keras.initializers.RandomNormal(stddev=0.02)


def _truncated_normal():
    return keras.initializers.TruncatedNormal(stddev=0.02)


def batch_norm(**kwargs) -> keras.layers.Layer:
    """Batch normalisation with the constants of the code."""
    return FusedBatchNormalization(momentum=_MOMENTUM, epsilon=_EPSILON, **kwargs)


class BatchStatistics(keras.layers.Layer):
    """Batch normalisation that always uses the statistics of its own batch and keeps no others.

    For the discriminator, which never runs outside of training: a loss that calls it changes
    nothing. Input and output `(B, H, W, C)`.
    """

    def build(self, input_shape):
        self.gamma = self.add_weight(name="gamma", shape=input_shape[-1:], initializer="ones")
        self.beta = self.add_weight(name="beta", shape=input_shape[-1:], initializer="zeros")
        self.built = True

    def call(self, inputs, training=False):
        return fused_batch_norm(inputs, self.gamma, self.beta, _EPSILON)[0]


class GappedTranspose(keras.layers.Conv2DTranspose):
    """Transposed convolution whose strides exceed its kernel by one: gaps hold the bias alone.

    Computed with a row and a column of zeros added to the kernel, which fill the gaps: the same
    numbers, and unlike the gaps a form that ONNX can express.
    """

    def call(self, inputs):
        kernel = ops.pad(self.kernel, ((0, 1), (0, 1), (0, 0), (0, 0)))
        return ops.conv_transpose(inputs, kernel, self.strides, padding="same") + self.bias


class Convolution(keras.layers.Layer):
    """Convolution or transposed convolution with bias, normalisation and activation.

    Padding is TensorFlow's "same": where it must be uneven, the odd pixel is at the end.

    Args:
        filters: channels of the output.
        kernel_size: side of the kernel.
        strides: step; a transposed convolution enlarges by it.
        transposed: whether it is transposed.
        activation: function, or None.
        norm: makes the normalisation layer, or None.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        strides: int = 1,
        *,
        transposed: bool = False,
        activation=leaky_relu,
        norm=batch_norm,
        **kwargs,
    ):
        super().__init__(**kwargs)
        kind = keras.layers.Conv2D
        if transposed:
            gaps = strides > kernel_size
            kind = GappedTranspose if gaps else keras.layers.Conv2DTranspose
        initializer = _normal() if transposed else _truncated_normal()
        self.conv = kind(
            filters,
            kernel_size,
            strides,
            padding="same",
            kernel_initializer=initializer,
            name="conv",
        )
        self.bn = norm(name="bn") if norm else None
        self.activation = activation

    def build(self, input_shape):
        self.conv.build(input_shape)
        if self.bn is not None:
            self.bn.build((*input_shape[:-1], self.conv.filters))
        self.built = True

    def call(self, inputs, training=False):
        x = self.conv(inputs)
        if self.bn is not None:
            x = self.bn(x, training=training)
        return x if self.activation is None else self.activation(x)


class ResidualBlock(keras.layers.Layer):
    """Convolution, norm, leaky ReLU, convolution, norm; plus its input; leaky ReLU.

    Args:
        kernel_size: side of both kernels.
        norm: makes the normalisation layers.

    Input and output `(B, H, W, C)` with the same C.
    """

    def __init__(self, kernel_size: int = 3, norm=batch_norm, **kwargs):
        super().__init__(**kwargs)
        self.kernel_size = kernel_size
        self.norm = norm

    def build(self, input_shape):
        options = {"norm": self.norm}
        channels = input_shape[-1]
        self.first = Convolution(channels, self.kernel_size, **options, name="first")
        self.second = Convolution(
            channels, self.kernel_size, activation=None, **options, name="second"
        )
        self.first.build(input_shape)
        self.second.build(input_shape)
        self.built = True

    def call(self, inputs, training=False):
        x = self.second(self.first(inputs, training=training), training=training)
        return leaky_relu(inputs + x)


def _image(name: str) -> keras.layers.Layer:
    """Last layer of an image: 3x3 to three channels and tanh, though images lie in [0, 1)."""
    return Convolution(3, norm=None, activation=ops.tanh, name=name)


def _run(layers: list, x, training: bool):
    for layer in layers:
        x = layer(x, training=training)
    return x


class Encoder(keras.Model):
    """Face and its mirror image to a code, by way of five maps.

    Args:
        width: factor on the channels.

    Input `(B, 128, 128, 6)`; output the code `(B, 256)` and the maps of sides 128, 64, 32, 16 and 8
    with 64, 64, 128, 256 and 512 channels. The code is the larger half of 512 features (max-out).
    """

    def __init__(self, width: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.levels = []
        for i, (filters, kernel, strides, blocks) in enumerate(
            ((64, 7, 1, 1), (64, 5, 2, 1), (128, 3, 2, 1), (256, 3, 2, 1), (512, 3, 2, 4))
        ):
            filters, norm = scale_channels(filters, width), batch_norm if i else None
            conv = Convolution(filters, kernel, strides, norm=norm, name=f"conv{i}")
            residuals = [ResidualBlock(kernel, name=f"conv{i}_res{j}") for j in range(blocks)]
            self.levels.append([conv, *residuals])
        self.flatten = keras.layers.Flatten(name="flatten")
        self.feature = keras.layers.Dense(
            scale_channels(512, width),
            kernel_initializer=_normal(),
            bias_initializer=keras.initializers.Constant(0.1),
            name="feature",
        )

    def call(self, inputs, training=False):
        maps, x = [], inputs
        for level in self.levels:
            x = _run(level, x, training)
            maps.append(x)
        first, second = ops.split(self.feature(self.flatten(x)), 2, axis=-1)
        return ops.maximum(first, second), maps


class PartRotator(keras.Model):
    """U-Net that turns one part of the face, of a height and width that are multiples of 8.

    Args:
        width: factor on the channels.

    Input `(B, h, w, 3)`, or 6 channels; output features `(B, h, w, 64)` and the part
    `(B, h, w, 3)`.
    """

    def __init__(self, width: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        channels = [scale_channels(c, width) for c in (64, 128, 256, 512)]
        self.down, self.up, self.merge = [], [], []
        for i, filters in enumerate(channels):
            norm, strides = (batch_norm, 2) if i else (None, 1)
            conv = Convolution(filters, 3, strides, norm=norm, name=f"conv{i}")
            blocks = 2 if i == 3 else 1
            residuals = [ResidualBlock(name=f"conv{i}_res{j}") for j in range(blocks)]
            self.down.append([conv, *residuals])
        for i, filters in enumerate(channels[-2::-1], start=1):
            self.up.append(Convolution(filters, 3, 2, transposed=True, name=f"deconv{i}"))
            merge = Convolution(filters, name=f"merge{i}")
            self.merge.append([merge, ResidualBlock(name=f"merge{i}_res")])
        self.image = _image("image")

    def call(self, inputs, training=False):
        skips, x = [], inputs
        for level in self.down:
            x = _run(level, x, training)  # (B, h, w, 64), (B, h/2, w/2, 128), ...
            skips.append(x)
        for up, merge, skip in zip(self.up, self.merge, skips[-2::-1], strict=True):
            x = ops.concatenate([up(x, training=training), skip], axis=-1)
            x = _run(merge, x, training)
        return x, self.image(x)


class Decoder(keras.Model):
    """Code, noise, the encoder's maps and the turned parts to the frontal face at three sizes.

    Args:
        width: factor on the channels.
    """

    def __init__(self, width: float = 1.0, **kwargs):
        super().__init__(**kwargs)

        def up(filters, strides=2, name="", **options):
            filters = scale_channels(filters, width)
            return Convolution(
                filters, 3, strides, transposed=True, activation=ops.relu, name=name, **options
            )

        self.initial8 = keras.layers.Dense(
            64 * scale_channels(64, width),
            kernel_initializer=_normal(),
            bias_initializer=keras.initializers.Constant(0.1),
            name="initial8",
        )
        self.reshape = keras.layers.Reshape((8, 8, -1), name="reshape")
        self.initial = [
            up(32, 4, "initial32", norm=None),
            up(16, 2, "initial64", norm=None),
            up(8, 2, "initial128", norm=None),
        ]
        kernels = {8: 2, 16: 3, 32: 3, 64: 5, 128: 7}
        self.select = {side: ResidualBlock(k, name=f"select{side}") for side, k in kernels.items()}
        self.deconv = {
            side: up(filters, name=f"deconv{side}")
            for side, filters in {16: 512, 32: 256, 64: 128, 128: 64}.items()
        }
        self.residuals = {
            side: [ResidualBlock(kernel, name=f"dec{side}_res{i}") for i in (1, 2)]
            for side, kernel in {8: 2, 16: 3, 32: 3, 64: 3}.items()
        }
        self.last = [
            ResidualBlock(5, name="dec128_res1"),
            Convolution(scale_channels(64, width), 5, name="recon128_conv1"),
            ResidualBlock(3, name="dec128_res2"),
            Convolution(scale_channels(32, width), 3, name="recon128_conv2"),
        ]
        self.images = {side: _image(f"image{side}") for side in (32, 64, 128)}

    def call(self, code, noise, maps, faces, parts, training=False):
        """Returns the face at 32, 64 and 128 pixels.

        Args:
            code: `(B, 256)`.
            noise: `(B, 100)`.
            maps: the encoder's, side -> `(B, side, side, C)`.
            faces: the encoder's input, side -> `(B, side, side, 6)` for 32, 64 and 128.
            parts: fused features and fused images of the parts, `(B, 128, 128, C)` each.
            training: whether batch norm uses the batch's statistics.
        """

        def select(side, *inputs):
            return self.select[side](_joined(*inputs), training=training)

        def deconv(side, x):
            return self.deconv[side](x, training=training)

        initial8 = ops.relu(self.reshape(self.initial8(_joined(code, noise))))
        initial32 = self.initial[0](initial8)
        initial64 = self.initial[1](initial32)
        initial128 = self.initial[2](initial64)

        x = _run(self.residuals[8], select(8, initial8, maps[8]), training)  # (B, 8, 8, 576)
        x = _joined(deconv(16, x), select(16, maps[16]))  # (B, 16, 16, 768)
        x = _run(self.residuals[16], x, training)
        x = _joined(deconv(32, x), select(32, maps[32], faces[32], initial32))  # (B, 32, 32, 422)
        x = _run(self.residuals[32], x, training)
        image32 = self.images[32](x)
        chosen = select(64, maps[64], faces[64], initial64)
        x = _joined(deconv(64, x), chosen, _resized(image32, 64))  # (B, 64, 64, 217)
        x = _run(self.residuals[64], x, training)
        image64 = self.images[64](x)
        chosen = select(128, maps[128], initial128, faces[128])
        x = _joined(deconv(128, x), chosen, *parts, _resized(image64, 128))  # (B, 128, 128, 212)
        image128 = self.images[128](_run(self.last, x, training))
        return image32, image64, image128


def _joined(*tensors):
    return tensors[0] if len(tensors) == 1 else ops.concatenate(tensors, axis=-1)


def _resized(image, side: int):
    return ops.image.resize(image, (side, side), interpolation="bilinear")


class Generator(keras.Model):
    """The two pathways: encoder and decoder for the whole face, four networks for its parts.

    Args:
        width: factor on the channels.
    """

    def __init__(self, width: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.encoder = Encoder(width, name="encoder")
        self.decoder = Decoder(width, name="decoder")
        self.rotators = {name: PartRotator(width, name=name) for name in patches.SIZES}

    def rotate(self, parts: dict, training: bool = False) -> tuple[dict, dict]:
        """The local pathway alone.

        The right eye's network sees the left eye as well; it may be the only one in view.

        Args:
            parts: name -> `(B, h, w, 3)`, as `patches.cut` returns them.
            training: whether batch norm uses the batch's statistics.

        Returns:
            Features and images by name.
        """
        inputs = {**parts, "right_eye": _joined(parts["right_eye"], parts["left_eye"])}
        features, images = {}, {}
        for name, rotator in self.rotators.items():
            features[name], images[name] = rotator(inputs[name], training=training)
        return features, images

    def call(self, face, parts, noise, training=False):
        """Turns faces that look to the right of the image.

        Args:
            face: `(B, 128, 128, 3)` in [0, 1).
            parts: name -> `(B, h, w, 3)`, cut from it.
            noise: `(B, 100)`.
            training: whether batch norm uses the batch's statistics.

        Returns:
            `image` 128, `half` 64 and `quarter` 32 pixels square, the `parts` by name, and the
            `code`; all float32.
        """
        features, images = self.rotate(parts, training)
        both = _joined(face, face[:, :, ::-1])  # (B, 128, 128, 6)
        code, maps = self.encoder(both, training=training)
        image32, image64, image128 = self.decoder(
            code,
            noise,
            dict(zip((128, 64, 32, 16, 8), maps, strict=True)),
            {128: both, 64: _resized(both, 64), 32: _resized(both, 32)},
            [patches.fuse(features), patches.fuse(images)],
            training=training,
        )
        return {
            "image": ops.cast(image128, "float32"),
            "half": ops.cast(image64, "float32"),
            "quarter": ops.cast(image32, "float32"),
            "parts": {name: ops.cast(image, "float32") for name, image in images.items()},
            "code": ops.cast(code, "float32"),
        }


class IdentityHead(keras.Model):
    """Code `(B, 256)` to logits `(B, identities)`, float32; used in training only."""

    def __init__(self, identities: int, **kwargs):
        super().__init__(**kwargs)
        self.linear = keras.layers.Dense(identities, kernel_initializer=_normal(), name="linear")

    def call(self, code):
        return ops.cast(self.linear(code), "float32")


class Discriminator(keras.Model):
    """Judges 16 regions of a frontal face.

    Args:
        width: factor on the channels.

    Input `(B, 128, 128, 3)` in [0, 1), output logits `(B, 4, 4, 1)`, float32.
    """

    def __init__(self, width: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.body = []
        for i, filters in enumerate((64, 128, 256, 512, 512)):
            norm = BatchStatistics if i else None
            filters = scale_channels(filters, width)
            self.body.append(Convolution(filters, 3, 2, norm=norm, name=f"h{i}"))
            if i >= 3:
                self.body.append(ResidualBlock(norm=BatchStatistics, name=f"h{i}_res"))
        self.logits = Convolution(1, 1, norm=None, activation=None, name="h5")

    def call(self, image):
        return ops.cast(self.logits(_run(self.body, image, training=True)), "float32")
