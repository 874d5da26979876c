"""How many processors this process may use: a container's own limit, not the host's count."""

import os
from pathlib import Path


def available_processors(limit: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """
    Return the number of processors, at least 1, rounded down from the container's quota.

    limit: the file of cgroup version 2 with "<quota> <period>" in microseconds, or "max <period>".
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = limit.read_text().split()
        return max(1, min(count, int(quota) // int(period)))
    except (OSError, ValueError):
        return count
