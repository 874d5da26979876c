"""
Measure downloads of a large value from a running system, and how much its web processes grow by them.

    .venv-dev/bin/python benchmarks/download.py [--url http://127.0.0.1:8000] [--index 100000000]

The value is computed unless it is known. Its digits are then downloaded compressed as they are stored, plain, and in
part: by a Range of the last 1,000 and by ?from=&count=. What arrives must have the SHA-256 that the resource names. The
memory is that of the processes that listen on the port, or of --pid and its children: it is sampled all the time, on
Linux, on the same machine, by the same user or by root.
"""

import argparse
import hashlib
import http.client
import json
import re
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PART = 1_000
TARGET_BYTES = 64_000_000
SAMPLE_SECONDS = 0.005
COMPUTED_WITHIN_SECONDS = 600
LISTENING = "0A"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the system runs (%(default)s)")
    parser.add_argument("--index", type=int, default=100_000_000, help="which value (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="downloads of each kind (%(default)s)")
    parser.add_argument("--pid", type=int, help="gunicorn's master; else whoever listens on the URL's port")
    options = parser.parse_args()
    address = urlsplit(options.url)
    value = computed(address.netloc, options.index)
    print(f"F({value['index']:,}) has {value['digits']:,} digits, computed in {value['seconds']:.2f} s.\n")
    pids = family(options.pid) if options.pid else listeners(address.port or 80)
    path = f"/api/values/{options.index}/digits"
    middle = value["digits"] // 2
    with Memory(pids) as memory:
        whole = download("plain", address.netloc, path, options.rounds)
        packed = download("zstd", address.netloc, path, options.rounds, {"Accept-Encoding": "zstd"})
        tail = download("last 1,000", address.netloc, path, options.rounds, {"Range": f"bytes=-{PART}"})
        window = download("1,000 in the middle", address.netloc, f"{path}?from={middle}&count={PART}", options.rounds)
    right = hashlib.sha256(whole).hexdigest() == value["sha256"]
    right = right and zstd.decompress(packed) == whole
    right = right and tail == whole[-PART:] and window == whole[middle : middle + PART]
    if not right:
        sys.exit("What arrived are not the digits that the resource names.")
    print(f"\nThe SHA-256 is the resource's, {value['sha256']}, and all parts are parts of it.\n")
    memory.report()


def computed(host: str, index: int) -> dict[str, Any]:
    """Ask for F(index), and return its resource when it is done."""
    deadline = time.monotonic() + COMPUTED_WITHIN_SECONDS
    server = http.client.HTTPConnection(host, timeout=30)
    headers = {"Content-Type": "application/json", "Prefer": "wait=10"}
    server.request("POST", "/api/values", json.dumps({"index": index}), headers)
    while (answer := json.load(server.getresponse())).get("state") != "done":
        if answer.get("state") not in {"queued", "running"} or time.monotonic() > deadline:
            sys.exit(f"F({index}) was not computed: {answer.get('reason') or answer.get('detail') or answer['state']}")
        server.request("GET", f"/api/values/{index}", headers=headers)
    return answer


def download(label: str, host: str, path: str, rounds: int, headers: dict[str, str] | None = None) -> bytes:
    """Download several times, print the bytes and the median seconds, and return what came last."""
    samples = []
    for _ in range(rounds):
        # A connection of its own, so that every gunicorn process has its turn.
        server = http.client.HTTPConnection(host, timeout=60)
        began = time.perf_counter()
        server.request("GET", path, headers={"Accept-Encoding": "identity"} | (headers or {}))
        response = server.getresponse()
        content = response.read()
        samples.append(time.perf_counter() - began)
        server.close()
        if response.status not in {http.HTTPStatus.OK, http.HTTPStatus.PARTIAL_CONTENT}:
            sys.exit(f"{path}: {response.status} {content[:500]!r}")
    seconds = statistics.median(samples)
    print(f"{label:<21}{len(content):>13,} bytes{seconds * 1000:>11.1f} ms")
    return content


class Memory:
    """The memory of some processes before, during and after what happens in this context."""

    def __init__(self, pids: list[int]) -> None:
        self.pids = pids
        self.before = self.after = self.peak = resident(pids)
        self.most_at_once = sum(self.before)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()

    def watch(self) -> None:
        while not self.stopping.wait(SAMPLE_SECONDS):
            self.after = resident(self.pids)
            self.peak = [max(pair) for pair in zip(self.peak, self.after, strict=True)]
            self.most_at_once = max(self.most_at_once, sum(self.after))

    def report(self) -> None:
        if not self.pids:
            print("No process of this machine that may be looked at listens on the port: memory is not measured.")
            return
        print(f"{'process':>9}{'before':>12}{'peak':>12}{'after':>12} bytes of memory")
        for row in zip(self.pids, self.before, self.peak, self.after, strict=True):
            print("{:>9}{:>12,}{:>12,}{:>12,}".format(*row))
        grown = self.most_at_once - sum(self.before)
        held = "held" if grown < TARGET_BYTES else "missed"
        print(f"\nTogether they grew by {grown:,} bytes; target < {TARGET_BYTES:,}: {held}")


def resident(pids: list[int]) -> list[int]:
    return [kilobytes(Path(f"/proc/{pid}/status"), "VmRSS") * 1024 for pid in pids]


def kilobytes(file: Path, field: str) -> int:
    """Read a field of a process's status; 0 when the process has ended."""
    try:
        found = re.search(rf"{field}:\s+(\d+) kB", file.read_text())
    except FileNotFoundError:
        return 0
    return int(found[1]) if found else 0


def family(pid: int) -> list[int]:
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def listeners(port: int) -> list[int]:
    """Return the processes that listen on a port: gunicorn's master and its children share the socket."""
    sockets = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else []:
            _, local, _, state, _, _, _, _, _, inode, *_ = line.split()
            if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{inode}]")
    return [int(folder.parent.name) for folder in Path("/proc").glob("[0-9]*/fd") if sockets & open_files(folder)]


def open_files(folder: Path) -> set[str]:
    """Return what a process has open; nothing when it has ended or is somebody else's."""
    files = set()
    try:
        for file in folder.iterdir():
            files.add(str(file.readlink()))
    except OSError:
        pass
    return files


if __name__ == "__main__":
    main()
