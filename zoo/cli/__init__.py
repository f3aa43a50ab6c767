"""The command `zoo`. Exit codes: 0 done, 2 refused input (one line), 1 a bug (a traceback).

One module per group of commands; each command imports what it needs when it runs, so that
`zoo list` does not wait for TensorFlow.
"""

import sys

from zoo.cli import (  # noqa: F401  they register
    data,
    demo,
    evaluating,
    exporting,
    inspecting,
    presets,
    training,
    using,
)
from zoo.cli.app import app
from zoo.errors import ZooError


def main() -> None:
    """Entry point: refused input is one line on standard error and exit code 2."""
    try:
        app(prog_name="zoo")
    except ZooError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None
