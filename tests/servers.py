"""
The servers the tests talk to: a real Postgres and a real Valkey, started before Django reads its settings.

A plugin, loaded by pytest's -p: with xdist the first process starts the servers and the others find them in the environment,
each with databases of its own.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fibsite.embedded import Postgres, Valkey

# Three databases of Valkey for each process that runs tests: broker, values, and one to be broken.
DATABASES_EACH = 3
running = ExitStack()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """Before pytest-django, which imports the settings in this hook."""
    process = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not process:
        start_servers()
    offset = DATABASES_EACH * (int(process.removeprefix("gw")) + 1 if process else 0)
    socket = os.environ["TEST_VALKEY_SOCKET"]
    os.environ["BROKER_URL"] = f"redis+socket://{socket}?virtual_host={offset}"
    os.environ["VALUES_URL"] = f"unix://{socket}?db={offset + 1}"
    yield


def start_servers() -> None:
    folder = Path(tempfile.mkdtemp(prefix="fibsite-test-"))
    folder.chmod(0o711)
    running.callback(shutil.rmtree, folder, ignore_errors=True)
    # Nothing here has to outlive a power cut.
    postgres = Postgres(folder, fsync="off", synchronous_commit="off", full_page_writes="off", max_connections="300")
    valkey = Valkey(folder, "--appendonly", "no", "--databases", "128")
    for server in (postgres, valkey):
        server.prepare()
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(server.command(), stdout=log, stderr=log)
        running.callback(process.wait, 60)
        running.callback(process.terminate if server is valkey else lambda process=process: process.send_signal(2))
        server.wait()
    os.environ.update(postgres.environment())
    os.environ.update(
        TEST_VALKEY_SOCKET=str(valkey.socket),
        SECRET_KEY=secrets.token_urlsafe(50),
        ALLOWED_HOSTS="testserver,localhost,127.0.0.1",
        HTTPS="false",
        STATIC_ROOT=str(folder / "static"),
        DEBUG="false",
        LOG_LEVEL="INFO",
    )
    # The pages name their static files by what this writes.
    manage = [sys.executable, Path(__file__).parent.parent / "manage.py"]
    subprocess.run([*manage, "collectstatic", "--noinput", "--verbosity", "0"], check=True)


def pytest_unconfigure() -> None:
    running.close()
