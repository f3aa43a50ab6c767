"""The one exception that means "the input is wrong", and a helper for the nearest name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZooError(ValueError):
    """Refused input. The message says what is wrong, what was received and what is legal.

    The command line prints the message on one line, without a traceback, and exits with code 2.
    """


def did_you_mean(name: str, legal: Iterable[str]) -> str:
    """Returns `" Did you mean 'x'?"` for the legal name nearest to `name`, or an empty string."""
    nearest = difflib.get_close_matches(str(name), list(legal), n=1, cutoff=0.5)
    return f" Did you mean '{nearest[0]}'?" if nearest else ""
