#!/usr/bin/env python
"""
Tell by the exit status whether a container is healthy: `healthcheck web` or `healthcheck worker`.

The web process answers /livez; a worker touches its heartbeat file. Neither asks what the process depends on: while
Postgres is away no restart of a container helps. Without Django, so that it takes milliseconds.
"""

import http.client
import os
import sys
import time
from pathlib import Path

LONGEST_SILENCE_SECONDS = 30


def web() -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", 5000, timeout=4)
    connection.request("GET", "/livez")
    return connection.getresponse().status == http.client.OK


def worker() -> bool:
    return time.time() - Path(os.environ["WORKER_HEARTBEAT_FILE"]).stat().st_mtime < LONGEST_SILENCE_SECONDS


if __name__ == "__main__":
    roles = {"web": web, "worker": worker}
    try:
        sys.exit(0 if roles[sys.argv[1]]() else 1)
    except (OSError, http.client.HTTPException, LookupError) as error:
        sys.exit(f"unhealthy: {error!r}")
