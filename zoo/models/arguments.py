"""Checks of the arguments that several models take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zoo.errors import ZooError, did_you_mean


def check_choice(argument: str, value, legal: Iterable) -> None:
    """Raises ZooError unless `value` is one of the legal ones."""
    legal = list(legal)
    if value not in legal:
        names = ", ".join(map(str, legal))
        hint = did_you_mean(value, map(str, legal))
        raise ZooError(f"{argument} is {value!r}; legal are {names}.{hint}")


def check_width(width: float) -> None:
    """Raises ZooError unless `width` is a factor on channels that a model takes."""
    if not 0.0 < width <= 4.0:
        raise ZooError(f"width is {width}; legal is more than 0 and at most 4")


def check_attribute_names(names: Sequence[str]) -> None:
    """Raises ZooError unless there are names and no two are the same."""
    if not names or len(set(names)) != len(names):
        raise ZooError(
            f"attribute_names are {', '.join(names) or 'empty'}; "
            "legal are one or more different names"
        )
