"""A running `manage.py serve` for a browser: what tests ask of it besides its pages."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from itertools import count

import psutil

from conftest import ROOT, eventually
from fibsite.embedded import socket_folder
from fibsite.supervision import Supervisor
from tests.served import Served, all_gone

# An index above the limit that Served sets.
TOO_HIGH = 1_000_000_001
# Above the quick queue, and computed within a second all the same.
HEAVY = 20_000_000
EMPTY = """
from calculator import values
from calculator.models import SeenIndex

SeenIndex.objects.all().delete()
values.connection().flushdb()
"""


class Site(Served):
    def __init__(self, folder):
        super().__init__(folder)
        self.folder = folder
        # No test asks for an index that another one asked for, nor for one with as many digits as another large one.
        self.small, self.heavy = count(100), count(HEAVY, 10)
        self.wait_until_ready()

    def manage(self, *arguments):
        """Run a management command in the running system's environment and return what it prints."""
        lines = (self.folder / "environment").read_text().splitlines()
        environment = dict(shlex.split(line)[0].split("=", 1) for line in lines)
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def empty(self):
        """Forget every index and every value."""
        self.manage("shell", "--verbosity", "0", "--command", EMPTY)

    def fail(self):
        """Return an index that failed: one that was asked for while the limit was higher."""
        record = f"from calculator.models import SeenIndex; SeenIndex.objects.record({TOO_HIGH})"
        self.manage("shell", "--verbosity", "0", "--command", record)
        return TOO_HIGH

    @contextmanager
    def held(self):
        """Have the heavy worker stand still, so that its indices stay queued, until the end of the block."""
        processes = [process for process in self.family() if re.search(r"--hostname heavy@", command_line(process))]
        assert processes
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)

    @contextmanager
    def away(self):
        """Have the web process refuse connections until the end of the block."""
        sockets = socket_folder(self.folder / "supervisor-socket")
        supervisor = Supervisor(self.folder, sockets, [], environment={}, verbose=False)
        with supervisor.connect() as supervisord:
            supervisord.supervisor.stopProcess("application:web")
            try:
                yield
            finally:
                supervisord.supervisor.startProcess("application:web")
                eventually(self.is_ready)

    def is_ready(self):
        try:
            return json.loads(self.open("/readyz"))["status"] == "ok"
        except OSError:
            return False

    def remove(self):
        """Stop it and remove what it kept."""
        family = self.family()
        self.stop(signal.SIGTERM)
        self.process.stdout.close()
        eventually(lambda: all_gone(family))
        link = self.folder / "postgres"
        if link.is_symlink():  # as root its data lies where Postgres's account can reach it
            shutil.rmtree(link.readlink().parent)


def command_line(process):
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
