"""The memory limits hold for the largest index that is computed by default."""

import hashlib
import http.client
from contextlib import closing

import pytest

from tests.containers.stack import inspect, peak_memory

pytestmark = pytest.mark.xdist_group("containers")

LARGEST = 100_000_000
DIGITS = 20_898_764


def test_the_largest_index_is_computed_and_downloaded_within_the_memory_limits(production):
    value = production.value(LARGEST)
    assert value["digits"] == DIGITS
    checksum, length = download(production)
    assert (checksum, length) == (value["sha256"], DIGITS)
    for service in ("worker", "web", "redis", "nginx"):
        container = production.container(service)
        peak, limit = peak_memory(container)
        assert 0 < peak < limit, service
        assert not inspect(container, ".State.OOMKilled")


def download(stack):
    """Read the plain digits as they come."""
    checksum, length = hashlib.sha256(), 0
    with closing(http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)) as connection:
        connection.request("GET", f"/api/values/{LARGEST}/digits", headers=stack.headers)
        answer = connection.getresponse()
        assert answer.status == 200
        while piece := answer.read(1 << 16):
            checksum.update(piece)
            length += len(piece)
    return checksum.hexdigest(), length
