"""The memory limits hold for the largest index that is computed by default."""

import hashlib
import http.client
from contextlib import closing

import pytest

from tests.containers.stack import inspect, peak_memory

pytestmark = pytest.mark.xdist_group("containers")

LARGEST = 100_000_000
SERVICES = ("worker", "web", "redis", "nginx", "frontend")
# What docs/containers.md has for an instance of 1 GiB.
SMALL = {
    "NGINX_MEMORY": "96m",
    "FRONTEND_MEMORY": "32m",
    "WEB_MEMORY": "256m",
    "WEB_PROCESSES": "1",
    "WORKER_MEMORY": "320m",
    "WORKER_CONCURRENCY": "1",
}


@pytest.mark.parametrize(("variables", "index"), [({}, LARGEST), (SMALL, LARGEST - 1)], ids=["2 GiB", "1 GiB"])
def test_the_largest_index_is_computed_and_downloaded_within_the_memory_limits(production, variables, index):
    try:
        production.up(**variables)
        containers = {service: production.container(service) for service in SERVICES}
        # Other tests may have killed them before.
        restarts = {service: inspect(container, ".RestartCount") for service, container in containers.items()}
        value = production.value(index)
        assert value["digits"] > 20_000_000
        assert download(production, index) == (value["sha256"], value["digits"])
        for service, container in containers.items():
            peak, limit = peak_memory(container)
            assert 0 < peak < limit, service
            assert not inspect(container, ".State.OOMKilled")
            assert inspect(container, ".RestartCount") == restarts[service], service
    finally:
        if variables:
            production.up()


def download(stack, index):
    """Read the plain digits as they come."""
    checksum, length = hashlib.sha256(), 0
    with closing(http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)) as connection:
        connection.request("GET", f"/api/values/{index}/digits", headers=stack.headers)
        answer = connection.getresponse()
        assert answer.status == 200
        while piece := answer.read(1 << 16):
            checksum.update(piece)
            length += len(piece)
    return checksum.hexdigest(), length
