"""Generator of AttGAN: an encoder-decoder with direct skip connections."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from zoo.layers.attribute_editing import Decoder, Encoder


class Generator(keras.Model):
    """The encoder sees the image; the attributes join at the code and after the first layer.

    Args:
        channels: of the encoder's layers.
        skips: number of skip connections, innermost first.

    Inputs: image `(B, H, W, 3)` and attributes `(B, n)`; output `(B, H, W, 3)` in [-1, 1], float32.
    """

    def __init__(self, channels: Sequence[int], skips: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.skips = skips
        self.encoder = Encoder(channels, name="encoder")
        self.decoder = Decoder(channels[:0:-1], inject_layers=1, name="decoder")

    def call(self, image, attributes, training=False):
        return self.decode(self.encoder(image, training=training), attributes, training=training)

    def decode(self, features: list, attributes, training=False):
        """Features of all levels of the encoder, edited and decoded."""
        *inner, code = features
        skips = inner[::-1][: self.skips]
        return self.decoder(code, attributes, skips, training=training)
