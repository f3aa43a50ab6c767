"""Any folder of photographs: Paris StreetView, ImageNet, Places, one's own."""

from __future__ import annotations

import os

import cv2
import numpy as np

from zoo.data.images import read_image
from zoo.data.readers.crops import cut_out
from zoo.data.readers.reader import Reader, files_below
from zoo.errors import ZooError

SPLITS = {
    "train": ("train", "training", "paris_train_original"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing", "paris_eval", "paris_eval_gt"),
}
"""Split -> names of the folders, at the top of the directory, that hold its pictures."""

READ = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
NOT_READ = (".gif", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl")


class PhotoFolder(Reader):
    """All photographs in a folder and the folders in it, in the order of their names.

    Examples have `image` and `identity`. Pictures that we cannot read, such as GIF and TIFF, are
    reported; files with the suffix of no picture, and those whose name begins with a point, are
    none of the set.

    Paris StreetView (Pathak et al., CVPR 2016; on request from its authors, not to be
    redistributed) has paris_train_original and paris_eval; ImageNet (non-commercial research) train
    and val. Such folders become the splits.

    Args:
        directory: the folder.
        size: side of the pictures in pixels.
        shorter: pixels to which the shorter side is brought first, at least `size`; None = `size`.
            Then the centre is cut out, or any place by `drawn`, as `augmentation.cut: random` of a
            recipe has it. Context Encoder: 350 for Paris StreetView, at random.
        **options: of `Reader`.

    Raises:
        ZooError: no pictures, or an illegal argument.
    """

    cuts_anywhere = True

    def __init__(
        self,
        directory: str | os.PathLike,
        size: int,
        *,
        shorter: int | None = None,
        **options: str,
    ):
        super().__init__(directory, size, **options)
        self._shorter = size if shorter is None else shorter
        if self._shorter < size:
            raise ZooError(f"shorter is {shorter}; legal is {size}, the size, or more")
        found = photographs(self)
        self._hold(found, splits=_splits(found))

    def _read(self, index: int, rng: np.random.Generator | None = None) -> dict[str, np.ndarray]:
        image = resized(read_image(self.directory / self.names[index]), self._shorter)
        return {"image": cut_out(image, self.size, rng)}


def photographs(reader: Reader) -> list[str]:
    """Sorted names, relative to the directory, of the pictures in it and the folders in it."""
    found, unread = [], []
    for folder, name in files_below(reader.directory):
        suffix = os.path.splitext(name)[1].lower()
        if suffix in (*READ, *NOT_READ):
            path = (folder / name).relative_to(reader.directory).as_posix()
            (found if suffix in READ else unread).append(path)
    if unread:
        reader._report(sorted(unread), "formats that are not read", len(found) + len(unread))
    return sorted(found)


def resized(image: np.ndarray, shorter: int) -> np.ndarray:
    """Brings the shorter side of (H, W, 3) to `shorter` pixels and keeps the proportions."""
    height, width = image.shape[:2]
    scale = shorter / min(height, width)
    size = (max(shorter, round(width * scale)), max(shorter, round(height * scale)))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=kind)


def _splits(names: list[str]) -> dict[str, np.ndarray]:
    top = np.array([name.split("/")[0] if "/" in name else "" for name in names], str)
    splits = {split: np.flatnonzero(np.isin(top, legal)) for split, legal in SPLITS.items()}
    return {split: indices for split, indices in splits.items() if len(indices)}
