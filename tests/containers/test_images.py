"""What is in the images, and that their descriptions are sound."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from tests.containers.stack import ENVIRONMENT, docker

pytestmark = pytest.mark.xdist_group("containers")

DOCKERFILE = ROOT / "docker" / "Dockerfile"
TOOLS = Path(sys.executable).parent
PRODUCTION = ("--file", "deploy/docker-compose.yml")
REHEARSAL = (*PRODUCTION, "--file", "deploy/docker-compose.local.yml")
IMAGES = {"APP_IMAGE": "app:1", "FRONTEND_IMAGE": "frontend:1", "NGINX_IMAGE": "nginx:1"}


def configuration(*files, **variables):
    options = ["compose", "--env-file", "/dev/null", *files, "--profile", "*", "config", "--format", "json"]
    return json.loads(docker(*options, environment={**ENVIRONMENT, **variables}))


def python(image, code):
    return docker("run", "--rm", "--entrypoint", "python", image, "-c", code)


def size(image):
    return int(docker("image", "inspect", "--format", "{{.Size}}", image))


def test_hadolint_finds_nothing_in_the_dockerfile():
    done = subprocess.run([TOOLS / "hadolint", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("files", "variables"),
    [((), {}), (PRODUCTION, IMAGES), (REHEARSAL, IMAGES)],
    ids=["development", "production", "rehearsal"],
)
def test_compose_files_are_valid_and_only_nginx_publishes_a_port(files, variables):
    services = configuration(*files, **variables)["services"]
    assert {"nginx", "frontend", "web", "worker", "worker-heavy", "migrate"} <= services.keys()
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
    assert not any("network_mode" in service or "privileged" in service for service in services.values())


def test_production_names_its_images_by_the_environment_and_builds_nothing():
    services = configuration(*PRODUCTION, **IMAGES)["services"]
    assert {service["image"] for service in services.values()} == set(IMAGES.values())
    assert not any("build" in service for service in services.values())
    assert not {"postgres", "redis"} & services.keys()
    assert "name the image of" in refusal(*PRODUCTION)


def refusal(*files):
    command = ["docker", "compose", "--env-file", "/dev/null", *files, "config", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode
    return done.stderr


@pytest.mark.parametrize(("files", "variables"), [((), {}), (REHEARSAL, IMAGES)], ids=["development", "rehearsal"])
def test_workers_get_neither_the_database_nor_the_secret_key(files, variables):
    services = configuration(*files, **variables)["services"]
    for name in ("worker", "worker-heavy"):
        assert not [key for key in services[name]["environment"] if key.startswith(("PG", "RDS", "SECRET"))]


def test_the_app_is_under_250_mb_above_its_base(images):
    assert size(images["app"]) - size("python:3.14-slim") < 250_000_000


def test_the_app_has_no_compiler_and_its_environment_no_pip(images):
    tools = ["gcc", "g++", "cc", "c++", "clang", "make", "ld", "as", "cargo"]
    assert python(images["app"], f"import shutil; print([*filter(shutil.which, {tools})])") == "[]"
    assert python(images["app"], "import sys; print(sys.prefix)") == "/venv"
    found = "import importlib.util, pathlib; print(importlib.util.find_spec('pip'), *pathlib.Path('/venv/bin').glob('pip*'))"
    assert python(images["app"], found) == "None"
    assert python(images["app"], "import pathlib; print(*pathlib.Path('/root/.cache').glob('*'))") == ""


def test_the_app_is_compiled_and_has_no_tests(images):
    code = """
from importlib.util import cache_from_source
from pathlib import Path
sources = [*Path("/app").rglob("*.py"), *Path("/venv").rglob("*.py")]
assert len(sources) > 1000
print([str(path) for path in sources if not Path(cache_from_source(str(path))).exists()])
print([str(path) for path in Path("/app").rglob("tests")])
"""
    assert python(images["app"], code).splitlines() == ["[]", "[]"]


@pytest.mark.parametrize(("image", "user"), [("app", "10001:10001"), ("frontend", "101:101"), ("nginx", "101:101")])
def test_images_run_as_a_user_by_themselves(images, image, user):
    assert docker("image", "inspect", "--format", "{{.Config.User}}", images[image]) == user
