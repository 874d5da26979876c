"""One computation shared by several threads, and how far it is."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise
from threading import Lock
from types import TracebackType
from typing import Self, TypeVar

from calculator.fibonacci.processors import available_processors

Result = TypeVar("Result")
# numpy lets other threads run inside its loops only: more threads than this mostly wait for each other.
MOST_THREADS = 4
RUNS_PER_THREAD = 4


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
        self.count = max(1, min(count or MOST_THREADS, MOST_THREADS, available_processors()))
        self.work = work
        self.done = 0.0
        self.progress = progress
        self.lock = Lock()
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
        Cut 0 … size into runs and these into blocks; return, in order, each run's start and part(its blocks).

        Each thread takes the next run when it is done with one, so that one whose processor is busy holds nobody up.
        block: the length of a block. work: what all of them are worth. alone: leave it to the calling thread, because
        starting the others costs more than it saves.
        """
        count = 1 if alone or self.count == 1 else max(1, min(RUNS_PER_THREAD * self.count, size // block))
        cuts = [size * i // count for i in range(count + 1)]
        results: dict[int, Result] = {}
        runs = iter(list(pairwise(cuts)))
        share = work / max(1, size)

        def take_runs(*, reports: bool) -> None:
            try:
                for start, stop in runs:
                    results[start] = part(self.counted(blocks(start, stop, block), share, reports=reports))
            except BaseException:
                self.stopped = True
                raise

        others = [self.pool.submit(take_runs, reports=False) for _ in range(min(self.count, count) - 1) if self.pool]
        try:
            take_runs(reports=True)
            for other in others:
                other.result()
        finally:
            # Nobody may still write when the caller goes on, whatever happened.
            wait(others)
        self.advance(0.0)
        return [(start, results[start]) for start in cuts[:-1]]

    def counted(self, spans: Iterable[slice], share: float, *, reports: bool) -> Iterator[slice]:
        """Hand out the spans until the work is stopped, and note each that is done; the calling thread reports it."""
        for span in spans:
            if self.stopped:
                return
            yield span
            work = share * (span.stop - span.start)
            if reports:
                self.advance(work)
            else:
                with self.lock:
                    self.done += work

    def finish(self) -> None:
        """Report that all is done."""
        self.done = self.work
        self.advance(0.0)

    def advance(self, work: float) -> None:
        """Note that so much more work is done, and report it."""
        with self.lock:
            self.done += work
        if self.progress:
            self.progress(min(self.done / self.work, 1.0))


def blocks(start: int, stop: int, length: int) -> list[slice]:
    return [slice(at, min(at + length, stop)) for at in range(start, stop, length)]
