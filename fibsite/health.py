"""/livez and /readyz, answered before anything else looks at the request."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery import current_app
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis import Redis

from calculator import values


def ping_postgres() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()  # this thread is not a request's, so nobody else gives the connection back


def ping_broker() -> None:
    with current_app.connection_for_read() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=3)
        redis_of(broker).ping()


def redis_of(broker: Any) -> Redis:
    """Return the Redis client behind a connection of Celery's."""
    client: Redis = broker.default_channel.client
    return client


def ping_values() -> None:
    values.connection().ping()


PARTS: dict[str, Callable[[], None]] = {
    "postgres": ping_postgres,
    "broker": ping_broker,
    "values": ping_values,
}


def check(ping: Callable[[], None]) -> dict[str, Any]:
    """Return whether a part answers, and how many milliseconds it took."""
    began = time.perf_counter()
    try:
        ping()
        status = "ok"
    except Exception as error:  # noqa: BLE001 whatever it is, the part is not ready; the log of doctor has more
        status = f"away ({type(error).__name__})"
    return {"status": status, "milliseconds": round((time.perf_counter() - began) * 1000, 1)}


def readiness() -> dict[str, dict[str, Any]]:
    """Check all parts at the same time, so that the answer takes as long as the slowest."""
    with ThreadPoolExecutor(len(PARTS)) as pool:
        return dict(zip(PARTS, pool.map(check, PARTS.values()), strict=True))


class HealthMiddleware:
    """Answer the probes: /livez without any I/O, /readyz with every part and its time, 503 if one is away."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, http: HttpRequest) -> HttpResponse:
        if http.path == "/livez":
            return uncached(JsonResponse({"status": "ok"}))
        if http.path == "/readyz":
            parts = readiness()
            ready = all(part["status"] == "ok" for part in parts.values())
            answer = {"status": "ok" if ready else "not ready", "parts": parts}
            return uncached(JsonResponse(answer, status=200 if ready else 503))
        return self.get_response(http)


def uncached(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
