"""Widths of networks."""

from __future__ import annotations


def scale_channels(channels: int, width: float) -> int:
    """`channels * width`, at least 4 and rounded to a multiple of 4."""
    return max(4, int(channels * width / 4 + 0.5) * 4)
