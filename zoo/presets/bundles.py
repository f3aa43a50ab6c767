"""Bundles: chosen presets in one file, for machines without a network.

A bundle is an uncompressed tar: `index.json` first, then `weights/<name>/config.json` and
`weights/<name>/model.safetensors` of each preset.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from zoo.errors import ZooError
from zoo.files import atomic_path, sha256
from zoo.presets import find, index, read_config, store
from zoo.presets.index import CONFIG, INDEX, MAX_INDEX, WEIGHTS, Entry, File
from zoo.registry import check_names, list_models

_CHUNK = 1 << 20


def describe(directory: str | os.PathLike) -> Entry:
    """The index entry of a preset directory that has none: its files, model and licence."""
    config = read_config(directory)
    files = {}
    for name in (CONFIG, WEIGHTS):
        path = Path(directory) / name
        if not path.is_file():
            raise ZooError(f"{directory} is not a whole preset: it has no {name}")
        files[name] = File(sha256=sha256(path), bytes=path.stat().st_size)
    if files[WEIGHTS].sha256 != config["sha256"]:
        raise ZooError(f"{Path(directory) / WEIGHTS} is not the file that its {CONFIG} names")
    try:
        return Entry(
            model=config["model"],
            zoo=config.get("zoo", "unknown"),
            licence=config["card"].get("licence", "not stated"),
            files=files,
        )
    except ValidationError as error:
        raise ZooError(f"{Path(directory) / CONFIG}: {index.explained(error)}") from None


def write(names: Iterable[str], path: str | os.PathLike) -> Path:
    """Packs presets into a bundle; the same presets give the same bytes.

    Args:
        names: of presets that `zoo.load` loads: shipped, imported, fetched or in `ZOO_PRESETS`.
        path: of the tar file.

    Raises:
        ZooError: unknown name, broken preset, or the file cannot be written.
    """
    folders, entries = {}, {}
    for name in names:
        store.check_name(name)
        folders[name] = store.locate(name) or find(name)  # which says what is wrong with the name
        entries[name] = store.entry_of(name) or describe(folders[name])
    if not entries:
        raise ZooError("name at least one preset to bundle")
    path = Path(path)
    if path.is_dir():
        raise ZooError(f"{path} is a directory; name a file to write")
    try:
        with (
            atomic_path(path) as temporary,
            tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar,
        ):
            text = index.dump(entries).encode()
            tar.addfile(_member(INDEX, len(text)), io.BytesIO(text))
            for name in sorted(entries):
                for file in (CONFIG, WEIGHTS):
                    with open(folders[name] / file, "rb") as source:
                        size = entries[name].files[file].bytes
                        tar.addfile(_member(f"weights/{name}/{file}", size), source)
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    return member


def read(path: str | os.PathLike) -> list[str]:
    """Imports the presets of a bundle into the user's store; all of them or none.

    Names, kinds and sizes of all members are compared with the bundle's index before a byte is
    copied, and hashes before a preset appears in the store.

    Returns:
        The names of the presets.

    Raises:
        ZooError: no bundle, one of another format, a member that does not belong there or is not
            what the index says, or a name that stands for other weights here.
    """
    path, home = Path(path), store.home()
    if not path.is_file():
        raise ZooError(f"no bundle at {path}")
    try:
        with tarfile.open(path, "r:") as tar:  # uncompressed only: its size bounds what it holds
            entries, members = _checked_members(tar, path)
            _check_names_free(entries, home)
            with home.workshop() as work:
                for name, entry in entries.items():
                    (work / name).mkdir()
                    for file, expected in entry.files.items():
                        member = members[f"weights/{name}/{file}"]
                        _copy(tar, member, work / name / file, expected, path)
                    _check_preset(work / name, name, entry, path)
                for name, entry in entries.items():
                    home.put(name, entry, work / name)
    except tarfile.TarError as error:
        raise ZooError(f"{path} is no whole bundle (uncompressed tar): {error}") from error
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror or error}") from error
    return sorted(entries)


def _checked_members(tar: tarfile.TarFile, path: Path) -> tuple[dict, dict[str, tarfile.TarInfo]]:
    """The entries of the bundle and its members by name, when they are exactly the index's."""
    first = tar.next()
    if first is None or first.name != INDEX or first.type not in (tarfile.REGTYPE,):
        raise ZooError(f"{path} is no bundle: its first member is not {INDEX}")
    if first.size > MAX_INDEX:
        raise ZooError(f"{path}: {INDEX} is larger than {MAX_INDEX} bytes")
    entries = index.parse(tar.extractfile(first).read(), f"{path}: {INDEX}")
    expected = {
        f"weights/{name}/{file}": value.bytes
        for name, entry in entries.items()
        for file, value in entry.files.items()
    }
    members: dict[str, tarfile.TarInfo] = {}
    while (member := tar.next()) is not None:
        name = member.name
        if name not in expected:
            raise ZooError(f"{path}: the member {name[:200]!r} is not in its {INDEX}")
        if member.type != tarfile.REGTYPE or member.sparse:
            raise ZooError(f"{path}: {name} is no plain file (a link, a device or the like)")
        if name in members:
            raise ZooError(f"{path}: {name} is there twice")
        if member.size != expected[name]:
            raise ZooError(
                f"{path}: {name} has {member.size:,} bytes, its {INDEX} says {expected[name]:,}"
            )
        members[name] = member
    missing = sorted(set(expected) - set(members))
    if missing:
        raise ZooError(f"{path} is not whole: {missing[0]} is missing")
    return entries, members


def _check_names_free(entries: dict[str, Entry], home: store.Store) -> None:
    """Refuses presets whose name stands for other files in the package or the user's store."""
    for place, known, remedy in (
        ("this zoo", store.SHIPPED.entries(), "use the zoo that made the bundle"),
        (str(home.directory), home.entries(), "`zoo presets remove {name}` deletes the old one"),
    ):
        for name, entry in entries.items():
            if name in known and known[name].files != entry.files:
                raise ZooError(
                    f"{name} of the bundle is not the {name} of {place}; {remedy.format(name=name)}"
                )


def _copy(tar, member: tarfile.TarInfo, target: Path, expected: File, path: Path) -> None:
    digest = hashlib.sha256()
    with open(target, "wb") as out, tar.extractfile(member) as source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
    if digest.hexdigest() != expected.sha256:
        raise ZooError(
            f"{path}: {member.name} has SHA-256 {digest.hexdigest()[:12]}..., its {INDEX} says "
            f"{expected.sha256[:12]}...; the bundle is broken"
        )


def _check_preset(directory: Path, name: str, entry: Entry, path: Path) -> None:
    """Refuses a preset that could not be loaded, or is not what its entry says."""
    try:
        config = read_config(directory)
        check_names("model", [config["model"]], list_models())
    except ZooError as error:
        message = str(error).replace(f"{directory}{os.sep}", f"weights/{name}/")
        raise ZooError(f"{path}: {message}") from None
    agrees = config["model"] == entry.model and config["sha256"] == entry.files[WEIGHTS].sha256
    if not agrees:
        raise ZooError(f"{path}: {name}/{CONFIG} and {INDEX} name another model or other weights")
