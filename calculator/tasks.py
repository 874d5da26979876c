"""The way of an index: request() asks for it, compute() computes it."""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from celery import Task, current_app, shared_task
from celery.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError
from redis import ConnectionError as RedisConnectionError
from redis import RedisError
from redis import TimeoutError as RedisTimeoutError

from calculator import values
from calculator.fibonacci import WrongDigitsError, digits, predict
from calculator.heartbeat import WorkerName
from calculator.indices import IndexTooHighError
from calculator.memory import TooLittleMemoryError, require_memory
from calculator.models import SeenIndex
from calculator.values import Start, State, Value

logger = logging.getLogger(__name__)

# An index that is still queued after this long although its queue is empty has lost its message.
QUEUED_TOO_LONG_SECONDS = 10
# Asking again for an index that failed has it tried again, but nobody can have it fail all the time.
RETRY_FAILED_SECONDS = 600
# One reading puts at most this many lost indices back, so that a list is never slow.
MOST_HEALED_AT_ONCE = 50
# How soon a finished value is noticed: at first within a millisecond or two, later within these seconds.
SHORTEST_PAUSE_SECONDS = 0.001
LONGEST_PAUSE_SECONDS = 0.05
BACKLOG_PAUSE_SECONDS = 1.0
# How often a running computation says how far it is, and how long it is silent after Redis did not take it.
PROGRESS_SECONDS = 0.1
SILENCE_SECONDS = 5.0
# What the computation is of the whole work; the rest is to compress and store the digits.
COMPUTATION = 0.8

QUICK = "quick"
HEAVY = "heavy"


def request(index: int) -> SeenIndex:
    """
    Ask for F(index): note it in Postgres, and have it computed unless it is known or under way. The one way to ask.

    Returns the index's row. Raises IndexTooHighError above MAX_INDEX, with nothing noted. Outside a transaction the
    row is committed when this returns. Without Redis the index waits, and is queued when Redis is back.
    """
    if index > settings.MAX_INDEX:
        raise IndexTooHighError(index)
    began = time.monotonic()
    seen = SeenIndex.objects.record(index)
    transaction.on_commit(
        lambda: enqueue([index], failed_longer_than=RETRY_FAILED_SECONDS, received_ago=time.monotonic() - began)
    )
    return seen


def look_up(indices: Sequence[int]) -> list[Value]:
    """
    Return what is known about each index that was asked for, and put what was lost back on the queue.

    One round trip when all are done. An index that Redis does not know, or whose Redis is away, is "waiting".
    """
    try:
        known = values.read_many(indices)
    except RedisError as error:
        logger.warning("Redis is away, values are unknown: %s", error)
        return [Value(index, State.WAITING) for index in indices]
    found = [value or missing(index) for index, value in zip(indices, known, strict=True)]
    healed = set(heal([value for value in found if not value.is_final][:MOST_HEALED_AT_ONCE]))
    now = datetime.now(UTC)
    return [
        replace(value, state=State.QUEUED, received_at=now, queued_at=now)
        if value.index in healed and value.state == State.WAITING
        else value
        for value in found
    ]


def wait_for(index: int, seconds: float) -> Value:
    """Return what is known about an index as soon as that is final, after `seconds` at the latest."""
    deadline = time.monotonic() + seconds
    (value,) = look_up([index])
    pause = SHORTEST_PAUSE_SECONDS
    while not value.is_final and value.state != State.WAITING and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        pause = min(pause * 1.25, LONGEST_PAUSE_SECONDS)
        try:
            value = values.read(index) or value
        except RedisError:
            return Value(index, State.WAITING)
    return value


def recompute(index: int) -> Value:
    """Have a value computed again, for instance because it lost its digits, and return what is known about it now."""
    with suppress(RedisError):
        values.forget([index])
    return look_up([index])[0]


def enqueue(
    indices: Iterable[int],
    queued_longer_than: float = 0,
    failed_longer_than: float = 0,
    received_ago: float = 0,
) -> list[int]:
    """
    Claim the indices and send a task for each that is neither known nor under way; return these.

    Safe to repeat and to run concurrently. When Redis cannot be reached they are kept in memory and tried again.
    `queued_longer_than`, `failed_longer_than` and `received_ago`: see values.claim.
    """
    unsent = list(dict.fromkeys(indices))
    sent: list[int] = []
    try:
        unsent = values.claim(unsent, queued_longer_than, failed_longer_than, received_ago)
        while unsent:
            compute.apply_async((unsent[0],), queue=queue_for(unsent[0]))
            sent.append(unsent.pop(0))
    except (RedisError, BrokerError) as error:
        logger.warning("Redis is away, %d indices wait for it: %s", len(unsent), error)
        backlog.add(unsent)
    return sent


def heal(unfinished: Iterable[Value]) -> list[int]:
    """Send again what is unknown to Redis, what ran on a worker that died, and what lost its message; return these."""
    overdue = datetime.now(UTC) - timedelta(seconds=QUEUED_TOO_LONG_SECONDS)
    lost: list[int] = []
    stuck: list[int] = []
    for value in unfinished:
        if value.state != State.QUEUED:
            lost.append(value.index)
        elif value.queued_at and value.queued_at < overdue:
            stuck.append(value.index)
    healed = enqueue(lost) if lost else []
    if stuck:
        empty = empty_queues()
        stuck = [index for index in stuck if queue_for(index) in empty]
    return healed + (enqueue(stuck, QUEUED_TOO_LONG_SECONDS) if stuck else [])


def missing(index: int) -> Value:
    """Return the state of an index that Redis does not know."""
    if index > settings.MAX_INDEX:  # it was asked for when the limit was higher
        return Value(index, State.FAILED, reason=f"Index too high: the limit is now {settings.MAX_INDEX:,}.")
    return Value(index, State.WAITING)


def queue_for(index: int) -> str:
    """Return the queue for an index, so that one that takes long never stands in front of one that does not."""
    return QUICK if predict(index).seconds <= settings.QUICK_SECONDS else HEAVY


def queue_lengths() -> dict[str, int]:
    """
    Return how many messages wait in each queue; what a worker has taken waits no more.

    Raises BrokerError or redis.RedisError when the broker cannot be reached.
    """
    with current_app.connection_for_read() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0)  # else a page would wait two seconds to learn it
        channel: Any = broker.default_channel
        return {queue: channel.client.llen(queue) for queue in (QUICK, HEAVY)}


def empty_queues() -> set[str]:
    """Return the queues in which no message waits; none when that cannot be known."""
    try:
        return {queue for queue, length in queue_lengths().items() if not length}
    except (BrokerError, RedisError):
        return set()


class Computation(Task):  # type: ignore[type-arg]
    """A task that leaves a final state on every way out; Celery calls this for hard time limits as well."""

    def on_failure(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        (index,) = args
        try:
            values.fail(index, reason(exc), task=task_id)
        except RedisError as error:
            # The state stays "running"; past its deadline the next reader has it computed again.
            logger.error("F(%s) failed, and Redis is away to say so: %s", index, error)  # noqa: TRY400 known


@shared_task(
    bind=True,
    base=Computation,
    acks_late=True,
    reject_on_worker_lost=True,
    ignore_result=True,
    soft_time_limit=settings.TASK_SOFT_TIME_LIMIT,
    time_limit=settings.TASK_TIME_LIMIT,
    autoretry_for=(RedisConnectionError, RedisTimeoutError),
    max_retries=5,
    retry_backoff=True,
    retry_backoff_max=30,
)
def compute(self: Any, index: int) -> None:
    """Compute F(index), check it and store it; does nothing if it is final or computed elsewhere. Repeatable."""
    decision = values.start(
        index,
        task=self.request.id,
        worker=WorkerName.current,
        # The limit that came with the message is the one that is kept.
        time_limit=(self.request.timelimit or [None])[0] or settings.TASK_TIME_LIMIT,
        # A retry after a broken connection is no sign of a deadly index.
        most_attempts=values.MOST_ATTEMPTS + self.request.retries,
    )
    if decision != Start.STARTED:
        logger.info("F(%d) is not computed here: %s", index, decision)
        return
    progress = Progress(index, self.request.id)
    check_primes: list[int] = []
    try:
        require_memory(index)
        began = time.perf_counter()
        decimal = digits(
            index,
            lambda fraction: progress.advance(fraction * COMPUTATION),
            on_failed_check=partial(values.count_failed_check, WorkerName.current),
            on_checked=check_primes.append,
        )
        seconds = time.perf_counter() - began
        values.store(
            index,
            decimal,
            seconds,
            lambda fraction: progress.advance(COMPUTATION + fraction * (1 - COMPUTATION)),
            check_prime=check_primes[0] if check_primes else None,
        )
    except MemoryError as error:
        # Celery ends the whole worker on a MemoryError.
        raise OutOfMemoryError from error
    logger.info("F(%d) has %d digits, %.3f s", index, len(decimal), seconds)


class Progress:
    """How far a computation is, noted in Redis ten times a second at most."""

    def __init__(self, index: int, task: str) -> None:
        self.index = index
        self.task = task
        self.due = time.monotonic() + PROGRESS_SECONDS

    def advance(self, fraction: float) -> None:
        """Note the fraction done if it is time to; without Redis go on all the same."""
        now = time.monotonic()
        if now < self.due:
            return
        self.due = now + PROGRESS_SECONDS
        try:
            values.advance(self.index, fraction, task=self.task)
        except RedisError as error:
            self.due = time.monotonic() + SILENCE_SECONDS
            logger.warning("Redis is away, F(%d) does not say how far it is: %s", self.index, error)


class OutOfMemoryError(Exception):
    """The worker has not enough memory for this index."""


def reason(exc: BaseException) -> str:
    """Say in words for people why a computation ended without a value."""
    match exc:
        case SoftTimeLimitExceeded() | TimeLimitExceeded():
            return f"It took longer than the limit of {settings.TASK_SOFT_TIME_LIMIT:,} seconds."
        case TooLittleMemoryError():
            return str(exc)
        case OutOfMemoryError():
            return "It needs more memory than the worker has."
        case WrongDigitsError():
            return "The computed digits failed their check and were thrown away."
        case RedisError():
            return "The worker lost its connection to Redis."
        case _:
            return f"An unexpected error ({type(exc).__name__}); the worker's log has the details."


class Backlog:
    """Indices that were acknowledged while Redis was away, sent as soon as it is back, by a thread of this process."""

    def __init__(self) -> None:
        self.indices: set[int] = set()
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None

    def add(self, indices: Iterable[int]) -> None:
        with self.lock:
            self.indices.update(indices)
            if self.indices and (self.thread is None or not self.thread.is_alive()):
                self.thread = threading.Thread(target=self.send, name="backlog", daemon=True)
                self.thread.start()

    def send(self) -> None:
        """Try once a second until nothing is left."""
        while True:
            time.sleep(BACKLOG_PAUSE_SECONDS)
            with self.lock:
                waiting, self.indices = self.indices, set()
                if not waiting:
                    self.thread = None
                    return
            try:
                # A claim whose message could not be sent is taken back; a second message for it is harmless.
                for index in waiting:
                    values.unclaim(index)
            except RedisError:
                self.add(waiting)
            else:
                sent = enqueue(waiting)
                logger.info("Redis is back, %d waiting indices are queued", len(sent))


backlog = Backlog()
