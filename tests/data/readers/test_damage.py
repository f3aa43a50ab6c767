"""Damaged sets: every reader names what is wrong, or skips it and says so; nothing else happens."""

import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import sets  # noqa: E402

from zoo.data.readers import open_source  # noqa: E402
from zoo.data.readers.shards import write_shards  # noqa: E402
from zoo.errors import ZooError  # noqa: E402

SIZE = 32


def lfw(root: Path) -> None:
    for person, count in {"Abel_Pacheco": 3, "Zico": 2}.items():
        for number in range(1, count + 1):
            sets.write(root / f"lfw/{person}/{person}_{number:04d}.jpg", sets.ramp(250, 250))
    pairs = ("1", "Abel_Pacheco\t1\t3", "Abel_Pacheco\t2\tZico\t1")
    sets.write_text(root / "pairs.txt", pairs)


def multi_pie(root: Path) -> None:
    for camera in ("051", "130", "010"):
        stem = f"multiview/001_01_01_{camera}_07"
        sets.write(root / f"{stem}_cropped.png", sets.ramp(128, 128))
        points = ("44 40", "84 40", "64 60", "50 88", "78 88")
        sets.write_text(root / f"{stem}_trans.5pt", points)


def photos(root: Path) -> None:
    for name in ("train/a.png", "train/b.jpg", "val/c.webp"):
        sets.write(root / name, sets.ramp(50, 70))


def shards(root: Path) -> None:
    photos(root / "photos")
    write_shards(open_source("photos", root / "photos", SIZE), root / "packed")
    shutil.rmtree(root / "photos")
    for path in (root / "packed").iterdir():
        path.rename(root / path.name)
    (root / "packed").rmdir()


MAKERS = {
    "celeba": sets.celeba,
    "celebamask_hq": lambda root: sets.celebamask_hq(root, (0, 1)),
    "helen": sets.helen,
    "lfw": lfw,
    "multi_pie": multi_pie,
    "photos": photos,
    "shards": shards,
}


@pytest.fixture(scope="module", params=MAKERS)
def whole(request, tmp_path_factory):
    root = tmp_path_factory.mktemp(request.param)
    MAKERS[request.param](root)
    return request.param, root


def read(source: str, root: Path, unreadable: str):
    """Opens a set and reads every example; warnings are kept still."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = open_source(source, root, SIZE, unreadable=unreadable)
        examples = [data[i] for i in range(len(data))]
    assert all(
        e["image"].shape == (SIZE, SIZE, 3) and e["image"].dtype == np.uint8 for e in examples
    )
    return data, examples


def damage(path: Path, rng: np.random.Generator) -> str:
    """Does something to a file; returns what."""
    content = path.read_bytes()
    kind = rng.choice(["lost", "empty", "cut", "flipped", "folder", "garbage", "longer", "digits"])
    path.unlink()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut":
        path.write_bytes(content[: rng.integers(len(content))])
    elif kind == "flipped":
        flipped = bytearray(content)
        flipped[rng.integers(len(content))] ^= 1 << rng.integers(8)
        path.write_bytes(flipped)
    elif kind == "folder":
        path.mkdir()
    elif kind == "garbage":
        path.write_bytes(rng.bytes(200))
    elif kind == "longer":
        path.write_bytes(content + b"\n" + b"9" * 5000 + b" x\n")
    elif kind == "digits":
        path.write_bytes(b"9" * 5000 + b"\n" + content.partition(b"\n")[2])
    return str(kind)


LISTED = ("celeba", "celebamask_hq", "helen", "shards")
"""Sets with a list of their files; of the others nobody knows what should be there."""


def is_needed(source: str, path: Path, kind: str) -> bool:
    """Whether it must be noticed: pictures have check sums, text may turn into other legal text."""
    if kind == "longer" and path.suffix != ".tfrecord":
        return False  # what follows the end of a picture, or one more line
    if kind in ("lost", "folder"):
        optional = "mask-anno" in str(path) and "skin" not in path.name  # a part not to be seen
        return source in LISTED and not (optional and kind == "lost")
    return path.suffix in (".png", ".jpg", ".webp", ".tfrecord")


@pytest.mark.parametrize("seed", range(6))
def test_damage_is_named_or_skipped(whole, tmp_path, seed):
    source, root = whole
    rng = np.random.default_rng(seed)
    place = tmp_path / "set"
    shutil.copytree(root, place)
    files = sorted(path for path in place.rglob("*") if path.is_file())
    path = files[rng.integers(len(files))]
    kind = damage(path, rng)
    what = f"{path.relative_to(place)} {kind}"
    try:
        data, _ = read(source, place, "stop")
        # a number in a shard may become another one: only its SHA-256 tells
        assert not is_needed(source, path, kind) or data.verify(), f"{what}: not noticed"
    except ZooError as error:
        assert str(place) in str(error) and "\n" not in str(error), what
        try:
            data, examples = read(source, place, "skip")
        except ZooError:
            return  # nothing is left, or what all examples need is gone
        assert data.skipped and all(data.skipped.values()), f"{what}: skipped in silence"


def test_sets_are_whole(whole):
    source, root = whole
    data, examples = read(source, root, "stop")
    assert len(examples) == len(data) >= 2 and not data.skipped
