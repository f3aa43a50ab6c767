"""The papers' signature layers, ready for any Keras 3 model."""

from zoo.layers.channelwise_dense import ChannelwiseDense
from zoo.layers.gated import GatedConv2D, GatedConv2DTranspose
from zoo.layers.max_feature_map import MaxFeatureMap
from zoo.layers.normalization import LocalResponseNormalization
from zoo.layers.selective_transfer import SelectiveTransferUnit
from zoo.layers.spectral import SpectralNormConv2D
from zoo.layers.unpooling import MaxPoolingWithArgmax2D, MaxUnpooling2D

__all__ = [
    "ChannelwiseDense",
    "GatedConv2D",
    "GatedConv2DTranspose",
    "LocalResponseNormalization",
    "MaxFeatureMap",
    "MaxPoolingWithArgmax2D",
    "MaxUnpooling2D",
    "SelectiveTransferUnit",
    "SpectralNormConv2D",
]
