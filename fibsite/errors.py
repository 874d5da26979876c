"""Errors outside the views: a problem document under /api, a page elsewhere."""

import logging
from collections.abc import Callable
from typing import Any

from django.core.exceptions import DisallowedHost
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from calculator.problems import problem

logger = logging.getLogger(__name__)


def error(http: HttpRequest, status: int, detail: str) -> HttpResponse:
    if http.path == "/api" or http.path.startswith("/api/"):
        return problem(status, detail)
    return render(http, "error.html", {"status": status, "detail": detail}, status=status)


def bad_request(http: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, DisallowedHost):
        return error(http, 400, "This site has another name: its operator lists its names in ALLOWED_HOSTS.")
    return error(http, 400, "The request cannot be understood.")


def forbidden(http: HttpRequest, exception: Exception) -> HttpResponse:
    return error(http, 403, "This is not allowed.")


def not_found(http: HttpRequest, exception: Exception) -> HttpResponse:
    # A resolver's 404 carries the patterns that were tried, ours a sentence.
    detail = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    return error(http, 404, detail or "There is nothing at this address.")


def server_error(http: HttpRequest) -> HttpResponse:
    return error(http, 500, "Something went wrong here. It is in the log; trying again may help.")


class OutageMiddleware:
    """Answer 503 while Postgres is away: nothing was kept, and trying again will help."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, http: HttpRequest) -> HttpResponse:
        return self.get_response(http)

    def process_exception(self, http: HttpRequest, exception: Exception) -> Any:
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        logger.error("Postgres is away: %s", str(exception).strip())
        response = error(http, 503, "The database is away. Nothing was kept: please try again in a moment.")
        response["Retry-After"] = "5"
        return response
