"""How much memory this process took at most, for reports."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")


def peak_memory() -> int:
    """Returns the largest resident set of this process so far, bytes.

    On Linux from the kernel's own record: `getrusage` there begins with the peak of the process
    that started this one.
    """
    if STATUS.exists():
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def reset_peak() -> bool:
    """Lets `peak_memory` begin anew with what is resident now; False where that cannot be done."""
    try:
        RESET.write_text("5")
    except OSError:
        return False
    return True
