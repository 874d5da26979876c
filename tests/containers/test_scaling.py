"""Three containers each of web and worker share the work, and come and go unnoticed."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import eventually
from tests.containers.stack import address, docker, eventually_more, fresh, inspect, mend, no_failed_get

pytestmark = pytest.mark.xdist_group("containers")


@pytest.fixture(scope="module")
def scaled(production):
    production.up("--scale", "web=3", "--scale", "worker=3")
    yield production
    mend(production)


def test_requests_are_spread_over_three_webs_and_three_workers(scaled):
    addresses = {f"{address(container)}:5000" for container in scaled.containers("web")}
    assert len(addresses) == 3

    def spread():
        ids = {scaled.ask("/api").headers["X-Request-ID"] for _ in range(12)}
        return {line["upstream"] for line in scaled.access_log() if line["request_id"] in ids} == addresses

    eventually(spread, 10)
    names = {inspect(container, ".Config.Hostname") for container in scaled.containers("worker")}
    assert len(names) == 3
    computed_by = set()

    def all_work():
        # Each worker has no more than two at a time.
        with ThreadPoolExecutor(8) as pool:
            found = pool.map(scaled.value, [5_000_000 + next(fresh) for _ in range(8)])
            computed_by.update(name for value in found for name in names if name in value["worker"])
        return computed_by == names

    eventually(all_work, 40)


def test_webs_are_taken_out_and_others_taken_in_without_a_failed_get(scaled):
    scaled.value(7)
    stopped, killed, _ = scaled.containers("web")
    with no_failed_get(scaled, cut=True) as seen:
        docker("stop", stopped)
        eventually_more(seen)
        docker("kill", killed)
        eventually_more(seen)
        docker("rm", stopped, killed)
        scaled.up("--no-recreate", "--scale", "web=3", "--scale", "worker=3")
        newest = max((inspect(one, ".Created"), address(one)) for one in scaled.containers("web"))[1]
        # It may have the address of one that was there before.
        before = len(scaled.access_log())

        def is_taken_in():
            return any(line["upstream"] == f"{newest}:5000" for line in scaled.access_log()[before:])

        eventually(is_taken_in)
