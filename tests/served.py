"""A running `manage.py serve`, and its processes."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import psutil
import pytest

from conftest import ROOT


class Served:
    """A running `manage.py serve`."""

    def __init__(self, data, *arguments):
        # None of the variables that the tests set for themselves.
        environment = {
            name: value for name, value in os.environ.items() if name in {"PATH", "HOME"} or name.startswith("COVERAGE")
        }
        environment["MAX_INDEX"] = "1000000000"
        command = [sys.executable, "manage.py", "serve", "--data", str(data), "--port", "0", *arguments]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.words = ""

    def wait_until_ready(self):
        for line in self.process.stdout:
            self.words += line
            if "Ctrl-C stops it." in line:
                break
        else:
            pytest.fail(f"serve ended: {self.words}")
        self.url = re.search(r"ready: +(http://\S+)/", self.words)[1]
        return self

    def open(self, path, body=None, **headers):
        payload = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, payload, {"Content-Type": "application/json", **headers})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    def ask(self, index, wait=10):
        return json.loads(self.open("/api/values", {"index": index}, Prefer=f"wait={wait}"))

    def family(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number=signal.SIGINT):
        """Stop it and return everything it printed."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=10)
        return self.words + rest


def running(served, words):
    """Return its processes whose command line has these words."""
    found = []
    for process in served.family():
        with contextlib.suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
            if words in " ".join(process.cmdline()):
                found.append(process)
    return found


def all_gone(processes):
    return not any(map(lives, processes))


def lives(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended between the two questions
        return False
