"""Multi-PIE: 337 people from 15 cameras under 20 lights, in pairs of a view and its frontal one."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo.data.alignment import align
from zoo.data.images import read_image
from zoo.data.readers import crops
from zoo.data.readers.crops import Crop
from zoo.data.readers.index_files import malformed, read_lines
from zoo.data.readers.reader import Reader, files_below
from zoo.errors import ZooError

YAWS = {
    "240": 90,
    "010": 75,
    "200": 60,
    "190": 45,
    "041": 30,
    "050": 15,
    "051": 0,
    "140": -15,
    "130": -30,
    "080": -45,
    "090": -60,
    "120": -75,
    "110": -90,
}
"""Camera as file names have it (24_0 is 240) -> yaw of the face in degrees.

The two cameras above the head, 08_1 and 19_1, are not among them and their pictures are left out.
"""

FRONTAL = "051"


class Setting(NamedTuple):
    """Who and what belongs to a protocol of the paper."""

    sessions: tuple[int, ...]
    trained: int  # the first so many people are for training


SETTINGS = {1: Setting((1,), 150), 2: Setting((1, 2, 3, 4), 200)}
"""Setting 1: 250 people of session 1, 100 of them for tests. Setting 2: 337 people, 137 for tests.

Both take neutral expressions only, which recording 01 has in every session.
"""

_NEUTRAL = 1  # recording
_ANY = -1  # light
_FARTHEST = 100_000  # pixels
_NAME = re.compile(r"(\d{3})_(\d{2})_(\d{2})_(\d{3})_(\d{2})(_cropped)?\.(png|jpg|jpeg)")
_POINTS = re.compile(r"(\d{3})_(\d{2})_(\d{2})_(\d{3})_(\d{2})(?:_cropped)?(?:_trans)?\.5pt")


class View(NamedTuple):
    """The fields of a file name SSS_ss_rr_CCC_II."""

    subject: int
    session: int
    recording: int
    camera: str
    light: int


class MultiPIE(Reader):
    """Multi-PIE (Gross et al., 2010) as TP-GAN reads it.

    Licence: the set is bought from Carnegie Mellon University and must not be redistributed.

    Examples have `image` and its `frontal` partner of the same person, session, recording and
    light, `landmarks` and `frontal_landmarks` (5, 2) float32, `yaw` float32 in degrees and
    `identity`, the rank of the person among all who are there, from 0.

    Pictures may be aligned already (128 pixels, `..._cropped.png`, points in `..._trans.5pt`), or
    whole (points of the photograph in `....5pt`); whole ones are aligned as Light-CNN's are.

    Args:
        directory: searched with all folders in it for pictures named SSS_ss_rr_CCC_II: person,
            session, recording, camera, light.
        size: side of the pictures in pixels; 128 for TP-GAN.
        setting: 1 or 2, a protocol of the paper; None takes everything and has no splits.
        training_yaw: least and greatest absolute yaw of the split "train". TP-GAN: 0 to 60, but 45
            to 90 for its model of 90 degrees. The split "test" has all.
        gallery_light: light of the gallery's frontal pictures: 7 is the flash in front of the face
            (the usual choice; the paper says "neutral").
        landmarks: directory searched for the .5pt files; None searches `directory`.
        **options: of `Reader`.

    Attributes:
        views: fields of each example's file name.
        yaws: (len(self),) int64 degrees.
        gallery: with a setting, index of one frontal picture of each person tested, of the first
            session that has one.
        probes: with a setting, indices of the split "test" without the gallery.

    Raises:
        ZooError: no such pictures, a partner, points or a gallery picture is missing, or an illegal
            argument.
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        size: int,
        *,
        setting: int | None = None,
        training_yaw: tuple[int, int] = (0, 60),
        gallery_light: int = 7,
        landmarks: str | os.PathLike | None = None,
        **options: str,
    ):
        super().__init__(directory, size, **options)
        if setting not in (None, *SETTINGS):
            raise ZooError(f"setting is {setting!r}; legal are 1, 2 and None")
        low, high = training_yaw
        if not 0 <= low <= high <= 90:
            raise ZooError(f"training_yaw is {training_yaw}; legal is 0 <= least <= greatest <= 90")
        pointed = Path(landmarks) if landmarks else self.directory
        if not pointed.is_dir():
            raise ZooError(f"landmarks: {pointed} is not a directory")
        self._points = _point_files(pointed)
        pictures = _pictures(self.directory, setting)
        people = sorted({view.subject for view in pictures})
        self.views = self._paired(pictures)
        self.yaws = np.array([YAWS[view.camera] for view in self.views], np.int64)
        subjects = np.array([view.subject for view in self.views], np.int64)
        self._hold([pictures[v] for v in self.views], np.searchsorted(people, subjects))
        self._paths = pictures
        self.gallery = self.probes = np.zeros(0, np.int64)
        if setting is not None:
            self._partition(setting, people, subjects, training_yaw, gallery_light)

    def _paired(self, pictures: dict[View, str]) -> list[View]:
        """The views in order that have points and a frontal partner with points."""
        views = {pictures[view]: view for view in sorted(pictures)}
        frontal = {name: view._replace(camera=FRONTAL) for name, view in views.items()}
        parts = {
            "frontal partner": {name for name in views if frontal[name] in pictures},
            "points (.5pt)": {name for name, view in views.items() if self._pointed(view)},
            "the partner's points": {name for name in views if self._pointed(frontal[name])},
        }
        return [views[name] for name in self._complete(views, parts)]

    def _pointed(self, view: View) -> Path | None:
        """File with the points of a view, or of another light: the head is at the same place."""
        return self._points.get(view) or self._points.get(view._replace(light=_ANY))

    def _partition(
        self,
        setting: int,
        people: list[int],
        subjects: np.ndarray,
        training_yaw: tuple[int, int],
        light: int,
    ) -> None:
        trained, tested = np.split(np.array(people), [SETTINGS[setting].trained])
        if not len(tested):
            raise ZooError(
                f"{self.directory} has {len(people)} people; setting {setting} trains with "
                f"{SETTINGS[setting].trained} and tests with others"
            )
        angles = np.abs(self.yaws)
        turned = (angles >= training_yaw[0]) & (angles <= training_yaw[1])
        test = np.flatnonzero(np.isin(subjects, tested))
        self.splits = {"train": np.flatnonzero(np.isin(subjects, trained) & turned), "test": test}
        first: dict[int, int] = {}  # the views are in order of person and session
        for index in test:
            if self.yaws[index] == 0 and self.views[index].light == light:
                first.setdefault(self.views[index].subject, int(index))
        lacking = [f"person {n:03d}" for n in tested.tolist() if n not in first]
        if lacking:
            self._report(lacking, f"no frontal picture of light {light}", len(tested))
        self.gallery = np.array(sorted(first.values()), np.int64)
        self.probes = np.setdiff1d(test, self.gallery)

    def _read(self, index: int) -> dict[str, np.ndarray]:
        view = self.views[index]
        image, landmarks = self._aligned(view)
        example = {"image": image, "landmarks": landmarks, "yaw": np.float32(self.yaws[index])}
        if self._wants("frontal", "frontal_landmarks"):
            frontal = self._aligned(view._replace(camera=FRONTAL))
            example["frontal"], example["frontal_landmarks"] = frontal
        return example

    def _aligned(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        """Picture (size, size, 3) and points (5, 2) of a view."""
        path, points = self.directory / self._paths[view], self._pointed(view)
        image, landmarks = read_image(path), read_points(points)
        if not points.stem.endswith("_trans"):
            placed = align(landmarks, self.size)
            return placed.crop(image), placed.points(landmarks)
        height, width = image.shape[:2]
        if height != width:
            raise ZooError(f"{path} is {width} x {height} pixels; an aligned picture is a square")
        whole = Crop(0, 0, width, crops.area)
        return whole.picture(image, self.size), whole.points(landmarks, self.size)


def read_points(path: Path) -> np.ndarray:
    """Reads a .5pt file: five lines of x and y, counted from 1 as MATLAB does.

    Returns:
        (5, 2) float64 with pixel centres at .5: MATLAB's pixel 1 has its centre at 0.5.

    Raises:
        ZooError: missing, or not five lines of two numbers.
    """
    lines = read_lines(path)
    if len(lines) != 5:
        raise ZooError(f"{path} has {len(lines)} lines; legal are 5, of x and y")
    points = []
    for line, text in enumerate(lines, 1):
        try:
            x, y = (float(value) for value in text.split())
        except ValueError:
            raise malformed(path, line, text, "x y") from None
        if not abs(x) < _FARTHEST > abs(y):  # false for NaN as well
            raise malformed(path, line, text, f"x y of less than {_FARTHEST}")
        points.append((x, y))
    return np.array(points) - 0.5


def _pictures(directory: Path, setting: int | None) -> dict[View, str]:
    """View -> name relative to the directory, of all cameras that have a yaw."""
    found: dict[View, str] = {}
    for folder, name in files_below(directory):
        match = _NAME.fullmatch(name)
        if not match or match[4] not in YAWS:
            continue
        view = _view(match)
        if setting is not None and (
            view.session not in SETTINGS[setting].sessions or view.recording != _NEUTRAL
        ):
            continue
        path = (folder / name).relative_to(directory).as_posix()
        if view in found:
            raise ZooError(f"{directory}: {found[view]} and {path} are the same view; keep one")
        found[view] = path
    return found


def _point_files(directory: Path) -> dict[View, Path]:
    found: dict[View, Path] = {}
    for folder, name in files_below(directory):
        if match := _POINTS.fullmatch(name):
            view = _view(match)
            if view in found:
                raise ZooError(f"{found[view]} and {folder / name} are of the same view; keep one")
            found[view] = folder / name
            found.setdefault(view._replace(light=_ANY), folder / name)
    return found


def _view(match: re.Match) -> View:
    return View(int(match[1]), int(match[2]), int(match[3]), match[4], int(match[5]))
