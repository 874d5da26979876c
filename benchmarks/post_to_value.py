"""
Measure the time from POST to the value, as a visitor has it, against a running system that does nothing else.

    python benchmarks/post_to_value.py [--url http://127.0.0.1:8000] [--samples 100]

Each sample asks, on one kept connection, for an index of about the size named that was never asked for: a POST with
`Prefer: wait=10`, answered when the worker has stored the value. Prints medians and 99th percentiles. Needs the
standard library alone.
"""

import argparse
import http.client
import json
import secrets
import statistics
import time
from urllib.parse import urlsplit

SIZES = (10, 1_000, 100_000, 1_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the system runs (%(default)s)")
    parser.add_argument("--samples", type=int, default=100, help="samples for each size (%(default)s)")
    options = parser.parse_args()
    print(f"{'index':>12}{'median ms':>12}{'p99 ms':>12}{'computed ms':>14}")
    for size in SIZES:
        waited, computed = measure(options.url, size, options.samples)
        percentile = statistics.quantiles(waited, n=100, method="inclusive")[98]
        print(
            f"{size:>12,}{statistics.median(waited) * 1000:>12.1f}{percentile * 1000:>12.1f}"
            f"{statistics.median(computed) * 1000:>14.2f}"
        )


def measure(url: str, size: int, samples: int) -> tuple[list[float], list[float]]:
    """Return the seconds from POST to value, and those of the computations alone."""
    server = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    waited, computed = [], []
    # Values may be known from earlier runs, so each run begins somewhere else in a range of the same cost.
    first = size + secrets.randbelow(max(size // 10, 1))
    for index in range(first, first + samples):
        body = json.dumps({"index": index})
        began = time.perf_counter()
        server.request("POST", "/api/values", body, {"Content-Type": "application/json", "Prefer": "wait=10"})
        answer = json.load(server.getresponse())
        waited.append(time.perf_counter() - began)
        if answer["state"] != "done":
            raise SystemExit(f"F({index}) is {answer['state']}: {answer.get('reason')}")
        computed.append(answer["seconds"])
    return waited, computed


if __name__ == "__main__":
    main()
