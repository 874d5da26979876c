import os
import threading
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculator.fibonacci import digits
from calculator.fibonacci.threads import MOST_THREADS, Threads, blocks

# Longer than this nothing here takes, unless it waits for ever.
LIMIT = 30
# Large enough that every pass of its last doubling is shared.
SHARED = 7_000_000

sizes = st.integers(0, 300)
lengths = st.integers(1, 60)
counts = st.integers(1, 4)


@pytest.fixture(autouse=True)
def _four_processors(monkeypatch):
    """So many threads run wherever the tests do."""
    monkeypatch.setattr("calculator.fibonacci.threads.available_processors", lambda: 4)


def indices(spans):
    return [index for span in spans for index in range(span.start, span.stop)]


def living():
    return [thread for thread in threading.enumerate() if thread.name.startswith("fibonacci")]


@given(sizes, lengths, counts, st.booleans())
def test_every_index_is_handed_out_once_and_the_results_come_in_order(size, length, count, alone):
    with Threads(count) as threads:
        results = threads.spread(indices, size, length, 1.0, alone=alone)
    assert [index for _, run in results for index in run] == list(range(size))
    assert [start for start, _ in results] == [run[0] if run else 0 for _, run in results]


def test_results_come_in_order_even_if_the_first_run_ends_after_another():
    another_ended = threading.Event()

    def part(spans):
        first = next(iter(spans))
        if first.start:
            another_ended.set()
        else:
            assert another_ended.wait(LIMIT)
        return first.start

    with Threads(2) as threads:
        results = threads.spread(part, 400, 1, 1.0)
    assert len(results) > 1
    assert results == sorted(results)
    assert all(start == result for start, result in results)


@given(sizes, lengths, counts)
def test_no_span_is_longer_than_a_block_or_empty(size, length, count):
    with Threads(count) as threads:
        results = threads.spread(list, size, length, 1.0)
    assert all(0 < span.stop - span.start <= length for _, spans in results for span in spans)


@given(sizes, sizes, lengths)
def test_blocks_cover_what_they_cut(start, stop, length):
    spans = blocks(start, stop, length)
    assert indices(spans) == list(range(start, stop))
    assert all(span.stop - span.start == length for span in spans[:-1])


@pytest.mark.parametrize("count", [2, 3, 4])
def test_so_many_threads_work_at_the_same_time_and_the_caller_is_one_of_them(count):
    # Nobody passes before all have arrived; a thread that is missing would break the barrier.
    meeting = threading.Barrier(count, timeout=LIMIT)
    met = threading.local()
    workers = set()

    def part(spans):
        for _ in spans:
            if not hasattr(met, "others"):
                met.others = meeting.wait()
            workers.add(threading.get_ident())

    with Threads(count) as threads:
        threads.spread(part, 400, 1, 1.0)
    assert len(workers) == count
    assert threading.get_ident() in workers


def test_work_that_is_left_alone_is_done_in_one_run_by_the_caller():
    with Threads(4) as threads:
        results = threads.spread(lambda spans: {threading.get_ident() for _ in spans}, 400, 1, 1.0, alone=True)
    assert results == [(0, {threading.get_ident()})]


def test_one_thread_alone_gets_everything_in_one_run_and_starts_no_other():
    with Threads(1) as threads:
        results = threads.spread(lambda spans: (len(list(spans)), living()), 400, 1, 1.0)
    assert results == [(0, (400, []))]


@pytest.mark.parametrize(
    ("asked", "processors", "given"),
    [(None, 3, 3), (None, 64, MOST_THREADS), (2, 64, 2), (64, 64, MOST_THREADS), (4, 2, 2), (1, 64, 1), (4, 1, 1)],
)
def test_there_are_as_many_threads_as_asked_but_not_more_than_processors_or_pay(monkeypatch, asked, processors, given):
    monkeypatch.setattr("calculator.fibonacci.threads.available_processors", lambda: processors)
    with Threads(asked) as threads:
        assert threads.count == given


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux binds a thread to processors")
def test_a_process_bound_to_one_processor_gets_one_thread(monkeypatch):
    monkeypatch.undo()
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        with Threads() as threads:
            assert threads.count == 1
    finally:
        os.sched_setaffinity(0, allowed)


@given(sizes.filter(bool), lengths, counts)
def test_all_work_is_counted_whoever_does_it(size, length, count):
    reports = []
    with Threads(count, 50.0, reports.append) as threads:
        threads.advance(20.0)
        threads.spread(list, size, length, 30.0)
        assert threads.done == pytest.approx(50)
    assert reports == sorted(reports)
    assert reports[-1] == pytest.approx(1)


def test_progress_never_exceeds_one():
    reports = []
    with Threads(1, 1.0, reports.append) as threads:
        threads.spread(list, 10, 1, 3.0)
    assert max(reports) == 1


def test_progress_is_reported_in_the_calling_thread_only():
    reporters = set()
    with Threads(4, 1.0, lambda _: reporters.add(threading.get_ident())) as threads:
        threads.spread(list, 1000, 1, 1.0)
    assert reporters == {threading.get_ident()}


def test_what_progress_raises_reaches_the_caller_and_stops_the_others():
    # The caller fails once another thread is at work; that one must not be handed another span.
    at_work = threading.Event()
    left = []

    def part(spans):
        for _ in spans:
            if threading.current_thread() is threading.main_thread():
                assert at_work.wait(LIMIT)
                continue
            at_work.set()
            deadline = time.monotonic() + LIMIT
            while not threads.stopped:
                assert time.monotonic() < deadline
            sum(range(1_000_000))  # so that it is still at work when the caller already failed
            left.append(1)

    def fail(_):
        raise error

    error = LookupError("enough")
    with Threads(2, 1.0, fail) as threads:
        with pytest.raises(LookupError) as raised:
            threads.spread(part, 1000, 10, 1.0)
        assert left == [1]
    assert raised.value is error
    assert living() == []


def test_what_another_thread_raises_reaches_the_caller():
    class OwnError(Exception):
        pass

    failed = threading.Event()

    def part(spans):
        for _ in spans:
            if threading.current_thread() is not threading.main_thread():
                failed.set()
                raise OwnError
            assert failed.wait(LIMIT)

    with pytest.raises(OwnError), Threads(2) as threads:
        threads.spread(part, 1000, 10, 1.0)
    assert living() == []


def test_no_thread_is_left_behind():
    with Threads(4) as threads:
        threads.spread(list, 1000, 1, 1.0)
        assert living()
    assert living() == []


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_progress_of_a_computation_never_decreases_and_ends_at_one(count):
    reports = []
    digits(SHARED, reports.append, threads=count)
    assert len(reports) > 20
    assert all(before <= after for before, after in pairwise(reports))
    assert 0 < reports[0] < 0.1
    assert reports[-1] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("at", [0, 0.3, 0.6, 0.8, 0.9, 0.97])
def test_what_progress_raises_ends_a_computation_at_once_and_leaves_no_thread(at):
    class EnoughError(Exception):
        pass

    reports = []

    def stop(fraction):
        reports.append(fraction)
        if fraction >= at:
            raise EnoughError

    with pytest.raises(EnoughError):
        digits(SHARED, stop, threads=4)
    assert [fraction for fraction in reports if fraction >= at] == reports[-1:]
    assert living() == []


def dishonesty(n):
    """The largest difference between the fraction that is reported and the fraction of the time that has passed."""
    reports = []
    # Of one thread, and in its own time, so that what else the machine does hardly matters.
    started = time.thread_time()
    digits(n, lambda fraction: reports.append((time.thread_time() - started, fraction)), threads=1)
    total = time.thread_time() - started
    return max(abs(fraction - elapsed / total) for elapsed, fraction in reports)


@pytest.mark.parametrize("n", [10**7, 10**8])
def test_progress_is_honest_within_fifteen_percent(n):
    # Mostly within 8 %; a neighbour that takes the cache away can spoil one attempt.
    assert any(dishonesty(n) < 0.15 for _ in range(3))
