"""One computation shared by several threads, and how far it is."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise
from types import TracebackType
from typing import Self, TypeVar

Result = TypeVar("Result")
# numpy lets other threads run inside its loops only: more threads than this mostly wait for each other.
MOST_THREADS = 4


class Threads:
    """
    The threads that work on one number, used as a context; the calling thread is one of them.

    count: how many, at most the processors this process may use and MOST_THREADS; None for as many as that.
    work: the units of work that are expected in all, in whatever unit `spread` is told.
    progress: called in the calling thread with the fraction done, 0 … 1, never decreasing; what it raises ends it all.
    """

    def __init__(
        self, count: int | None = None, work: float = 1.0, progress: Callable[[float], None] | None = None
    ) -> None:
        self.count = max(1, min(count or MOST_THREADS, MOST_THREADS, processors()))
        self.work = work
        self.done = 0.0
        self.progress = progress
        self.stopped = False
        self.pool = ThreadPoolExecutor(self.count - 1, "fibonacci") if self.count > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stopped = True
        if self.pool:
            self.pool.shutdown()

    def spread(
        self, part: Callable[[Iterable[slice]], Result], size: int, block: int, work: float, *, alone: bool = False
    ) -> list[tuple[int, Result]]:
        """
        Cut 0 … size into blocks, give each thread a run of them, and return each run's start and part(its blocks).

        block: the length of a block. work: what all of them are worth. alone: leave it to the calling thread, because
        starting the others costs more than it saves.
        """
        count = 1 if alone else max(1, min(self.count, size))
        cuts = [size * i // count for i in range(count + 1)]
        others = [
            self.pool.submit(part, self.until_stopped(blocks(start, stop, block)))
            for start, stop in pairwise(cuts[1:])
            if self.pool
        ]
        try:
            own = part(self.reported(blocks(0, cuts[1], block), work / max(1, cuts[1])))
            return list(zip(cuts, [own, *(other.result() for other in others)], strict=False))
        except BaseException:
            self.stopped = True
            raise
        finally:
            # Nobody may still write when the caller goes on, whatever happened.
            wait(others)

    def reported(self, spans: Iterable[slice], work: float) -> Iterator[slice]:
        """Hand out the spans, and report each when it is done: the other threads are about as far."""
        for span in spans:
            yield span
            self.advance(work * (span.stop - span.start))

    def until_stopped(self, spans: Iterable[slice]) -> Iterator[slice]:
        for span in spans:
            if self.stopped:
                return
            yield span

    def advance(self, work: float) -> None:
        """Note that so much more work is done."""
        self.done += work
        if self.progress:
            self.progress(min(self.done / self.work, 1.0))


def blocks(start: int, stop: int, length: int) -> list[slice]:
    return [slice(at, min(at + length, stop)) for at in range(start, stop, length)]


def processors() -> int:
    """Return how many processors this process may use (a container's share of time is not counted)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
