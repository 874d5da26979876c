"""The images, and one stack of each kind that all tests here share: what one breaks it mends."""

from pathlib import Path

import pytest

from conftest import ROOT
from tests.containers import engine
from tests.containers.stack import HOST, Stack, copy_of_the_project, docker, mend
from tests.missing import leave_out

HERE = Path(__file__).parent
TARGETS = ("app", "development", "frontend", "nginx")


def pytest_collection_modifyitems(config, items):
    leave_out(config, items, [item for item in items if item.path.is_relative_to(HERE)], engine.missing)


@pytest.fixture(scope="session", autouse=True)
def docker_engine():
    engine.start()


@pytest.fixture(scope="session")
def images(docker_engine):
    """Every image, built from the working tree: its name by the target's."""
    names = {target: f"fibsite-test-{target}" for target in TARGETS}
    for target, name in names.items():
        docker("build", "--file", "docker/Dockerfile", "--target", target, "--tag", name, ".", timeout=900)
    return names


@pytest.fixture(scope="session")
def production(images):
    """The production stack, with https ended in front of it by a balancer that the tests play."""
    files = (ROOT / "deploy/docker-compose.yml", ROOT / "deploy/docker-compose.local.yml")
    stack = Stack(
        "production",
        files,
        ROOT / "deploy",
        headers={"Host": HOST, "X-Forwarded-Proto": "https"},
        APP_IMAGE=images["app"],
        FRONTEND_IMAGE=images["frontend"],
        NGINX_IMAGE=images["nginx"],
        HTTP_PORT="127.0.0.1:{port}",
        ALLOWED_HOSTS=HOST,
        HTTPS="true",
        # For computations that take seconds.
        MAX_INDEX="999999999",
    )
    yield from running(stack)


@pytest.fixture(scope="session")
def development(images, tmp_path_factory):
    """The development stack, with a copy of the code that tests may change."""
    folder = copy_of_the_project(tmp_path_factory.mktemp("development"))
    override = folder / "override.yaml"
    image = {"nginx": "nginx", "frontend": "frontend", "web": "development", "worker": "development"}
    image["migrate"] = "development"
    lines = (f"  {service}: {{image: {images[target]}}}\n" for service, target in image.items())
    override.write_text("services:\n" + "".join(lines))
    yield from running(Stack("development", (folder / "compose.yaml", override), folder, NGINX_PORT="127.0.0.1:{port}"))


def running(stack):
    clear_away()
    try:
        stack.seconds = stack.up()
        yield stack
    finally:
        stack.down()


def clear_away():
    """End the stacks of earlier runs that were killed before they could."""
    for project in docker("compose", "ls", "--all", "--quiet").split():
        name, _, process = project.rpartition("-")
        if name.startswith("fibsite-test-") and process.isdecimal() and not Path("/proc", process).exists():
            docker("compose", "--project-name", project, "down", "--volumes", "--timeout", "2")


@pytest.fixture
def mended(production):
    """The production stack for a test that breaks it: afterwards it is as its files say, and healthy."""
    yield production
    mend(production)
