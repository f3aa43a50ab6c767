"""Generator of STGAN: an encoder-decoder with selective transfer units for skip connections."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from zoo.layers import SelectiveTransferUnit
from zoo.layers.attribute_editing import Decoder, Encoder

ONE_MORE_CONV = (0, 1, 3)


class Generator(keras.Model):
    """The encoder sees the image; the attributes join at the code, in the units and the decoder.

    Args:
        channels: of the encoder's layers.
        decoder_channels: of the decoder's layers but the last.
        unit_channels: of the transfer units, innermost first; empty for plain skip connections.
        shortcut_layers: number of skip connections, innermost first.
        inject_layers: after how many layers of the decoder the attributes join again.
        stu_state, stu_norm: see `SelectiveTransferUnit`.
        stu_inject_layers: after how many units the attributes join the state again.
        multi_inputs: see `Encoder`.
        last_kernel: see `Decoder`.

    Inputs: image `(B, H, W, 3)` and attributes `(B, n)`; output `(B, H, W, 3)` in [-1, 1], float32.
    """

    def __init__(
        self,
        channels: Sequence[int],
        decoder_channels: Sequence[int],
        unit_channels: Sequence[int],
        shortcut_layers: int,
        inject_layers: int,
        stu_state: str = "stu",
        stu_norm: str = "none",
        stu_inject_layers: int = 4,
        multi_inputs: int = 1,
        last_kernel: int = 4,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.shortcut_layers = shortcut_layers
        self.stu_inject_layers = stu_inject_layers
        self.encoder = Encoder(channels, multi_inputs, name="encoder")
        level = len(channels) - 1  # stu4 is the innermost of five levels, as in the paper
        self.units = [
            SelectiveTransferUnit(c, stu_state, stu_norm, name=f"stu{level - i}")
            for i, c in enumerate(unit_channels)
        ]
        self.decoder = Decoder(decoder_channels, inject_layers, last_kernel, name="decoder")

    def call(self, image, attributes, training=False):
        return self.decode(self.encoder(image, training=training), attributes, training=training)

    def decode(self, features: list, attributes, training=False):
        """Features of all levels of the encoder, edited and decoded."""
        *inner, code = features
        skips = inner[::-1][: self.shortcut_layers]
        if self.units:
            skips = self._transferred(skips, code, attributes, training)
        return self.decoder(code, attributes, skips, training=training)

    def _transferred(self, skips: list, state, attributes, training: bool) -> list:
        transferred = []
        for i, (unit, features) in enumerate(zip(self.units, skips, strict=True)):
            joined = attributes if i <= self.stu_inject_layers else None
            edited, state = unit(features, state, joined, training=training)  # innermost first
            transferred.append(edited)
        return transferred
