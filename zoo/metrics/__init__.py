"""Metrics of generated faces, as `keras.metrics.Metric`.

Pictures are RGB in [-1, 1], the form of the batch contract; those of pixels and structure take
other ranges by `value_range`. Parsing maps are scored by `keras.metrics.MeanIoU`.
"""

from zoo.metrics.distributions import FrechetDistance, KernelDistance
from zoo.metrics.hints import EdgeFScore
from zoo.metrics.labels import AttributeGeneration, AttributePreservation, Rank1
from zoo.metrics.networks import Embedding, InceptionV3, LPIPSNetwork, PooledVGG
from zoo.metrics.perceptual import LPIPS, IdentityDistance, PerceptualDistance
from zoo.metrics.pixels import L1, L2, PSNR, UnchangedPixelError
from zoo.metrics.structure import MSSSIM, SSIM

__all__ = [
    "L1",
    "L2",
    "LPIPS",
    "MSSSIM",
    "PSNR",
    "SSIM",
    "AttributeGeneration",
    "AttributePreservation",
    "EdgeFScore",
    "Embedding",
    "FrechetDistance",
    "IdentityDistance",
    "InceptionV3",
    "KernelDistance",
    "LPIPSNetwork",
    "PerceptualDistance",
    "PooledVGG",
    "Rank1",
    "UnchangedPixelError",
]
