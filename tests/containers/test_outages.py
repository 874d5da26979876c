"""What a visitor notices when a part is away, killed, stopped or replaced: as little as possible."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead

import pytest

from conftest import eventually
from tests.containers.stack import (
    address,
    docker,
    eventually_more,
    fresh,
    inspect,
    kill,
    meanwhile,
    no_failed_get,
    processes,
)

pytestmark = pytest.mark.xdist_group("containers")

PROBLEM = "application/problem+json"
# A second or two of computing, in less than half of the worker's memory.
HEAVY = 300_000_000


def running(stack, service):
    """Return the service's container as soon as it is healthy."""
    found = stack.containers(service)
    return found and inspect(found[0], ".State.Health.Status") == "healthy" and found[0]


@pytest.mark.parametrize("service", ["redis", "postgres", "web", "worker"])
def test_nothing_acknowledged_is_lost_when_a_part_is_killed(mended, service):
    acknowledged = []

    def post():
        index = 10_000 + next(fresh)
        answer = mended.ask("/api/values", {"index": index}, address=f"192.0.2.{index % 250}")
        if answer.status in {200, 202}:
            acknowledged.append(index)
        return answer.status

    container = mended.container(service)
    restarts = inspect(container, ".RestartCount")
    with meanwhile(post, 0.05) as statuses:
        eventually(lambda: len(acknowledged) > 20)
        kill(container)
        eventually(lambda: inspect(container, ".RestartCount") > restarts)
        eventually(lambda: running(mended, service), 60)
        before = len(acknowledged)
        eventually(lambda: len(acknowledged) > before + 20, 60)
    # An answer that had begun when its sender was killed is visibly cut, and acknowledges nothing.
    whole = {status for status in statuses if not isinstance(status, IncompleteRead)}
    assert whole <= {200, 202, 429, 502, 503, 504}
    listed = {row["number"] for row in mended.ask("/api/values/all").json}
    assert set(acknowledged[-500:]) <= listed
    for index in acknowledged:
        eventually(lambda index=index: mended.done(index), 60)


def test_without_redis_an_index_is_kept_and_the_log_has_its_request_id(mended):
    mended.compose("stop", "redis")
    index = next(fresh)
    answer = mended.ask("/api/values", {"index": index})
    assert (answer.status, answer.json["state"]) == (202, "waiting")
    request_id = answer.headers["X-Request-ID"]
    assert f"[{request_id}] Redis is away" in mended.log("web")
    assert mended.ask("/").status == 200
    assert mended.ask("/livez").status == 200
    assert mended.ask("/readyz").status == 503
    mended.compose("start", "redis")
    eventually(lambda: mended.done(index), 60)


def test_without_postgres_a_post_is_refused_and_nothing_is_half_done(mended):
    mended.compose("stop", "postgres")
    index = next(fresh)
    answer = mended.ask("/api/values", {"index": index})
    assert (answer.status, answer.headers.get_content_type()) == (503, PROBLEM)
    assert answer.headers["Retry-After"]
    assert mended.ask("/").status == 503
    mended.compose("start", "postgres")
    eventually(lambda: mended.ask("/readyz").status == 200, 30)
    assert mended.ask(f"/api/values/{index}").status == 404


def test_without_the_frontend_the_picture_of_the_system_says_so_at_once(mended):
    def state():
        found = re.search(r"Frontend</h2>\s*<p class=\"state \w+\">(\w+)<", mended.ask("/otherpage").text)
        return found and found[1]

    assert state() == "up"
    mended.compose("stop", "frontend")
    began = time.monotonic()
    assert state() == "away"
    assert time.monotonic() - began < 2
    mended.compose("start", "frontend")
    eventually(lambda: state() == "up")


def test_without_web_there_are_pages_and_problem_documents_and_it_is_found_again_at_another_address(mended):
    nginx, old = mended.container("nginx"), address(mended.container("web"))

    def lasting():
        # nginx's cache loader ends by itself, a minute after the start.
        return [process for process in processes(nginx) if "cache loader" not in process[2]]

    before = lasting()
    assert any("worker process" in command for _, _, command in before)
    mended.compose("rm", "--stop", "--force", "web")
    for path, form in {"/": "text/html", "/api/values/7": PROBLEM}.items():
        answer = mended.ask(path)
        assert answer.status in {502, 504}
        assert answer.headers.get_content_type() == form
        assert answer.headers["Retry-After"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert mended.ask("/api/values/7").json["status"] in {502, 504}
    post = mended.ask("/api/values", {"index": next(fresh)})
    assert (post.status in {502, 504}, post.headers.get_content_type()) == (True, PROBLEM)
    styles = re.search(r'href="(/static/[^"]+css)"', mended.ask("/").text)[1]
    assert mended.ask(styles).status == 200
    neighbours = []
    try:
        # Until somebody else has the address.
        while not neighbours or address(neighbours[-1]) != old:
            assert len(neighbours) < 10
            neighbours.append(docker("run", "--detach", "--network", f"{mended.project}_default", "redis:8.0"))
        mended.up()
        assert address(mended.container("web")) != old
        eventually(lambda: mended.ask("/api").status == 200, 5)
    finally:
        docker("rm", "--force", "--volumes", *neighbours)
    assert mended.container("nginx") == nginx
    # A reload would have started other workers.
    assert lasting() == before


def test_a_rolling_recreate_of_the_only_web_has_no_failed_get(mended):
    mended.value(7)
    (old,) = mended.containers("web")
    with no_failed_get(mended) as seen:
        # The way to do it: a second one, and when it is healthy, the first one's end.
        mended.up("--no-recreate", "--no-deps", "--scale", "web=2", "web")
        docker("stop", old)
        docker("rm", old)
        eventually_more(seen)
    assert mended.containers("web") != [old]


def test_a_request_in_flight_is_answered_when_web_is_stopped(mended):
    index = 20_000 + next(fresh)
    worker = mended.container("worker")
    docker("pause", worker)
    try:
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(mended.ask, "/api/values", {"index": index}, headers={"Prefer": "wait=5"})
            eventually(lambda: mended.ask(f"/api/values/{index}").status == 202)
            mended.compose("stop", "web")
            answer = asked.result()
    finally:
        docker("unpause", worker)
        # Its health checks could not run either.
        eventually(lambda: running(mended, "worker"), 30)
    assert (answer.status, answer.json["state"]) == (202, "queued")


def test_a_stopped_worker_finishes_what_it_computes(mended):
    index = HEAVY + next(fresh)
    mended.ask("/api/values", {"index": index})
    eventually(lambda: mended.ask(f"/api/values/{index}").json["state"] == "running")
    worker = mended.container("worker")
    mended.compose("stop", "worker")
    assert inspect(worker, ".State.ExitCode") == 0
    assert mended.done(index)


def test_large_indices_have_a_worker_of_their_own_when_it_is_split(mended):
    variables = {"COMPOSE_PROFILES": "heavy", "WORKER_QUEUES": "quick"}
    mended.up(**variables)
    for service, first in {"worker": 10_000, "worker-heavy": 20_000_000}.items():
        (name,) = (inspect(container, ".Config.Hostname") for container in mended.containers(service))
        # Several, or chance might give the right one to a worker of both kinds.
        assert all(name in mended.value(first + next(fresh))["worker"] for _ in range(6))
    niceness = docker("top", mended.container("worker-heavy"), "-eo", "pid,ni,args").splitlines()[1:]
    assert {line.split()[1] for line in niceness if "tini" not in line} == {"10"}
