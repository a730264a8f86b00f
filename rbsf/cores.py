"""How many processor cores there are to work with."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """How many cores this process may use, or the machine has where the system does not say."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
