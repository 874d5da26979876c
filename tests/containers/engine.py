"""The Docker engine that tests of containers need; CI starts one."""

import subprocess

from conftest import ROOT

ENGINE = ROOT.parent / "shared" / "containers" / "engine"


def runs():
    try:
        return subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=30).returncode == 0
    except OSError:
        return False


def start():
    """Start an engine where none runs."""
    if not runs():
        started = subprocess.run([ENGINE, "up"], capture_output=True, text=True, check=False)
        assert started.returncode == 0, started.stderr
        assert runs(), "the engine was started and does not answer"


def missing():
    return "" if runs() else "no Docker engine: install docker.io, docker-buildx and docker-compose"
