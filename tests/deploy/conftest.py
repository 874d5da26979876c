"""A simulator for the tests of the deployment, and one bundle."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from tests.containers import engine
from tests.deploy.aws import Simulator

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
    engine.leave_out(config, items, [item for item in items if item.path.name == "test_rehearsal.py"])


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
