"""The parts of the running system, each with its state and one telling number, for the picture on /otherpage."""

from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import InterfaceError, OperationalError
from django.db.models import Count, Sum
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError

from calculator import values
from calculator.models import SeenIndex
from calculator.tasks import look_up, queue_lengths
from calculator.values import Usage, Value

# So many of the newest values are drawn as points.
PLOTTED = 300
# A part of the page is asked for again after so many milliseconds, sooner while something is under way.
BUSY_MILLISECONDS = 1_000
IDLE_MILLISECONDS = 5_000
# The frontend answers its health check in a millisecond, or not at all.
FRONTEND_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Received:
    """What Postgres keeps."""

    indices: int
    requests: int


@dataclass(frozen=True, slots=True)
class System:
    """
    The system as it was just now; None stands for a part that is away.

    queues: how many tasks wait, by queue. running: what workers compute, the last one started first. computed: the
    newest finished values. files: how many there are for browsers. frontend: whether the nginx that serves them
    answers; None where there is none, and Django serves them itself.
    """

    received: Received | None
    newest: SeenIndex | None
    queues: dict[str, int] | None
    workers: list[str] | None
    running: list[Value]
    usage: Usage | None
    computed: list[Value]
    files: int
    frontend: bool | None

    @property
    def waiting(self) -> int:
        return sum((self.queues or {}).values())

    @property
    def look_after(self) -> int:
        return BUSY_MILLISECONDS if self.running or self.waiting else IDLE_MILLISECONDS

    @property
    def points(self) -> list[tuple[int, float]]:
        """Index and seconds of the finished values."""
        return [(value.index, value.seconds) for value in self.computed if value.seconds]


def look() -> System:
    """Look at every part; one that is away hides no other. Two queries, and few round trips to Redis."""
    received, newest = look_at_postgres()
    try:
        queues = queue_lengths()
    except (BrokerError, RedisError):
        queues = None
    try:
        workers, running, usage = values.workers(), values.running(), values.usage()
    except RedisError:
        workers, running, usage = None, [], None
    computed = [value for value in look_up([one.number for one in newest]) if value.seconds] if usage else []
    return System(
        received=received,
        newest=newest[0] if newest else None,
        queues=queues,
        workers=workers,
        running=running,
        usage=usage,
        computed=computed,
        files=len(getattr(staticfiles_storage, "hashed_files", ())),
        frontend=look_at_frontend(),
    )


def look_at_postgres() -> tuple[Received | None, list[SeenIndex]]:
    try:
        received = SeenIndex.objects.aggregate(indices=Count("*"), requests=Sum("times_requested", default=0))
        return Received(**received), list(SeenIndex.objects.newest_first()[:PLOTTED])
    except (OperationalError, InterfaceError):
        return None, []


def look_at_frontend() -> bool | None:
    if not settings.FRONTEND_ADDRESS:
        return None
    try:
        with closing(HTTPConnection(settings.FRONTEND_ADDRESS, timeout=FRONTEND_SECONDS)) as connection:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
