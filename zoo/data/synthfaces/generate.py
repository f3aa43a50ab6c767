"""Writing a SynthFaces directory: in parallel by identity, resumable, equal bytes in the end.

Every identity is one unit of work. A finished unit leaves a file in the folder `.parts`; a stopped
run continues behind the units found there. The manifest is written last, so a directory that has
one is complete.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import itertools
import json
import multiprocessing
import multiprocessing.connection
import os
import shutil
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from zoo.data.synthfaces.dataset import (
    IMAGE_FOLDERS,
    LABELS,
    MANIFEST,
    SPLITS,
    VERSION,
    label_fields,
    read_manifest,
    split_of,
)
from zoo.data.synthfaces.names import ATTRIBUTE_NAMES, with_glasses
from zoo.data.synthfaces.png import encode_png
from zoo.data.synthfaces.renderer import GENERATOR_VERSION, SynthFaces, check_choice
from zoo.data.synthfaces.tfrecord import encode_example, record
from zoo.errors import ZooError
from zoo.files import atomic_path, sha256

FORMATS = ("images", "tfrecord")
SKETCHES = ("canny", "hed", "none")
EXAMPLES_PER_SHARD = 256
_PARTS = ".parts"
_PLAN = "plan.json"
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class _Plan:
    """Everything that decides the bytes of a directory."""

    count: int
    size: int
    seed: int
    views_per_identity: int
    format: str
    sketch: str
    poses: str
    generator: int = GENERATOR_VERSION

    @property
    def identities(self) -> int:
        return -(-self.count // self.views_per_identity)

    def indices(self, identity: int) -> range:
        first = identity * self.views_per_identity
        return range(first, min(first + self.views_per_identity, self.count))


def generate(
    directory: str | os.PathLike,
    count: int,
    size: int = 128,
    seed: int = 0,
    views_per_identity: int = 4,
    format: str = "images",
    sketch: str = "canny",
    poses: str = "portrait",
    workers: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Path:
    """Renders `count` examples into `directory`.

    The same arguments give the same bytes whatever `workers` is. A run that was stopped continues
    when called again with the same arguments; a finished directory is left as it is. With several
    workers, a script must call this behind `if __name__ == "__main__":`.

    Args:
        directory: created if missing.
        count: number of images, from 1.
        size: side in pixels, 32 to 512.
        seed: of the whole set, from 0.
        views_per_identity: images per person, from 1.
        format: "images" (PNG folders and labels.csv) or "tfrecord" (shards of 256 examples).
        sketch: how `sketch` is drawn: "canny", "hed", or "none" for no sketch.
        poses: "portrait", or "multipie" for pairs of a view and its frontal partner; see
            `SynthFaces`.
        workers: processes; None takes one per core that this process may use.
        progress: called with (images done, count) after every identity.

    Returns:
        The directory.

    Raises:
        ZooError: an argument is illegal, or the directory holds something else.
    """
    check_choice("format", format, FORMATS)
    check_choice("sketch", sketch, SKETCHES)
    _check_positive("count", count)
    if workers is not None:
        _check_positive("workers", workers)
    faces = SynthFaces(size, seed, views_per_identity, poses)  # checks these four
    plan = _Plan(
        *(count, faces.size, faces.seed, faces.views_per_identity), format, sketch, faces.poses
    )
    directory = Path(directory)
    if (directory / MANIFEST).exists():
        _check_same(directory, _plan_of(read_manifest(directory)), plan)
        _remove_leftovers(directory)
        return directory
    parts = _start_or_resume(directory, plan)
    todo = [i for i in range(plan.identities) if not _part(parts, i).exists()]
    done = count - sum(len(plan.indices(i)) for i in todo)
    if progress is not None and done:
        progress(done, count)
    made = _make_all(directory, plan, todo, workers or _usable_cores())
    with contextlib.closing(made):  # stops the processes if `progress` raises
        for identity in made:
            done += len(plan.indices(identity))
            if progress is not None:
                progress(done, count)
    files = _collect(directory, parts, plan)
    _write_json(directory / MANIFEST, _manifest(plan, files))
    _remove_leftovers(directory)
    return directory


def _check_positive(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ZooError(f"{name}={value!r} is not an integer from 1.")


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _plan_of(values: dict) -> dict:
    return {key: values.get(key) for key in _Plan.__dataclass_fields__}


def _check_same(directory: Path, found: dict, plan: _Plan) -> None:
    different = [f"{k}={found[k]!r}, not {v!r}" for k, v in asdict(plan).items() if found[k] != v]
    if different:
        raise ZooError(
            f"{directory} holds SynthFaces made with {'; '.join(different)}. "
            "Choose another directory or remove this one."
        )


def _start_or_resume(directory: Path, plan: _Plan) -> Path:
    """Returns the folder of finished units after checking that it belongs to this plan."""
    parts = directory / _PARTS
    if (parts / _PLAN).is_file():
        _check_same(directory, _plan_of(json.loads((parts / _PLAN).read_text())), plan)
        return parts
    if directory.exists() and not directory.is_dir():
        raise ZooError(f"{directory} is a file; SynthFaces needs a new or empty directory.")
    if directory.exists() and any(path != parts for path in directory.iterdir()):
        raise ZooError(f"{directory} holds other files; SynthFaces needs a new or empty directory.")
    parts.mkdir(parents=True, exist_ok=True)
    _write_json(parts / _PLAN, asdict(plan))
    return parts


def _part(parts: Path, identity: int) -> Path:
    return parts / f"{identity:06d}"


def _write_bytes(path: Path, data: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def _write_json(path: Path, value: object) -> None:
    _write_bytes(path, (json.dumps(value, indent=1) + "\n").encode())


# ---- the work of one identity, in any process


@lru_cache(maxsize=1)
def _renderer(size: int, seed: int, views_per_identity: int, poses: str) -> SynthFaces:
    return SynthFaces(size, seed, views_per_identity, poses)


def _make_identity(directory: Path, plan: _Plan, identity: int) -> int:
    """Renders and writes one identity; its part file, written last, marks it as finished."""
    faces = _renderer(plan.size, plan.seed, plan.views_per_identity, plan.poses)
    examples = [(index, _example(faces, plan, index)) for index in plan.indices(identity)]
    part = _part(directory / _PARTS, identity)
    if plan.format == "tfrecord":
        _write_bytes(part, b"".join(record(encode_example(e)) for _, e in examples))
        return identity
    rows, files = [], {}
    for index, example in examples:
        for kind, folder in IMAGE_FOLDERS.items():
            if kind in example:
                name = f"{folder}/{index:06d}.png"
                _write_bytes(directory / name, example[kind])
                files[name] = hashlib.sha256(example[kind]).hexdigest()
        rows.append(_label_row(plan, index, example))
    _write_json(part, {"rows": rows, "files": files})
    return identity


def _example(faces: SynthFaces, plan: _Plan, index: int) -> dict[str, bytes | np.ndarray]:
    from zoo.data import hints

    example = dict(faces.render(index))
    image = example["image"]
    example["color"] = hints.color_map(image, with_glasses(example))
    if plan.sketch != "none":
        example["sketch"] = hints.sketch(image, method=plan.sketch) * np.uint8(255)
    return {
        key: encode_png(value) if key in IMAGE_FOLDERS else value for key, value in example.items()
    }


def _label_row(plan: _Plan, index: int, example: dict) -> list[str]:
    row = [str(index)]
    for key, field in label_fields(plan.poses).items():
        exact = float if field.dtype == np.float32 else int  # float32 through its float64
        row += [repr(exact(value)) for value in np.ravel(example[key])]
    return row


# ---- all identities


def _make_all(
    directory: Path, plan: _Plan, todo: list[int], workers: int
) -> Generator[int, None, None]:
    """Makes the identities in `todo`; yields each when it is finished, in any order."""
    workers = min(workers, len(todo))
    if workers <= 1:
        with _one_opencv_thread():
            for identity in todo:
                yield _make_identity(directory, plan, identity)
        return
    context = multiprocessing.get_context("spawn")
    with (
        _one_thread_each(),
        ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker) as pool,
    ):
        waiting, running = iter(todo), set()
        try:
            while True:
                for identity in itertools.islice(waiting, 2 * workers - len(running)):
                    running.add(pool.submit(_make_identity, directory, plan, identity))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """As in the workers: OpenCV's Canny finds other edges with several."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _start_worker() -> None:
    import cv2

    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Or the processes of a killed run would wait for work for ever."""
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Spawned processes read these variables; two processes of many threads each would fight."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# ---- from finished units to the final files


def _collect(directory: Path, parts: Path, plan: _Plan) -> dict[str, str]:
    """Writes labels.csv or the shards; returns the SHA-256 of every file."""
    if plan.format == "images":
        return _collect_images(directory, parts, plan)
    return _collect_shards(directory, parts, plan)


def _collect_images(directory: Path, parts: Path, plan: _Plan) -> dict[str, str]:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    fields = label_fields(plan.poses).values()
    writer.writerow(["index", *(name for field in fields for name in field.columns)])
    files = {}
    for identity in range(plan.identities):
        part = json.loads(_part(parts, identity).read_text())
        writer.writerows(part["rows"])
        files.update(part["files"])
    _write_bytes(directory / LABELS, table.getvalue().encode())
    return {LABELS: sha256(directory / LABELS), **files}


def _collect_shards(directory: Path, parts: Path, plan: _Plan) -> dict[str, str]:
    shards = -(-plan.count // EXAMPLES_PER_SHARD)
    records = _records(parts, plan)
    files = {}
    for shard in range(shards):
        name = f"faces-{shard:05d}-of-{shards:05d}.tfrecord"
        examples = min(EXAMPLES_PER_SHARD, plan.count - shard * EXAMPLES_PER_SHARD)
        with atomic_path(directory / name) as temporary, open(temporary, "wb") as file:
            for _ in range(examples):
                file.write(next(records))
        files[name] = sha256(directory / name)
    return files


def _records(parts: Path, plan: _Plan) -> Iterator[bytes]:
    """Yields the framed records of all units in the order of the index."""
    for identity in range(plan.identities):
        data, position = _part(parts, identity).read_bytes(), 0
        while position < len(data):
            end = position + 16 + int.from_bytes(data[position : position + 8], "little")
            yield data[position:end]
            position = end


def _manifest(plan: _Plan, files: dict[str, str]) -> dict:
    return {
        "dataset": "SynthFaces",
        "version": VERSION,
        **asdict(plan),
        "attribute_names": list(ATTRIBUTE_NAMES),
        "splits": {
            split: [i for i in range(plan.identities) if split_of(i) == split] for split in SPLITS
        },
        "license": "CC0-1.0",
        "files": files,
    }


def _remove_leftovers(directory: Path) -> None:
    """Removes the finished units, and temporary folders that a killed process left behind."""
    shutil.rmtree(directory / _PARTS, ignore_errors=True)
    for folder in (directory, *(directory / name for name in IMAGE_FOLDERS.values())):
        for path in folder.glob(".*.tmp"):
            shutil.rmtree(path, ignore_errors=True)
