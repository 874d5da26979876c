"""What every test may ask for."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from redis import Redis
from rest_framework.test import APIClient

from calculator import tasks, values
from calculator.fibonacci import digits
from calculator.heartbeat import WorkerName

ROOT = Path(__file__).parent


def eventually(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Return what `condition` gives as soon as that is true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        if result := condition():
            return result
        assert time.monotonic() < deadline, f"not within {seconds} seconds: {condition}"
        time.sleep(0.01)


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[..., Any]:
    return eventually


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    """Every test starts with an empty broker and no values, while the workers' signs of life stay."""
    # Inside the context, which closes the connection: one left to the garbage collector is a warning, here an error.
    with current_app.connection_for_read() as connection:
        connection.default_channel.client.flushdb()
    stored = values.connection()
    stored.unlink("failed-checks", "running", *stored.scan_iter("fib:*"))
    tasks.backlog.indices.clear()


def broker() -> Redis:
    with current_app.connection_for_read() as connection:
        return connection.default_channel.client


@pytest.fixture
def queued() -> Callable[[str], int]:
    """How many tasks wait in a queue."""
    return broker().llen


@pytest.fixture
def alive() -> str:
    """This process as a worker that gives signs of life."""
    values.renew_worker(WorkerName.current)
    return WorkerName.current


@pytest.fixture(scope="session")
def worker_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[bytes]]:
    log = tmp_path_factory.mktemp("worker") / "log"
    process = start_worker(log)
    consume("cancel_consumer")
    yield process
    process.terminate()
    process.wait(30)


def start_worker(log: Path, *options: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start a real worker for both queues and wait until it takes tasks."""
    command = [sys.executable, "-m", "celery", "--app", "fibsite", "worker", "--queues", "quick,heavy"]
    command += ["--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO", *options]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONWARNINGS": "", **environment},
        )
    eventually(lambda: " ready." in log.read_text() or process.poll() is not None, 60)
    assert process.poll() is None, log.read_text()
    return process


@pytest.fixture
def worker(worker_process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A real worker that takes both queues while this test runs, and finishes what it left."""
    consume("add_consumer")
    yield worker_process
    eventually(lambda: not broker().llen("quick") and not broker().llen("heavy") and not broker().hlen("unacked"))
    consume("cancel_consumer")


def consume(change: str) -> None:
    """Have the worker begin or end taking tasks; other tests look at what is queued."""
    for queue in ("quick", "heavy"):
        assert getattr(current_app.control, change)(queue, reply=True, timeout=10, limit=1)
    if change == "cancel_consumer":
        eventually(lambda: not unblock())


def unblock() -> list[int]:
    """Wake the connections that wait for a task: a cancelled consumer would still take the next one."""
    client = broker()
    mine = str(client.connection_pool.connection_kwargs["db"])
    waiting = [int(link["id"]) for link in client.client_list() if "b" in link["flags"] and link["db"] == mine]
    for link in waiting:
        client.client_unblock(link)
    return waiting


@pytest.fixture
def redis_away(settings: Any) -> Iterator[Callable[[], None]]:
    """The values at an address where nobody listens; called, it makes them come back."""
    here = settings.VALUES_URL

    def point_to(url: str) -> None:
        settings.VALUES_URL = url
        values.connection.cache_clear()

    point_to("unix:///nonexistent/redis?db=1")
    yield lambda: point_to(here)
    point_to(here)


@pytest.fixture
def stored() -> Callable[..., None]:
    """Ask for indices in this order, with their values there already."""

    def store(*indices: int) -> None:
        for index in indices:
            values.store(index, digits(index), 0.001)
            tasks.request(index)

    return store


@pytest.fixture
def api() -> APIClient:
    return APIClient()
