"""What protocols measure: the named metrics with their versions, and their sums for one method."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from zoo import metrics, presets
from zoo.errors import ZooError
from zoo.losses.perceptual import VGGFeatures
from zoo.metrics.structure import WEIGHTS
from zoo.registry import check_names, model_class


@dataclass
class Sample:
    """Pictures of one method and what they should be, as metrics read them.

    Attributes:
        truth: (B, H, W, 3) uint8.
        result: (B, H, W, 3) uint8.
        region: (B, H, W, 1), 1 in the hole, or where a true edit changes the picture.
        source: (B, H, W, 3) uint8, the picture before an edit; None where that is the truth.
        lines: (B, H, W, 1), 1 = line drawn by the user.
        found_lines: (B, H, W, 1), lines of the result.
        strokes: (B, H, W, 3) uint8, colour drawn by the user, black = none.
    """

    truth: np.ndarray
    result: np.ndarray
    region: np.ndarray | None = None
    source: np.ndarray | None = None
    lines: np.ndarray | None = None
    found_lines: np.ndarray | None = None
    strokes: np.ndarray | None = None


_TASKS = {"embedding": "embed", "classifier": "classify", "frontalizer": "frontalize"}
"""Role of a network -> the task that it serves."""


class Networks:
    """The networks of a protocol, loaded when a metric asks for one.

    Args:
        embedding: preset of a model that embeds faces; None = none.
        classifier: preset of an attribute classifier; None = none.
        frontalizer: preset of a model that turns faces, for verification; None = none.

    Raises:
        ZooError: no such preset, or one of another task.
    """

    def __init__(
        self,
        embedding: str | None = None,
        classifier: str | None = None,
        frontalizer: str | None = None,
    ):
        self.names = {
            "embedding": embedding,
            "classifier": classifier,
            "frontalizer": frontalizer,
        }
        self.sha256: dict[str, str | None] = {}
        for role, name in self.names.items():
            config = name and presets.read_config(presets.find(name))
            self.sha256[role] = config and config["sha256"]
            task = config and model_class(config["model"]).task
            if task not in (None, _TASKS[role]):
                raise ZooError(
                    f"networks.{role} is {name}, a model that serves {task!r}; legal is one that "
                    f"serves {_TASKS[role]!r}"
                )

    @functools.cached_property
    def embedding(self) -> metrics.Embedding:
        name = self._given("embedding", "a model that embeds faces, such as light_cnn")
        return metrics.Embedding(presets.load(name), name)

    @functools.cached_property
    def classifier(self):
        return presets.load(self._given("classifier", "an attribute_classifier"))

    @functools.cached_property
    def frontalizer(self):
        return presets.load(self._given("frontalizer", "a model that turns faces, such as tp_gan"))

    @functools.cached_property
    def hed(self) -> VGGFeatures:
        return VGGFeatures("hed")

    def _given(self, role: str, what: str) -> str:
        if self.names[role] is None:
            raise ZooError(
                f"the protocol needs {what}: --set networks.{role}=PRESET (a preset or run)"
            )
        return self.names[role]


def unit(pictures: np.ndarray) -> np.ndarray:
    """uint8 pictures in [-1, 1], float64, so that no metric sees a rounded value."""
    return np.asarray(pictures, np.float64) / 127.5 - 1.0


def _whole(metric, sample: Sample) -> None:
    metric.update_state(unit(sample.truth), unit(sample.result))


def _inside(metric, sample: Sample) -> None:
    metric.update_state(unit(sample.truth), unit(sample.result), sample_weight=sample.region)


def _outside(metric, sample: Sample) -> None:
    before = sample.truth if sample.source is None else sample.source
    metric.update_state(unit(before), unit(sample.result), sample_weight=sample.region)


def _drawn_lines(metric, sample: Sample) -> None:
    metric.update_state(sample.lines, sample.found_lines, sample_weight=sample.region)


def _drawn_colors(metric, sample: Sample) -> None:
    drawn = sample.strokes.any(axis=-1, keepdims=True) * sample.region
    metric.update_state(unit(sample.strokes), unit(sample.result), sample_weight=drawn)


@dataclass(frozen=True)
class Measure:
    """What a column of a result is.

    Attributes:
        better: "higher" or "lower".
        text: what it is, one line.
        percent: whether reports print it in per cent.
        needs: the network without which it has no value: "embedding", "classifier" or None.
        version: raised whenever the same pictures would give another value.
    """

    better: str
    text: str
    percent: bool = False
    needs: str | None = None
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class PictureMeasure(Measure):
    """A measure that is one metric on pictures.

    Attributes:
        make: networks -> keras.metrics.Metric.
        update: adds a sample to the metric.
    """

    make: Callable[[Networks], object]
    update: Callable[[object, Sample], None] = _whole


def _pixels(kind, better: str, text: str, update=_whole, percent=False, **options) -> Measure:
    return PictureMeasure(better, text, percent, make=lambda _: kind(**options), update=update)


def _seen(network: str, make: Callable[[Networks], object], text: str) -> Measure:
    return PictureMeasure("lower", text, needs=network, make=make)


_UNIFORM = {"size": 7, "sigma": None, "sample_covariance": True}
MEASURES: dict[str, PictureMeasure] = {
    "l1": _pixels(metrics.L1, "lower", "mean absolute error", percent=True),
    "l1_hole": _pixels(metrics.L1, "lower", "mean absolute error inside", _inside, True),
    "l2": _pixels(metrics.L2, "lower", "mean squared error", percent=True),
    "l2_hole": _pixels(metrics.L2, "lower", "mean squared error inside", _inside, True),
    "psnr": _pixels(metrics.PSNR, "higher", "dB, mean over images"),
    "psnr_hole": _pixels(metrics.PSNR, "higher", "dB inside, mean over images", _inside),
    "ssim": _pixels(metrics.SSIM, "higher", "Gaussian window of 11 pixels, sigma 1.5"),
    "ssim_hole": _pixels(metrics.SSIM, "higher", "the same, windows centred inside", _inside),
    "ssim_uniform7": _pixels(
        *(metrics.SSIM, "higher", "uniform window of 7 pixels, scikit-image's default"), **_UNIFORM
    ),
    "ms_ssim4": _pixels(
        *(metrics.MSSSIM, "higher", "MS-SSIM of the four finest scales"), weights=WEIGHTS[:4]
    ),
    "unchanged_error": _pixels(
        *(metrics.UnchangedPixelError, "lower", "mean absolute change outside", _outside, True)
    ),
    "identity_distance": _seen(
        *("embedding", lambda n: metrics.IdentityDistance(n.embedding)),
        "1 - cosine of the embedding's features",
    ),
    "frechet_embedding": _seen(
        *("embedding", lambda n: metrics.FrechetDistance(n.embedding, n.embedding.dimensions)),
        "Frechet distance over the embedding's features; no FID",
    ),
    "kernel_embedding": _seen(
        *("embedding", lambda n: metrics.KernelDistance(n.embedding)),
        "kernel distance over the embedding's features, subsets of 32; no KID",
    ),
    "perceptual_hed": _seen(
        *(None, lambda n: metrics.PerceptualDistance(n.hed)),
        "perceptual distance over pool1-3 of HED's VGG16; no LPIPS",
    ),
    "edge_f1": _pixels(
        *(metrics.EdgeFScore, "higher", "lines inside against the sketch, 1 pixel off at most"),
        _drawn_lines,
    ),
    "color_error": _pixels(
        *(metrics.L1, "lower", "mean absolute difference from the strokes inside"),
        *(_drawn_colors, True),
    ),
}
"""Name in protocols -> metric on pictures. "Inside" is in the hole, or where a true edit changes
the picture."""


def check_versions(named: Mapping[str, int], legal: Mapping[str, Measure]) -> None:
    """Raises ZooError for an unknown metric, or one of another version than this package's."""
    check_names("metric of the protocol", named, legal)
    for name, version in named.items():
        if version != legal[name].version:
            raise ZooError(
                f"the protocol pins version {version} of {name}; this package computes version "
                f"{legal[name].version}"
            )


class Scores:
    """Some measures summed over samples.

    Args:
        names: keys of `MEASURES`.
        networks: what they look through.
    """

    def __init__(self, names: Iterable[str], networks: Networks):
        self._metrics = {name: MEASURES[name].make(networks) for name in names}
        self.images = 0

    def update(self, sample: Sample) -> None:
        """Adds pictures."""
        for name, metric in self._metrics.items():
            MEASURES[name].update(metric, sample)
        self.images += len(sample.truth)

    def values(self) -> dict[str, float]:
        """Name -> value; NaN where nothing was measured."""
        return {name: float(metric.result()) for name, metric in self._metrics.items()}
