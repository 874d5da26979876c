"""How much memory there is for a computation."""

import os
from collections.abc import Iterator
from pathlib import Path

from calculator.fibonacci import predict

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")


class TooLittleMemoryError(Exception):
    """F(index) needs more memory than this process may use; `needed` and `limit` are bytes."""

    def __init__(self, needed: int, limit: int) -> None:
        super().__init__(f"It needs {readable(needed)} of memory, and there are {readable(limit)} in all.")
        self.needed = needed
        self.limit = limit

    def __reduce__(self) -> tuple[type, tuple[int, int]]:
        # Celery hands exceptions from the pool's child to its parent.
        return type(self), (self.needed, self.limit)


def require_memory(index: int) -> None:
    """Raise TooLittleMemoryError if F(index) cannot fit, by prediction, into the memory this process may use."""
    needed, limit = predict(index).bytes, memory_limit()
    if needed > limit:
        raise TooLittleMemoryError(needed, limit)


def memory_limit() -> int:
    """Return how many bytes this process may use: the least limit of its control groups, or what the machine has."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *cgroup_limits()])


def cgroup_limits() -> Iterator[int]:
    """Yield the limits of the control groups this process is in; an absent or unlimited one has none."""
    try:
        lines = OWN_CGROUPS.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            root, name = CGROUPS, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = CGROUPS / "memory", "memory.limit_in_bytes"
        else:
            continue
        # The groups above limit it too. Inside a container its own group may be mounted at the root.
        inner = root / path.lstrip("/")
        for group in (inner, *inner.parents):
            if not group.is_relative_to(root):
                break
            try:
                yield int((group / name).read_text())
            except (OSError, ValueError):  # no such file, or "max"
                continue


def readable(count: int, gap: str = " ") -> str:
    """Write a number of bytes in the unit that suits it: 879.4 MB."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB", "RB"):
        if amount < 999.95:  # noqa: PLR2004 what would round up to 1000 has the next unit
            return f"{amount:,.0f}{gap}{unit}" if unit == "bytes" else f"{amount:,.1f}{gap}{unit}"
        amount /= 1000
    return f"{amount:,.1f}{gap}QB"
