"""Context Encoder for feature learning: AlexNet trained to fill holes, without labels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import keras
import numpy as np
import tensorflow as tf
from keras import ops

from zoo import replicas
from zoo.errors import ZooError
from zoo.gan import GANModel
from zoo.layers import ChannelwiseDense
from zoo.layers.channels import scale_channels
from zoo.models.arguments import check_choice, check_width

DOWNSAMPLING = ("pool", "convolution")
LEAST_SIZE = 67
"""Side of the smallest image that leaves one position at pool5, pixels."""

_CHUNK = 32
_HOLE_COLOR = (123.0, 117.0, 104.0)  # ImageNet's mean R, G, B; the paper's constant mean value

# AlexNet's filters, kernel, stride, padding and whether it is halved after
_CONVOLUTIONS = (
    (96, 11, 4, "valid", True),
    (256, 5, 1, "same", True),
    (384, 3, 1, "same", False),
    (384, 3, 1, "same", False),
    (256, 3, 1, "same", True),
)
_UP = (128, 64, 64, 32, 3)


class Encoder(keras.Model):
    """AlexNet from conv1 to pool5, in one column: no groups, no local response normalisation.

    Args:
        downsampling: "pool" (3x3 max pooling of stride 2) or "convolution" (3x3 convolutions of
            stride 2 in their place: the paper's pool-free net, whose fillings are finer).
        width: factor on all channels.

    Input `(B, 227, 227, 3)`, output `(B, 6, 6, 256)`.
    """

    def __init__(self, downsampling: str = "pool", width: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.stages = []
        for i, (channels, kernel, strides, padding, halved) in enumerate(_CONVOLUTIONS):
            filters = scale_channels(channels, width)
            options = {"activation": "relu", "kernel_initializer": "he_normal"}
            self.stages.append(
                keras.layers.Conv2D(
                    filters, kernel, strides, padding, name=f"conv{i + 1}", **options
                )
            )
            if halved and downsampling == "pool":
                self.stages.append(keras.layers.MaxPooling2D(3, 2, name=f"pool{i + 1}"))
            elif halved:
                self.stages.append(
                    keras.layers.Conv2D(filters, 3, 2, name=f"pool{i + 1}", **options)
                )

    def call(self, inputs):
        x = inputs
        for stage in self.stages:  # 227 -> 55 -> 27 -> 13 -> 6
            x = stage(x)
        return x


class Decoder(keras.Model):
    """Channel-wise dense layer, 1x1 convolution, five enlargements, tanh, resized to the image.

    Args:
        image_size: side of the output, pixels.
        width: factor on all inner channels.

    Input `(B, 6, 6, 256)`, output `(B, image_size, image_size, 3)` in [-1, 1], float32.
    """

    def __init__(self, image_size: int = 227, width: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.image_size = image_size
        self.channelwise = ChannelwiseDense(name="channelwise")
        self.across = keras.layers.Conv2D(
            scale_channels(_CONVOLUTIONS[-1][0], width),
            1,
            activation="relu",
            kernel_initializer="he_normal",
            name="across",
        )
        self.up = [
            keras.layers.Conv2DTranspose(
                3 if c == 3 else scale_channels(c, width),
                5,
                strides=2,
                padding="same",
                output_padding=0,  # n -> 2 n - 1
                activation="tanh" if c == 3 else "relu",
                kernel_initializer="glorot_normal" if c == 3 else "he_normal",
                name=f"deconv{i + 1}",
            )
            for i, c in enumerate(_UP)
        ]

    def bottleneck(self, pool5):
        """What all positions and then all channels know together, the shape of pool5."""
        return self.across(ops.relu(self.channelwise(pool5)))

    def call(self, inputs):
        x = self.bottleneck(inputs)
        for up in self.up:  # 6 -> 11 -> 21 -> 41 -> 81 -> 161
            x = up(x)
        return tf.image.resize(ops.cast(x, "float32"), (self.image_size, self.image_size))


class ContextEncoderFeatures(GANModel):
    """Learns features of images by filling holes in them (figure 9b of the paper).

    `call` returns pool5, flattened: `(B, 6 * 6 * 256)`. The features serve retrieval
    (`zoo.evaluation.retrieval`) and nearest-neighbour inpainting (`zoo.evaluation.baselines`).

    One training step::

        x_gen = decoder(encoder(erased image))
        update both on  sum over the hole of (x_gen - x)^2 / its number of values

    There is no discriminator: AlexNet diverged with one.

    Args:
        image_size: side of the images, pixels; at least 67.
        downsampling: "pool" or "convolution"; see `Encoder`.
        width: factor on the channels of both networks.
        loss_weights: overrides by network and loss.

    Source: Pathak et al., CVPR 2016, sections 3.1 and 4.2. No training code was released; sizes of
    the decoder from third-party notes, initialisers and the final tanh ours.
    """

    zoo_name = "context_encoder_features"
    task = "embed"
    input_keys = ("image",)
    training_keys = ("mask",)
    channels = {"image": 3, "mask": 1}
    output_key = "features"
    network_names = ("encoder", "decoder")
    default_loss_weights = {"generator": {"reconstruction": 1.0}}
    fixed_size = True

    def __init__(
        self,
        *,
        image_size: int = 227,
        downsampling: str = "pool",
        width: float = 1.0,
        loss_weights: dict[str, dict[str, float]] | None = None,
        name: str | None = None,
    ):
        if not LEAST_SIZE <= image_size <= 512:
            raise ZooError(f"image_size is {image_size}; legal is {LEAST_SIZE} to 512")
        check_choice("downsampling", downsampling, DOWNSAMPLING)
        check_width(width)
        super().__init__(image_size=image_size, loss_weights=loss_weights, name=name)
        self.downsampling = downsampling
        self.width = width
        self.encoder = Encoder(downsampling, width, name="encoder")
        self.decoder = Decoder(image_size, width, name="decoder")
        self.decoder(self.encoder(tf.zeros((1, image_size, image_size, 3))))
        self.built = True

    @property
    def pad_multiple(self) -> int:
        return self.default_size

    def optimized(self, name: str) -> list[keras.Variable]:
        return self.encoder.trainable_variables + self.decoder.trainable_variables

    # Forward -----------------------------------------------------------------------------------

    def forward(self, batch: dict) -> dict:
        """`generated`: the image as the nets see it through the hole, `(B, H, W, 3)`."""
        self.check_batch(batch)
        mask = batch["mask"]
        color = tf.constant(_HOLE_COLOR) / 127.5 - 1.0
        erased = batch["image"] * (1.0 - mask) + color * mask
        return {"generated": self.decoder(self.encoder(erased))}

    def call(self, batch, training=False):
        self.check_batch(batch)
        return _flat(self.encoder(batch["image"]))

    def features(self, images: Sequence[np.ndarray], layer: str = "pool5") -> np.ndarray:
        """Features of pictures of any size.

        Args:
            images: (H, W, 3) uint8 RGB each, or one array (N, H, W, 3).
            layer: "pool5", or "bottleneck", which has seen the whole image at every position.

        Returns:
            (N, features) float32.

        Raises:
            ZooError: unknown layer, no image, or one of another form.
        """
        if layer not in ("pool5", "bottleneck"):
            raise ZooError(f"layer is {layer!r}; legal are pool5, bottleneck")
        if not len(images):
            raise ZooError("images is empty; legal is at least one image")
        found = []
        for start in range(0, len(images), _CHUNK):
            batch = np.stack([self._prepared(image) for image in images[start : start + _CHUNK]])
            pool5 = self.encoder(batch)
            found.append(_flat(pool5 if layer == "pool5" else self.decoder.bottleneck(pool5)))
        return np.concatenate(found)

    def _prepared(self, image: np.ndarray) -> np.ndarray:
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise ZooError(
                f"an image must be (H, W, 3) uint8 RGB; received {image.dtype} {image.shape}"
            )
        size = self.default_size
        smaller = size < min(image.shape[:2])
        interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        image = cv2.resize(image, (size, size), interpolation=interpolation)
        return image.astype(np.float32) / 127.5 - 1.0

    # Losses and step ---------------------------------------------------------------------------

    def generator_losses(self, batch: dict, outputs: dict) -> dict:
        mask = batch["mask"]
        error = mask * tf.square(outputs["generated"] - batch["image"])
        holes = replicas.mean(tf.reduce_sum(mask))  # each replica's share, as if all were alike
        values = 3.0 * tf.maximum(holes, 1.0)  # a batch without hole costs nothing
        return {"reconstruction": tf.reduce_sum(error) / values}

    def train_step(self, batch):
        self.descend(batch, "generator")
        return self.finish_step()

    def get_config(self) -> dict:
        return {
            "image_size": self.default_size,
            "downsampling": self.downsampling,
            "width": self.width,
            "loss_weights": self.all_loss_weights,
            "name": self.name,
        }


def _flat(features):
    """`(B, H, W, C)` as `(B, H * W * C)`, float32."""
    return tf.cast(tf.reshape(features, (-1, int(np.prod(features.shape[1:])))), "float32")
