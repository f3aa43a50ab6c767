"""The papers' signature layers, ready for any Keras 3 model."""

from zoo.layers.gated import GatedConv2D, GatedConv2DTranspose
from zoo.layers.normalization import LocalResponseNormalization
from zoo.layers.spectral import SpectralNormConv2D

__all__ = [
    "GatedConv2D",
    "GatedConv2DTranspose",
    "LocalResponseNormalization",
    "SpectralNormConv2D",
]
