"""How gunicorn runs the web process; every number can be set by the environment."""

import os
import sys
from typing import Any

import django
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate

from calculator.fibonacci.processors import available_processors

env = Env()

bind = env.str("WEB_BIND", "0.0.0.0:5000")  # inside a container; `serve` binds the loopback
workers = env.int("WEB_PROCESSES", None, validate=validate.Range(min=1)) or available_processors()
# Threads, because a request with `Prefer: wait` spends its time waiting for the worker.
worker_class = "gthread"
threads = env.int("WEB_THREADS", 16, validate=validate.Range(min=1))
# A request in flight when the process is told to stop may finish.
graceful_timeout = 15
# Longer than the routing nginx keeps its idle connections (60 s), or it would use one that is being closed.
keepalive = 75
# Memory given back by the C libraries is fragmented after some ten thousand large downloads.
max_requests = 50_000
max_requests_jitter = 5_000
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112 the heartbeat must not wait for a disk
# The routing nginx writes the access log.
accesslog = "-" if env.bool("WEB_ACCESS_LOG", False) else None
# Nothing here is steered through gunicornc, and its socket would need a writable home.
control_socket_disable = True


def on_starting(_server: Any) -> None:
    """Refuse to start, with the reason in words, while a variable that the web process needs is missing."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fibsite.settings")
    try:
        django.setup()
        problems = checks.run_checks(tags=["web"], include_deployment_checks=True)
    except ImproperlyConfigured as error:
        sys.exit(f"fibsite: {error}")
    serious = [problem for problem in problems if problem.is_serious()]
    if serious:
        sys.exit("\n".join(f"fibsite: {problem}" for problem in serious))
