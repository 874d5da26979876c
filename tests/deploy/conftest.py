"""A simulator for the tests of the deployment, and one bundle."""

import json
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from tests.containers import engine
from tests.deploy.aws import Simulator
from tests.deploy.instance import AS_ROOT, PORT
from tests.missing import leave_out

IMAGES = {
    f"{target}_IMAGE": f"example/fibsite-{target.lower()}@sha256:{'5' * 64}" for target in ("APP", "FRONTEND", "NGINX")
}
# An instance that does as the version's name says, once it has fetched the bundle.
OBEDIENT = """{python} -m tests.deploy.instance --fetch {folder} || exit 1
case $VERSION_LABEL in
  *slow*) sleep 6;;
  *red*) exit 2;;
  *reverted*) echo 'health checks failed'; exit 3;;
  *broken*) echo 'web did not start'; exit 1;;
esac
echo "$VERSION_LABEL runs"
"""


def pytest_collection_modifyitems(config, items):
    leave_out(config, items, [item for item in items if item.path.name == "test_rehearsal.py"], missing)


def missing():
    """Say what the rehearsal lacks: it plays an instance of its own on this machine."""
    if words := engine.missing():
        return words
    if AS_ROOT and not may_be_root():
        return "the hooks of an instance run as root: start the tests as root, or let sudo ask for no password"
    if is_taken(int(PORT)):
        return f"port {PORT} is taken: free it, or name another one by HTTP_PORT"
    return ""


def may_be_root():
    return shutil.which("sudo") and subprocess.run([*AS_ROOT, "true"], capture_output=True, check=False).returncode == 0


def is_taken(port):
    """Tell whether somebody listens on a port."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulator")
    instance = OBEDIENT.format(python=shlex.quote(sys.executable), folder=shlex.quote(str(folder / "instance")))
    started = Simulator(folder / "log", instance)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def images_file(tmp_path_factory):
    """What deploy/push.py writes."""
    path = tmp_path_factory.mktemp("images") / "images.json"
    path.write_text(json.dumps(IMAGES))
    return path


@pytest.fixture(scope="session")
def bundle(images_file) -> Path:
    output = images_file.parent / "fibsite.zip"
    make_bundle("--images", images_file, "--output", output, check=True)
    return output


def make_bundle(*arguments, check=False):
    command = [sys.executable, ROOT / "deploy" / "bundle.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=check)
