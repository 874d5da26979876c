import platform
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import psycopg
import redis
from celery import current_app
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from calculator import values
from fibsite.health import redis_of

PACKAGES = ("django", "djangorestframework", "celery", "kombu", "redis", "psycopg", "gunicorn", "gmpy2", "numpy")


class UnhealthyError(Exception):
    """A part is not as it should be; `hint` says what to do about it."""

    def __init__(self, finding: str, hint: str) -> None:
        super().__init__(finding)
        self.hint = hint


class Command(BaseCommand):
    help = "Check every part of this deployment, one line each, with a hint for what is wrong; exit status 1 if any is."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--timeout", type=float, default=2.0, help="seconds to wait for the workers (%(default)s)")

    def handle(self, *, timeout: float, **_: Any) -> None:
        parts: dict[str, Callable[[], str]] = {
            "versions": versions,
            "postgres": postgres,
            "migrations": migrations,
            "broker": broker,
            "values": stored_values,
            "memory policy": memory_policy,
            "checks": checks,
            "worker": lambda: worker(timeout),
        }
        healthy = [self.report(name, part) for name, part in parts.items()]
        if not all(healthy):
            sys.exit(1)

    def report(self, name: str, part: Callable[[], str]) -> bool:
        """Print a part's line and tell whether it is healthy."""
        began = time.perf_counter()
        hint = ""
        try:
            finding, word, style = part(), "ok", self.style.SUCCESS
        except UnhealthyError as error:
            finding, word, style, hint = str(error), "WRONG", self.style.ERROR, error.hint
        except Exception as error:  # noqa: BLE001 whatever it is, it belongs into this part's line
            first = (str(error).strip().splitlines() or [""])[0]
            finding, word, style = f"{type(error).__name__}: {first}", "WRONG", self.style.ERROR
            hint = HINTS.get(name, "")
        milliseconds = (time.perf_counter() - began) * 1000
        self.stdout.write(f"{style(f'{word:6}')}{name:14}{milliseconds:8.1f} ms  {finding}")
        if hint:
            self.stdout.write(f"{'':6}{'':14}{'':11}  → {hint}")
        return word == "ok"


HINTS = {
    "postgres": "Check that it runs, and PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE and PGSSLMODE.",
    "migrations": "Postgres must answer first.",
    "broker": "Check REDIS_HOST, REDIS_PORT, REDIS_PASSWORD and REDIS_TLS, or BROKER_URL.",
    "values": "Check REDIS_HOST, REDIS_PORT, REDIS_PASSWORD and REDIS_TLS, or VALUES_URL.",
    "memory policy": "Redis must answer first.",
    "checks": "Redis must answer first.",
    "worker": "The broker must answer first.",
}


def versions() -> str:
    return f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in PACKAGES)


def postgres() -> str:
    # Past the pool, which only says that it has no connection, and not why.
    with psycopg.connect(**connection.get_connection_params()) as direct, psycopg.ClientCursor(direct) as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), current_database(), current_user, version"
            " FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        )
        [(number, database, user, tls)] = cursor.fetchall()
    return f"PostgreSQL {number}, database {database} as {user}, {tls or 'no TLS'}"


def migrations() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in missing)
        raise UnhealthyError(f"not applied: {names}", "Run: manage.py migrate")
    return "all applied"


def broker() -> str:
    with current_app.connection_for_read() as link:
        link.ensure_connection(max_retries=1, interval_start=0, timeout=3)
        client = redis_of(link)
        facts = server_facts(client)
        lengths = [f"{queue}: {client.llen(queue):,}" for queue in ("quick", "heavy")]
    return f"{facts}, waiting in {', '.join(lengths)}"


def stored_values() -> str:
    client = values.connection()
    return f"{server_facts(client)}, {client.dbsize():,} keys"


def server_facts(client: redis.Redis) -> str:
    """Return a Redis server's name and version, and refuse a cluster."""
    server = client.info("server")
    if server.get("redis_mode") == "cluster":
        hint = "Turn cluster mode off: Celery's queues and the values' scripts need keys of one server."
        raise UnhealthyError("this Redis runs in cluster mode", hint)
    name, number = (
        ("Valkey", server["valkey_version"]) if "valkey_version" in server else ("Redis", server["redis_version"])
    )
    return f"{name} {number}"


def memory_policy() -> str:
    memory = values.connection().info("memory")
    limit, policy = int(memory["maxmemory"]), memory["maxmemory_policy"]
    if policy.startswith("allkeys"):
        hint = "Set maxmemory-policy to volatile-lru: a full Redis must drop values, never tasks."
        raise UnhealthyError(f"{policy} may drop queued tasks", hint)
    if limit and not policy.startswith("volatile"):
        hint = "Set maxmemory-policy to volatile-lru: a full Redis then makes room by dropping old values."
        raise UnhealthyError(f"{policy} with a limit of {limit / 2**20:,.0f} MiB refuses tasks when it is full", hint)
    used = int(memory["used_memory"]) / 2**20
    return f"{policy}, {used:,.1f} MiB used of {f'{limit / 2**20:,.0f} MiB' if limit else 'what the machine has'}"


def checks() -> str:
    failed = values.failed_checks()
    if failed:
        counts = ", ".join(f"{count:,} of {name}" for name, count in sorted(failed.items()))
        hint = "That worker's machine computes wrongly: replace it. To forget these: values' Redis, DEL failed-checks."
        raise UnhealthyError(f"computations failed their check and were computed anew: {counts}", hint)
    return "no computed digits ever failed their check"


def worker(timeout: float) -> str:
    answers = current_app.control.ping(timeout=timeout) or []
    if not answers:
        hint = "Start one: celery -A fibsite worker --queues quick,heavy; if one runs, its pool may be out of memory."
        raise UnhealthyError(f"no worker answered within {timeout:g} s", hint)
    names = sorted(name for answer in answers for name in answer)
    queues = current_app.control.inspect(timeout=timeout, destination=names).active_queues() or {}
    served = {queue["name"] for listed in queues.values() for queue in listed}
    if unserved := {"quick", "heavy"} - served:
        hint = f"Start a worker with --queues {','.join(sorted(unserved))}."
        raise UnhealthyError(f"{', '.join(names)}, but nobody serves {', '.join(sorted(unserved))}", hint)
    return ", ".join(names)
