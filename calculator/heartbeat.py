"""The worker's sign of life, by which a computation whose worker died is recognised as lost."""

import logging
import os
import socket
from pathlib import Path
from typing import Any
from uuid import uuid4

from celery import bootsteps
from django.conf import settings
from redis import RedisError

from calculator import values

logger = logging.getLogger(__name__)


class WorkerName:
    """This worker's name in the values: unique to one run, inherited by the pool's children as they are forked."""

    current = f"{socket.gethostname()}-{os.getpid()}"


class Heartbeat(bootsteps.StartStopStep):
    """Renew the sign of life from the worker's own timer, so that it stops with the worker."""

    requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self.timer: Any = None
        # A name of its own for each run: in a container the process number is always the same.
        WorkerName.current = f"{parent.hostname}-{uuid4().hex[:8]}"

    def start(self, parent: Any) -> None:
        self.renew()
        self.timer = parent.timer.call_repeatedly(values.WORKER_TTL_SECONDS / 3, self.renew)

    def stop(self, parent: Any) -> None:
        self.cancel()
        self.say(values.stop_worker)

    def terminate(self, parent: Any) -> None:
        self.stop(parent)

    def renew(self) -> None:
        if settings.WORKER_HEARTBEAT_FILE:
            Path(settings.WORKER_HEARTBEAT_FILE).touch()
        self.say(values.renew_worker)

    def cancel(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def say(self, sign: Any) -> None:
        try:
            sign(WorkerName.current)
        except RedisError as error:
            # Without Redis nobody can see the sign, and the worker itself is reconnecting.
            logger.warning("Redis is away, no sign of life: %s", error)
