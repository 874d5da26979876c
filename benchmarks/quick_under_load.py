"""
Measure how long a small index takes while large ones are being computed, against a running system.

    python benchmarks/quick_under_load.py [--url http://127.0.0.1:8000] [--samples 300]

Large indices, counting down from 100,000,000, keep the heavy queue busy all the time: as soon as one is done another is
asked for. Meanwhile indices of about 1,000 that were never asked for are POSTed with `Prefer: wait=10`, on one kept
connection, and each is timed until its value is there. Each large value leaves 9 MB in Redis, and a run of 300 samples
about a hundred of them. Needs the standard library alone.
"""

import argparse
import http.client
import json
import secrets
import statistics
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

LARGEST = 100_000_000
# So many large indices are always under way: one for each of two processors, and one that waits.
UNDER_WAY = 3
SMALL = range(1_000, 3_001)
LARGER = range(3_001, 60_001)
TARGET_SECONDS = 0.1
# Pauses of random length, so that the samples meet the large computations at every stage.
LONGEST_PAUSE_SECONDS = 0.1
START_SECONDS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the system runs (%(default)s)")
    parser.add_argument("--samples", type=int, default=300, help="samples (%(default)s)")
    parser.add_argument("--largest", type=int, default=LARGEST, help="the first of the large indices (%(default)s)")
    options = parser.parse_args()
    server = Server(options.url)
    load = Load(server, options.largest)
    load.start()
    small = new_indices()
    waited: list[float] = []
    running = 0
    began = time.perf_counter()
    while len(waited) < options.samples:
        time.sleep(secrets.randbelow(1000) / 1000 * LONGEST_PAUSE_SECONDS)
        load.keep_up()
        seconds = time_value(server, next(small))
        if seconds is not None:
            waited.append(seconds)
            running += load.is_running
    passed = time.perf_counter() - began
    percentile = statistics.quantiles(waited, n=100, method="inclusive")[98]
    print(f"{len(waited)} small values in {passed:.0f} s, from POST to value:")
    for name, seconds in (("median", statistics.median(waited)), ("p99", percentile), ("max", max(waited))):
        print(f"{name:>8}{seconds * 1000:>8.1f} ms")
    print(f"{load.finished} large values were finished meanwhile, around F({options.largest:,});")
    print(f"at {running} of the {len(waited)} samples at least one was being computed.")
    print(f"Target p99 < {TARGET_SECONDS * 1000:.0f} ms: {'held' if percentile < TARGET_SECONDS else 'missed'}")


class Server:
    """The running system's API, on one kept connection."""

    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)

    def post(self, index: int, wait: int = 0) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Prefer": f"wait={wait}"}
        return self.send("POST", "/api/values", json.dumps({"index": index}), headers)

    def get(self, index: int) -> dict[str, Any]:
        return self.send("GET", f"/api/values/{index}")

    def send(self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> Any:
        self.connection.request(method, path, body, headers or {})
        response = self.connection.getresponse()
        answer = json.load(response)
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            raise SystemExit(f"{method} {path}: {response.status} {answer.get('detail')}")
        if answer["state"] == "failed":
            raise SystemExit(f"F({answer['index']}) failed: {answer['reason']}")
        return answer


class Load:
    """The large indices that are under way."""

    def __init__(self, server: Server, largest: int) -> None:
        self.server = server
        self.following = largest
        self.states: dict[int, str] = {}
        self.finished = 0

    @property
    def is_running(self) -> bool:
        return "running" in self.states.values()

    def start(self) -> None:
        """Ask for the first ones, and wait until one of them is being computed."""
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running:
            if time.monotonic() > deadline:
                raise SystemExit(f"None of {[*self.states]} was started within {START_SECONDS} s.")
            self.keep_up()
            time.sleep(0.05)
        self.finished = 0

    def keep_up(self) -> None:
        """Look how far each one is, and replace those that are done."""
        for index in [*self.states]:
            self.states[index] = self.server.get(index)["state"]
            if self.states[index] == "done":
                del self.states[index]
                self.finished += 1
        while len(self.states) < UNDER_WAY:
            state = self.server.post(self.following)["state"]
            if state != "done":  # else it is known from an earlier run
                self.states[self.following] = state
            self.following -= 1


def new_indices() -> Iterator[int]:
    """Yield small indices in random order; if all of them are known, larger ones that are quick as well."""
    shuffle = secrets.SystemRandom().sample
    yield from shuffle(SMALL, len(SMALL))
    yield from shuffle(LARGER, len(LARGER))
    raise SystemExit(f"All indices up to {LARGER[-1]:,} are known: start with a new data folder.")


def time_value(server: Server, index: int) -> float | None:
    """Return the seconds from POST to value; None if the index was asked for before."""
    began = time.perf_counter()
    answer = server.post(index, wait=10)
    seconds = time.perf_counter() - began
    if answer["times_requested"] > 1:
        return None
    if answer["state"] != "done":
        raise SystemExit(f"F({index}) is {answer['state']} after {seconds:.1f} s.")
    return seconds


if __name__ == "__main__":
    main()
