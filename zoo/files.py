"""Writing so that nothing is ever half-written, and hashing what was written."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renames it to `path` when the block ends well.

    The block may create a file or a directory there. An existing file at `path` is replaced in one
    step; an existing directory is first moved aside, and put back if the rename fails. On error the
    temporary path is removed and `path` is untouched.

    Raises:
        IsADirectoryError: the block made a file, but there is a directory at `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    temporary = holder / path.name
    try:
        yield temporary
        if path.is_dir():
            if temporary.is_file():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            aside = holder / "replaced"
            os.rename(path, aside)
            try:
                os.rename(temporary, path)
            except BaseException:  # Ctrl-C as well
                os.rename(aside, path)
                raise
        else:
            os.replace(temporary, path)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def sha256(path: str | os.PathLike) -> str:
    """Returns the SHA-256 of a file as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
