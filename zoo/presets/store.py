"""Where presets lie: in the package, in the user's cache, in directories of the user.

A store is a directory with `index.json` and `weights/<name>/`; the package has one, and so has the
user's cache. Nothing of a store is used before it has the bytes and the SHA-256 of the index.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import ZooError
from zoo.files import atomic_path, sha256
from zoo.presets import index
from zoo.presets.index import CONFIG, INDEX, MAX_CONFIG, MAX_INDEX, WEIGHTS, Entry, File


class Store:
    """A directory with `index.json` and `weights/<name>/`; it need not exist yet.

    Args:
        directory: of the store.
        remedy: what to do about a broken preset, for messages; `{name}` is its name.
    """

    def __init__(self, directory: str | os.PathLike, remedy: str):
        self.directory = Path(directory)
        self.remedy = remedy

    def entries(self) -> dict[str, Entry]:
        """Name -> entry.

        Raises:
            ZooError: the index cannot be read, or is of another format.
        """
        path = self.directory / INDEX
        if not path.is_file():
            return {}
        try:
            if path.stat().st_size > MAX_INDEX:
                raise ZooError(f"{path} is larger than {MAX_INDEX} bytes; that is no index")
            return index.parse(path.read_bytes(), str(path))
        except OSError as error:
            raise ZooError(f"cannot read {path}: {error.strerror}") from error

    def entry(self, name: str) -> Entry:
        """The entry of a preset.

        Raises:
            ZooError: there is no such preset.
        """
        entries = self.entries()
        if name not in entries:
            held = ", ".join(sorted(entries)) or "none"
            raise ZooError(f"no preset {name!r} in {self.directory}; there are {held}")
        return entries[name]

    def path(self, name: str) -> Path:
        """The directory of a preset."""
        return self.directory / "weights" / name

    def checked(self, name: str, entry: Entry) -> Path:
        """The directory of a preset whose files are those of the entry.

        Raises:
            ZooError: a file is missing, cut short, broken or another one; says what to do.
        """
        directory = self.path(name)
        try:
            for file in (CONFIG, WEIGHTS):
                self._check(name, directory / file, entry.files[file])
        except OSError as error:
            raise ZooError(f"cannot read preset {name} in {directory}: {error.strerror}") from error
        return directory

    def _check(self, name: str, path: Path, expected: File) -> None:
        remedy = self.remedy.format(name=name)
        if not path.is_file():
            raise ZooError(f"preset {name} is not whole: {path} is missing; {remedy}")
        size, digest = path.stat().st_size, sha256(path)
        if (size, digest) == (expected.bytes, expected.sha256):
            return
        if size != expected.bytes:
            found = f"has {size:,} bytes, the index says {expected.bytes:,}"
        else:
            found = f"has SHA-256 {digest[:12]}..., the index says {expected.sha256[:12]}..."
        if path.name == WEIGHTS and digest == _own_hash(path.parent / CONFIG):
            why = f"it is the file that its {CONFIG} names, so it is the index that is wrong"
        else:
            why = "the file is broken or was replaced"
        raise ZooError(f"preset {name} is not loaded: {path} {found}; {why}; {remedy}")

    def put(self, name: str, entry: Entry, files: str | os.PathLike) -> Path:
        """Moves checked files in as a preset, replacing one of that name, and writes its entry.

        Args:
            files: a directory on the same file system that holds the files of the entry.
        """
        with locked(self.directory):
            with atomic_path(self.path(name)) as temporary:
                os.rename(files, temporary)
            self._write({**self.entries(), name: entry})
        return self.path(name)

    def describe(self, name: str, entry: Entry) -> None:
        """Writes the entry of a preset."""
        with locked(self.directory):
            self._write({**self.entries(), name: entry})

    def announce(self, name: str, entry: Entry) -> None:
        """Writes the entry of a preset whose files are to be fetched from its URL."""
        self.describe(name, entry)
        shutil.rmtree(self.path(name), ignore_errors=True)

    def remove(self, name: str) -> None:
        """Deletes a preset and its entry.

        Raises:
            ZooError: there is no such preset, or it cannot be deleted.
        """
        self.entry(name)
        try:
            with locked(self.directory):
                self._write({n: entry for n, entry in self.entries().items() if n != name})
                if self.path(name).exists():
                    shutil.rmtree(self.path(name))
        except OSError as error:
            raise ZooError(f"cannot delete {self.path(name)}: {error.strerror}") from error

    def _write(self, entries: dict[str, Entry]) -> None:
        with atomic_path(self.directory / INDEX) as temporary:
            temporary.write_text(index.dump(entries), encoding="utf-8")

    @contextlib.contextmanager
    def workshop(self) -> Iterator[Path]:
        """A new directory in the store, gone after the block: what lies there can be moved in."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".work.", dir=self.directory) as work:
                yield Path(work)
        except OSError as error:
            raise ZooError(f"cannot write into {self.directory}: {error}") from error


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Inside the block no other process is in a block of that directory; a killed one lets go."""
    import fcntl

    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


SHIPPED = Store(Path(__file__).parent, remedy="install face-gan-zoo again")


def home() -> Store:
    """The user's store, for presets that were imported or fetched.

    It is the directory `ZOO_HOME`, by default `face-gan-zoo` in the user's cache directory:
    `$XDG_CACHE_HOME` or `~/.cache`, on macOS `~/Library/Caches`.
    """
    if given := os.environ.get("ZOO_HOME"):
        directory = Path(given).expanduser()
    elif sys.platform == "darwin":
        directory = Path.home() / "Library" / "Caches" / "face-gan-zoo"
    else:
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        directory = Path(caches) / "face-gan-zoo"
    return Store(directory, remedy="`zoo presets remove {name}`, then import or fetch it again")


def user_presets() -> dict[str, Path]:
    """Name -> directory of the presets and runs in the directories of `ZOO_PRESETS`.

    The directories are separated like those of `PATH`; the first that has a name wins.

    Raises:
        ZooError: one of them does not exist.
    """
    found: dict[str, Path] = {}
    for place in filter(None, os.environ.get("ZOO_PRESETS", "").split(os.pathsep)):
        directory = Path(place).expanduser()
        if not directory.is_dir():
            raise ZooError(f"ZOO_PRESETS names {place}, which is no directory")
        for path in sorted(directory.iterdir()):
            preset = preset_directory(path)
            if preset is not None:
                found.setdefault(path.name, preset)
    return found


def preset_directory(path: Path) -> Path | None:
    """The preset at a path: the directory itself, or the newest preset of a run directory."""
    for candidate in (path, path / "preset"):
        if os.path.isfile(candidate / CONFIG):  # False for a name that no file can have
            return candidate
    return None


def entry_of(name: str) -> Entry | None:
    """The entry of the preset that has this name; None if there is none, or it is a user's own.

    The package comes first, so that nothing can take the name of a preset that it ships; then
    `ZOO_PRESETS`, whose presets have no entries; then the user's store.
    """
    shipped = SHIPPED.entries().get(name)
    if shipped is not None or name in user_presets():
        return shipped
    return home().entries().get(name)


def locate(name: str) -> Path | None:
    """The directory of the preset that has this name, with checked files; None if there is none.

    Files that the package names by URL are fetched into the user's store, once.

    Raises:
        ZooError: a file is not what the index says, or cannot be fetched.
    """
    entry = entry_of(name)
    if entry is None:
        return user_presets().get(name)
    if SHIPPED.entries().get(name) == entry and entry.url is None:
        return SHIPPED.checked(name, entry)
    kept = home().entries().get(name)
    if kept is not None and kept.files == entry.files:
        return home().checked(name, entry)
    from zoo.presets.download import fetch

    return fetch(name, entry, home())


def check_name(name: str) -> None:
    """Raises ZooError if a preset in a store cannot have this name."""
    if not re.fullmatch(index.NAME, name):
        raise ZooError(
            f"{name!r} cannot be the name of a preset; legal are up to 64 small letters, digits, "
            "_ and -"
        )


def _own_hash(config: Path) -> str | None:
    """What a preset's own config says of its weights; None if it cannot be read."""
    try:
        if config.stat().st_size <= MAX_CONFIG:
            return json.loads(config.read_bytes())["sha256"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return None
