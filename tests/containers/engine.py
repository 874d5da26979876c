"""The Docker engine that tests of containers need: CI starts one, a machine without one leaves them out."""

import os
import subprocess

import pytest

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


def leave_out(config, items, chosen):
    """Without an engine keep one of the chosen tests, skipped, to say so in one line."""
    chosen = sorted(chosen, key=lambda item: item.nodeid)
    if not chosen or os.environ.get("CI") or runs():
        return
    chosen.pop(0).add_marker(pytest.mark.skip("no Docker engine: install docker.io, docker-buildx and docker-compose"))
    items[:] = [item for item in items if item not in chosen]
    config.hook.pytest_deselected(items=chosen)
