"""Reading the text files that come with the sets: bounded, and every line checked."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo.errors import ZooError

MAX_BYTES = 100_000_000
"""Largest index file that is read (ours); CelebA's largest has 27 million bytes."""

_FILE_NAME = re.compile(r"[\w.\-]+")  # no path: it is joined to a directory


class Table(NamedTuple):
    """An index file: one row of whole numbers per file name."""

    path: Path
    columns: tuple[str, ...]  # empty without a header
    rows: dict[str, int]  # name -> row of values
    values: np.ndarray  # (rows, columns) int64
    declared: int  # rows that the header announces
    first: int  # line of the first row, from 1


def find_file(directory: Path, *places: str) -> Path:
    """The first of the places, relative to the directory, that is a file.

    Raises:
        ZooError: none is.
    """
    for place in places:
        if (directory / place).is_file():
            return directory / place
    raise ZooError(f"{directory} lacks {' or '.join(places)}")


def names_in(folder: str | os.PathLike) -> list[str]:
    """Sorted names of what a folder holds.

    Raises:
        ZooError: missing, no folder, or it cannot be read.
    """
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise ZooError(f"cannot read the folder {folder}: {error.strerror}") from error


def read_lines(path: str | os.PathLike) -> list[str]:
    """Lines of a UTF-8 text file; empty ones at its end are dropped.

    Raises:
        ZooError: missing, too large, or not text.
    """
    path = Path(path)
    if not path.is_file():
        raise ZooError(f"{path} does not exist")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ZooError(f"{path} has {size:,} bytes; legal are at most {MAX_BYTES:,}")
    try:
        return path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ZooError(f"{path} is not UTF-8 text: {error.reason}") from error


def read_table(path: str | os.PathLike, columns: int | None = None) -> Table:
    """Reads rows of a file name and whole numbers, as all of CelebA's index files have them.

    Args:
        path: the file.
        columns: numbers in a row; None if a line with the number of rows and a line with the
            columns' names precede the rows.

    Raises:
        ZooError: missing, too large, or a line is malformed; names file and line.
    """
    path, lines = Path(path), read_lines(path)
    names: tuple[str, ...] = ()
    if columns is None:
        if len(lines) < 2 or not is_count(lines[0].strip()):
            raise ZooError(f"{path} line 1: expected the number of rows, then a line of names")
        names = tuple(lines[1].split())
    first = 3 if columns is None else 1
    width = len(names) if columns is None else columns
    rows: dict[str, int] = {}
    numbers = []
    for line, text in enumerate(lines[first - 1 :], first):
        name, *row = text.split() or [""]
        if len(row) != width:
            raise malformed(path, line, text, f"a file name and {width} numbers")
        check_name(name, path, line, text)
        if name in rows:
            raise malformed(path, line, text, f"a new name; {name} is in line {rows[name] + first}")
        rows[name] = len(rows)
        numbers += row
    try:
        values = np.array(numbers, np.int64).reshape(len(rows), width)
    except (ValueError, OverflowError):
        line = next(i // width for i, number in enumerate(numbers) if not _is_whole(number)) + first
        raise malformed(path, line, lines[line - 1], "whole numbers") from None
    declared = int(lines[0]) if columns is None else len(rows)
    return Table(path, names, rows, values, declared, first)


def check_name(name: str, path: Path, line: int, text: str) -> None:
    """Refuses a file name that could lead out of its directory."""
    if not _FILE_NAME.fullmatch(name) or name in (".", ".."):
        raise malformed(path, line, text, "a file name without a path")


def check_values(table: Table, legal: tuple[int, ...]) -> None:
    """Refuses a table with other values.

    Raises:
        ZooError: names the first line with one.
    """
    wrong = ~np.isin(table.values, legal).all(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        shown = f"{list(table.rows)[row]} {' '.join(map(str, table.values[row]))}"
        raise malformed(
            table.path, row + table.first, shown, f"values {', '.join(map(str, legal))}"
        )


def is_count(text: str) -> bool:
    """Whether a text is a whole number from 0; `int` refuses thousands of digits."""
    return bool(re.fullmatch(r"[0-9]{1,18}", text))


def malformed(path: Path, line: int, text: str, legal: str) -> ZooError:
    """The error of a line that is not as it should be."""
    shown = text if len(text) <= 60 else text[:60] + "..."
    return ZooError(f"{path} line {line}: expected {legal}; received {shown!r}")


def _is_whole(number: str) -> bool:
    return bool(re.fullmatch(r"[+-]?\d{1,18}", number))
