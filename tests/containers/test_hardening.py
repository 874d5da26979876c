"""What a container may do: nothing that it has no need for."""

import pytest

from tests.containers.stack import OURS, SERVERS, docker, inspect, processes

pytestmark = pytest.mark.xdist_group("containers")

STACKS = ("production", "development")


@pytest.fixture(params=STACKS)
def stack(request):
    return request.getfixturevalue(request.param)


def test_everything_is_healthy_within_90_seconds(stack):
    assert stack.seconds < 90
    for service in OURS + SERVERS:
        assert inspect(stack.container(service), ".State.Health.Status") == "healthy", service


@pytest.mark.parametrize("service", OURS + SERVERS)
def test_every_process_is_an_ordinary_users_and_has_no_capabilities(stack, service):
    container = stack.container(service)
    found = processes(container)
    assert found
    assert not [command for uid, _, command in found if uid == 0]
    for number in docker("exec", container, "sh", "-c", "cat /proc/1/status").splitlines():
        if number.startswith(("CapEff", "CapPrm", "CapInh", "CapAmb")):
            assert int(number.split()[1], 16) == 0, number


@pytest.mark.parametrize("service", OURS + SERVERS)
def test_memory_processes_and_privileges_are_limited(stack, service):
    host = inspect(stack.container(service), ".HostConfig")
    assert 0 < host["Memory"] <= 1 << 30
    assert 0 < host["PidsLimit"] <= 200
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"]["Config"].get("max-size"), "its log would fill the disk"


@pytest.mark.parametrize("service", OURS)
def test_nothing_outside_tmpfs_can_be_written_even_by_root(stack, service):
    container = stack.container(service)
    assert inspect(container, ".HostConfig.ReadonlyRootfs")
    folders = [
        *docker("exec", container, "find", "/", "-maxdepth", "1", "-type", "d").split(),
        "/usr/bin",
        "/etc/nginx",
    ]
    folders = [folder for folder in folders if folder not in {"/proc", "/sys", "/dev", "/tmp"}]
    for folder in ("/", "/etc", "/usr", "/var"):
        assert folder in folders
    # What could not be written for another reason would say so.
    script = 'for f; do test -d "$f" || continue; touch "$f/written" 2>&1 && echo "$f was written"; done; true'
    said = docker("exec", "--user", "0", container, "sh", "-c", script, "sh", *folders).splitlines()
    assert said
    assert not [line for line in said if not line.endswith("Read-only file system")]
    docker("exec", container, "sh", "-c", "touch /tmp/written && rm /tmp/written")


def test_only_nginx_is_published(stack):
    for service in OURS + SERVERS:
        published = [port for port in inspect(stack.container(service), ".NetworkSettings.Ports").values() if port]
        assert bool(published) == (service == "nginx"), service


def test_the_first_process_passes_signals_on_and_reaps(stack):
    for service in OURS:
        assert processes(stack.container(service))[0][2].startswith("/usr/bin/tini"), service


def test_a_worker_without_a_fresh_heartbeat_is_unhealthy(production):
    production.run("worker", "healthcheck", "worker")
    script = "touch -d '1 minute ago' /tmp/heartbeat; healthcheck worker && echo healthy"
    assert production.run("worker", "sh", "-c", script, check=False) == ""


def test_a_web_process_that_answers_nothing_is_unhealthy(production):
    production.run("web", "healthcheck", "web")
    send = "import os, signal, pathlib\nfor path in pathlib.Path('/proc').glob('[0-9]*'):\n"
    send += " if int(path.name) not in (1, os.getpid()): os.kill(int(path.name), signal.{})\n"
    production.run("web", "python", "-c", send.format("SIGSTOP"))
    try:
        assert production.run("web", "sh", "-c", "healthcheck web && echo healthy", check=False) == ""
    finally:
        production.run("web", "python", "-c", send.format("SIGCONT"))
