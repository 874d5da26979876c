"""
The computed values, in Redis: one hash for each index. This module and its scripts own every key and field.

    fib:{n}        state, times, what is known of the digits without reading them; digits:0, digits:1, … (zstd)
    worker:{name}  "up" while that worker lives (it expires unless renewed), "stopped" after a proper stop
    running        the indices that are computed now, each until its deadline
    workers        the names of the workers that live, each until its sign of life is over
    failed-checks  how many computations' digits failed their check, for each worker

Every change of state is one script (value_scripts.py), atomic in Redis, which also gives the time. Hashes expire after
VALUE_TTL_SECONDS; what is gone is computed again when somebody asks for it. redis.RedisError means that Redis could not
be reached.
"""

import hashlib
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Final

import redis
from django.conf import settings
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from calculator import value_scripts as scripts
from calculator.fibonacci import digit_frequencies

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Digits are stored in pieces, each a zstd frame of its own: a window reads only the pieces it touches, a download
# holds one at a time, and all of them one after the other are still one valid zstd stream.
DIGITS_PER_PIECE: Final = 1_000_000
# There are no repetitions in the digits: higher levels are slower and no smaller.
ZSTD_LEVEL: Final = 1
END_DIGITS: Final = 40
# A worker renews its sign of life every third of this.
WORKER_TTL_SECONDS: Final = 15
STOPPED_TTL_SECONDS: Final = 24 * 3600
# So many of what runs now are listed.
MOST_RUNNING: Final = 20
# After this many starts that ended without a result an index is given up.
MOST_ATTEMPTS: Final = 2


class State(StrEnum):
    WAITING = "waiting"  # kept in Postgres, unknown to Redis: never stored, only reported
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Start(StrEnum):
    """What `start` decided."""

    STARTED = "started"
    FINISHED = "finished"  # there is a final state already
    ELSEWHERE = "elsewhere"  # another worker that is alive has it
    GIVEN_UP = "given up"  # it was started too often and is failed now


class DigitsGoneError(LookupError):
    """The digits are not in Redis any more (expired, evicted or forgotten)."""


@dataclass(frozen=True, slots=True)
class Value:
    """What is known about F(index), without its digits."""

    index: int
    state: State
    received_at: datetime | None = None  # when the request that led to this computation began
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    seconds: float | None = None
    worker: str | None = None
    digits: int | None = None
    head: str | None = None
    tail: str | None = None
    sha256: str | None = None
    stored_bytes: int | None = None
    reason: str | None = None
    progress: float | None = None  # 0 … 1 while it is running, 1 when it is done
    check_prime: int | None = None  # modulo which the digits were checked, if they were
    frequencies: tuple[int, ...] | None = None  # how often each of the digits 0 … 9 occurs

    @property
    def is_final(self) -> bool:
        return self.state in {State.DONE, State.FAILED}

    @property
    def computed_at(self) -> datetime | None:
        """When the digits were there, before they were stored; None before that."""
        if self.state != State.DONE or self.started_at is None or self.seconds is None:
            return None
        return self.started_at + timedelta(seconds=self.seconds)

    @property
    def short(self) -> str | None:
        """The value, whole up to 80 digits and "head…tail" beyond; None before it is done."""
        if self.digits is None or self.head is None or self.tail is None:
            return None
        if self.digits <= END_DIGITS:
            return self.head
        if self.digits <= 2 * END_DIGITS:
            return self.head + self.tail[2 * END_DIGITS - self.digits :]
        return f"{self.head[:20]}…{self.tail[-20:]}"


@dataclass(frozen=True, slots=True)
class Usage:
    """How full Redis is: the keys of the values' database, and the bytes of the whole server."""

    keys: int
    bytes: int
    limit: int | None  # bytes; None if there is no other than the machine's


FIELDS: Final = (
    "state", "received_at", "queued_at", "started_at", "finished_at", "seconds", "worker", "digits", "head", "tail",
    "sha256", "stored_bytes", "reason", "progress", "check_prime", "frequencies",
)  # fmt: skip


def claim(
    indices: Iterable[int],
    queued_longer_than: float = 0,
    failed_longer_than: float = 0,
    received_ago: float = 0,
) -> list[int]:
    """
    Claim those of `indices` that nobody has claimed or whose computation was lost; return them, now "queued".

    Atomic for each index: of many claims at once one gets it. `queued_longer_than`: seconds after which an index that
    is still queued counts as lost too, `failed_longer_than`: seconds after which one that failed may be tried again;
    0 for never. `received_ago`: seconds since somebody's request for them began. The caller sends the task, or calls
    `unclaim`. One round trip.
    """
    asked = list(indices)
    arguments = [settings.VALUE_TTL_SECONDS, queued_longer_than, failed_longer_than, received_ago]
    with connection().pipeline(transaction=False) as pipeline:
        for index in asked:
            pipeline.eval(scripts.CLAIM, 1, key(index), *arguments)
        return [index for index, claimed in zip(asked, pipeline.execute(), strict=True) if claimed]


def unclaim(index: int) -> None:
    """Take back a claim whose task could not be sent; does nothing once the index is running or final."""
    connection().eval(scripts.UNCLAIM, 1, key(index))


def start(index: int, *, task: str, worker: str, time_limit: float, most_attempts: int = MOST_ATTEMPTS) -> Start:
    """
    Enter that `worker` computes `index` now, for the delivery `task`, for at most `time_limit` seconds.

    Only Start.STARTED allows the computation. A delivery of the same task as the running one means that the earlier
    run died; after `most_attempts` such runs the index is failed.
    """
    reason = f"Its computation ended its worker process {MOST_ATTEMPTS} times; it probably needs too much memory."
    limit = time_limit + 60
    arguments: list[str | float] = [
        settings.VALUE_TTL_SECONDS,
        task,
        worker,
        limit,
        most_attempts,
        reason,
    ]
    return Start(connection().eval(scripts.START, 1, key(index), *arguments).decode())


def advance(index: int, fraction: float, *, task: str) -> None:
    """Note how far the run `task` of an index is, 0 … 1; does nothing if another run has it."""
    connection().eval(scripts.ADVANCE, 1, key(index), task, f"{fraction:.4f}")


def store(
    index: int,
    digits: bytes,
    seconds: float,
    progress: Callable[[float], None] | None = None,
    check_prime: int | None = None,
) -> None:
    """
    Store the digits of F(index), computed in `seconds`, and make the index "done"; storing twice is harmless.

    progress: called with the fraction that is stored, 0 … 1. check_prime: modulo which the digits were checked. Memory:
    one compressed piece above the digits. Raises DigitsGoneError if the pieces are deleted as fast as they are written.
    """
    view = memoryview(digits)
    pieces = range(0, len(digits), DIGITS_PER_PIECE)
    fields: dict[str, str | int | float] = {
        "digits": len(digits),
        "head": digits[:END_DIGITS].decode(),
        "tail": digits[-END_DIGITS:].decode(),
        "sha256": hashlib.sha256(view).hexdigest(),
        "seconds": seconds,
    }
    if check_prime:
        fields["check_prime"] = check_prime
    for _ in range(3):
        stored_bytes = 0
        frequencies = [0] * 10
        for number, first in enumerate(pieces):
            piece = view[first : first + DIGITS_PER_PIECE]
            frequencies = [sum(counts) for counts in zip(frequencies, digit_frequencies(piece), strict=True)]
            frame = zstd.compress(piece, ZSTD_LEVEL)
            stored_bytes += len(frame)
            if progress:
                progress(number / len(pieces))
            with connection().pipeline(transaction=False) as pipeline:
                pipeline.hset(key(index), f"digits:{number}", frame)
                pipeline.expire(key(index), settings.VALUE_TTL_SECONDS)
                pipeline.execute()
        fields["stored_bytes"] = stored_bytes
        fields["frequencies"] = " ".join(map(str, frequencies))
        flat = [part for item in fields.items() for part in item]
        if connection().eval(scripts.FINISH, 1, key(index), settings.VALUE_TTL_SECONDS, len(pieces), *flat):
            return
    raise DigitsGoneError(index)


def fail(index: int, reason: str, *, task: str) -> bool:
    """Make the index "failed" with a reason for people; False if there is a value or another run."""
    return bool(connection().eval(scripts.FAIL, 1, key(index), settings.VALUE_TTL_SECONDS, reason, task))


def read(index: int) -> Value | None:
    """Return what is known about one index, or None."""
    return read_many([index])[0]


def read_many(indices: Iterable[int]) -> list[Value | None]:
    """Return what is known about each index, without digits, in one round trip; None where nothing is."""
    asked = list(indices)
    if not asked:
        return []
    with connection().pipeline(transaction=False) as pipeline:
        for index in asked:
            pipeline.hmget(key(index), FIELDS)
        return [from_fields(index, fields) for index, fields in zip(asked, pipeline.execute(), strict=True)]


def read_digits(index: int, start: int = 0, count: int | None = None) -> bytes:
    """Return `count` digits of F(index) from position `start` on (all without a count); raises DigitsGoneError."""
    return b"".join(iterate_digits(index, start, count))


def iterate_digits(index: int, start: int = 0, count: int | None = None) -> Iterator[bytes]:
    """Like read_digits, a piece at a time: one piece is in memory, whatever the value's size."""
    total = length(index)
    stop = total if count is None else min(total, start + count)
    for number in range(start // DIGITS_PER_PIECE, math.ceil(stop / DIGITS_PER_PIECE)):
        offset = number * DIGITS_PER_PIECE
        piece = zstd.decompress(read_frame(index, number))
        yield piece[max(0, start - offset) : stop - offset]


def iterate_frames(index: int) -> Iterator[bytes]:
    """Yield the digits as stored: frames that are, one after the other, a zstd stream of Value.stored_bytes bytes."""
    for number in range(math.ceil(length(index) / DIGITS_PER_PIECE)):
        yield read_frame(index, number)


def forget(indices: Iterable[int]) -> int:
    """Delete everything known about the indices; return how many were known."""
    forgotten = list(indices)
    if not forgotten:
        return 0
    with connection().pipeline() as pipeline:
        pipeline.unlink(*map(key, forgotten))
        pipeline.zrem("running", *forgotten)
        return int(pipeline.execute()[0])


def running() -> list[Value]:
    """Return what workers that live compute now, the newest start first, MOST_RUNNING at most; one round trip."""
    found: Any = connection().eval(scripts.RUNNING, 0, MOST_RUNNING, *FIELDS)
    return [value for index, fields in found if (value := from_fields(int(index), fields))]


def workers() -> list[str]:
    """Return the names of the workers that live, sorted; a killed one is among them for WORKER_TTL_SECONDS."""
    names: Any = connection().eval(scripts.WORKERS, 0)
    return sorted(name.decode() for name in names)


def count_failed_check(worker: str) -> None:
    """Count a computation of `worker` whose digits failed their check."""
    connection().hincrby("failed-checks", worker, 1)


def failed_checks() -> dict[str, int]:
    """Return how many computations' digits failed their check, for each worker that had any."""
    counts: Any = connection().hgetall("failed-checks")
    return {worker.decode(): int(count) for worker, count in counts.items()}


def renew_worker(worker: str) -> None:
    """Say that `worker` lives; to be repeated at least every WORKER_TTL_SECONDS."""
    connection().eval(scripts.RENEW, 0, worker, WORKER_TTL_SECONDS)


def stop_worker(worker: str) -> None:
    """Say that `worker` was stopped properly: what it ran is lost at once, and is not held against the index."""
    with connection().pipeline() as pipeline:
        pipeline.set(f"worker:{worker}", "stopped", ex=STOPPED_TTL_SECONDS)
        pipeline.zrem("workers", worker)
        pipeline.execute()


def usage() -> Usage:
    """Return how full Redis is, in one round trip."""
    with connection().pipeline(transaction=False) as pipeline:
        pipeline.dbsize()
        pipeline.info("memory")
        keys, memory = pipeline.execute()
    return Usage(keys, memory["used_memory"], memory["maxmemory"] or None)


def length(index: int) -> int:
    found = connection().hget(key(index), "digits")
    if found is None:
        raise DigitsGoneError(index)
    return int(found)


def read_frame(index: int, number: int) -> bytes:
    frame: bytes | None = connection().hget(key(index), f"digits:{number}")  # type: ignore[assignment] # not decoded
    if frame is None:
        raise DigitsGoneError(index)
    return frame


def key(index: int) -> str:
    return f"fib:{index}"


def from_fields(index: int, fields: list[bytes | None]) -> Value | None:
    known = {name: field.decode() for name, field in zip(FIELDS, fields, strict=True) if field is not None}
    if "state" not in known:
        return None
    return Value(
        index=index,
        state=State(known["state"]),
        received_at=time(known.get("received_at")),
        queued_at=time(known.get("queued_at")),
        started_at=time(known.get("started_at")),
        finished_at=time(known.get("finished_at")),
        seconds=float(known["seconds"]) if "seconds" in known else None,
        worker=known.get("worker"),
        digits=int(known["digits"]) if "digits" in known else None,
        head=known.get("head"),
        tail=known.get("tail"),
        sha256=known.get("sha256"),
        stored_bytes=int(known["stored_bytes"]) if "stored_bytes" in known else None,
        reason=known.get("reason"),
        progress=float(known["progress"]) if "progress" in known else None,
        check_prime=int(known["check_prime"]) if "check_prime" in known else None,
        frequencies=tuple(map(int, known["frequencies"].split())) if "frequencies" in known else None,
    )


def time(stamp: str | None) -> datetime | None:
    return datetime.fromtimestamp(float(stamp), UTC) if stamp else None


@cache
def connection() -> "redis.Redis":
    """Return the client of the values' Redis: a pool, safe across threads and forks, that fails within seconds."""
    # redis-py reads the URL; TLS always verifies the server's certificate and name.
    tls: dict[str, Any] = {}
    if settings.VALUES_URL.startswith("rediss:"):
        tls = {
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,
            "ssl_ca_certs": settings.REDIS_CA_CERTS,
        }
    return redis.Redis.from_url(
        settings.VALUES_URL,
        socket_connect_timeout=2,
        socket_timeout=5,
        health_check_interval=25,
        # Once again at once: an idle connection may have been closed by the server.
        retry=Retry(ConstantBackoff(0.05), 1),
        **tls,
    )
