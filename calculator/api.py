"""The API's views: a view validates, makes one call, and answers."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from redis import RedisError
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from calculator import values
from calculator.models import SeenIndex
from calculator.problems import problem
from calculator.serializers import (
    LONGEST_WHOLE_VALUE,
    Acknowledgement,
    IndexRequest,
    Number,
    ValueResource,
    ValueSummary,
)
from calculator.tasks import look_up, request, wait_for
from calculator.values import DigitsGoneError, State, Value

LONGEST_WAIT_SECONDS = 10.0
NEWEST = 1000
FOR_EVER = "public, max-age=31536000, immutable"
PREFER_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?([0-9]{1,9}(?:\.[0-9]{1,9})?)", re.IGNORECASE)
ACCEPTS_ZSTD = re.compile(r"(?:^|,)\s*zstd\s*(?:;\s*q\s*=\s*(?!0(?:\.0*)?\s*(?:,|$))[0-9.]+\s*)?(?:,|$)", re.IGNORECASE)
BYTE_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))")

PREFER = OpenApiParameter(
    "Prefer", str, OpenApiParameter.HEADER, description="`wait=2` holds the answer until the value is there, at most 10 s."
)
PROBLEM = OpenApiResponse(OpenApiTypes.OBJECT, "A problem document (RFC 9457).")


class NewestFirst(CursorPagination):
    ordering = ("-last_requested", "-id")
    page_size = 20
    page_size_query_param = "size"
    max_page_size = 100


class EntryPoint(APIView):
    @extend_schema(responses=OpenApiTypes.OBJECT, summary="Where everything is")
    def get(self, http: Request) -> Response:
        names = {"values": "values", "all": "all", "current": "current", "schema": "schema", "docs": "docs"}
        return Response({name: reverse(f"api:{view}", request=http) for name, view in names.items()})


class ValueList(APIView):
    @extend_schema(
        responses=ValueSummary(many=True),
        summary="The indices received, newest first",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("size", int, description="At most 100.")],
    )
    def get(self, http: Request) -> Response:
        pages = NewestFirst()
        page = pages.paginate_queryset(SeenIndex.objects.all(), http, self) or []
        pairs = list(zip(page, look_up([seen.number for seen in page]), strict=True))
        return pages.get_paginated_response(ValueSummary(pairs, many=True, context={"request": http}).data)

    @extend_schema(
        request=IndexRequest,
        parameters=[PREFER],
        responses={200: Acknowledgement, 202: Acknowledgement, 400: PROBLEM, 422: PROBLEM, 503: PROBLEM},
        summary="Ask for a value",
    )
    def post(self, http: Request) -> Response:
        body = IndexRequest(data=http.data)
        body.is_valid(raise_exception=True)
        seen = request(body.validated_data["index"])
        return answer(http, seen, {"working": True})


class ValueDetail(APIView):
    @extend_schema(
        parameters=[PREFER],
        responses={200: ValueResource, 202: ValueResource, 404: PROBLEM},
        summary="Everything known about one index",
    )
    def get(self, http: Request, index: int) -> Response:
        return answer(http, seen_or_404(index), {})


class Digits(APIView):
    @extend_schema(
        parameters=[
            PREFER,
            OpenApiParameter("from", int, description="The first digit wanted, counted from 0."),
            OpenApiParameter("count", int, description="How many digits are wanted."),
            OpenApiParameter("download", bool, description="Name the answer fibonacci-<index>.txt."),
        ],
        responses={(200, "text/plain"): str, (206, "text/plain"): str, 404: PROBLEM, 409: PROBLEM, 416: PROBLEM},
        summary="The digits alone, whole or a window",
    )
    def get(self, http: Request, index: int) -> HttpResponseBase:
        seen_or_404(index)
        value = wait_for(index, preferred_wait(http))
        if value.state != State.DONE or value.digits is None:
            return not_done(value)
        try:
            response = digits_response(http, value, value.digits)
        except DigitsGoneError:
            return not_done(look_up([index])[0])
        except RedisError:
            return not_done(Value(index, State.WAITING))
        if "download" in http.query_params and response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            response["Content-Disposition"] = f'attachment; filename="fibonacci-{index}.txt"'
        return response


class All(APIView):
    @extend_schema(responses=Number(many=True), summary="The numbers received, oldest first, at most the newest 1,000")
    def get(self, _http: Request) -> Response:
        return Response(Number(reversed(SeenIndex.objects.newest_first()[:NEWEST]), many=True).data)


class Current(APIView):
    @extend_schema(
        responses={200: {"type": "object", "additionalProperties": {"type": "string"}}},
        summary="The values of the same indices, long ones abbreviated",
    )
    def get(self, _http: Request) -> Response:
        newest = SeenIndex.objects.newest_first().values_list("number", flat=True)[:NEWEST]
        return Response({str(value.index): value.short or "Nothing yet!" for value in look_up(list(newest)[::-1])})


def answer(http: Request, seen: SeenIndex, more: dict[str, Any]) -> Response:
    """Answer with the resource of an index: 200 when it is final, 202 before, after the wait that was asked for."""
    wait = preferred_wait(http)
    value = wait_for(seen.number, wait)
    whole = whole_value(value)
    context = {"request": http, "more": {"value": whole, **more}}
    serializer = Acknowledgement if more else ValueResource
    response = Response(
        serializer((seen, value), context=context).data,
        HTTPStatus.OK if value.is_final else HTTPStatus.ACCEPTED,
        headers={"Location": reverse("api:value", [seen.number]), "Cache-Control": "no-store"},
    )
    if wait:
        response["Preference-Applied"] = f"wait={wait:g}"
    if not value.is_final:
        response["Retry-After"] = "1"
    return response


def whole_value(value: Value) -> str | None:
    """Return the value in decimal if the resource carries it whole."""
    if value.digits is None or value.digits > LONGEST_WHOLE_VALUE:
        return None
    if value.digits <= 2 * values.END_DIGITS:
        return value.short
    try:
        return values.read_digits(value.index).decode()
    except (RedisError, DigitsGoneError):
        return None


def digits_response(http: Request, value: Value, total: int) -> HttpResponseBase:
    """Return the digits, or the part of them that was asked for; one piece of them is in memory at a time."""
    start, stop, is_window = asked_window(http, total)
    encoded = not is_window and "Range" not in http.headers and bool(ACCEPTS_ZSTD.search(http.headers.get("Accept-Encoding", "")))
    etag = f'"{value.sha256}{"-zstd" if encoded else ""}{f"-{start}-{stop}" if is_window else ""}"'
    headers = {"ETag": etag, "Cache-Control": FOR_EVER, "Vary": "Accept-Encoding", "Accept-Ranges": "bytes"}
    if etag in [tag.strip().removeprefix("W/") for tag in http.headers.get("If-None-Match", "").split(",")]:
        return HttpResponse(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    status = HTTPStatus.OK
    part = None if is_window or http.headers.get("If-Range", etag) != etag else asked_range(http, total)
    if part:
        start, stop = part
        if start >= stop:
            response = problem(416, f"F({value.index}) has {total:,} digits: the range lies beyond them.")
            response["Content-Range"] = f"bytes */{total}"
            return response
        status = HTTPStatus.PARTIAL_CONTENT
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{total}"
    if encoded:
        headers["Content-Encoding"] = "zstd"
        size, pieces = value.stored_bytes or 0, values.iterate_frames(value.index)
    else:
        size, pieces = stop - start, values.iterate_digits(value.index, start, stop - start)
    headers["Content-Length"] = str(size)
    if http.method == "HEAD":
        return HttpResponse(status=status, headers=headers, content_type="text/plain; charset=us-ascii")
    return StreamingHttpResponse(started(pieces), status=status, headers=headers, content_type="text/plain; charset=us-ascii")


def started(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """Fetch the first piece now, while an error can still become an answer."""
    iterator = iter(pieces)
    first = next(iterator, b"")

    def rest() -> Iterable[bytes]:
        yield first
        yield from iterator

    return rest()


def asked_window(http: Request, total: int) -> tuple[int, int, bool]:
    """Read ?from=&count= as the positions of the first digit and of the one behind the last, and whether any was given."""
    given = {name: http.query_params[name] for name in ("from", "count") if name in http.query_params}
    for name, text in given.items():
        if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
            raise ValidationError({name: f"{name} is a whole number from 0 on."})
    start = int(given.get("from", 0))
    if start >= total:
        raise ValidationError({"from": f"The value has {total:,} digits, counted from 0: there is none at {start:,}."})
    stop = min(total, start + int(given.get("count", total)))
    return start, stop, bool(given)


def asked_range(http: Request, total: int) -> tuple[int, int] | None:
    """Read a Range header of one range; None for anything else, which by RFC 9110 means the whole."""
    match = BYTE_RANGE.fullmatch(http.headers.get("Range", "").replace(" ", ""))
    if not match:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        return (max(0, total - int(suffix)), total) if int(suffix) else (total, total)
    if last is not None and int(last) < int(first):
        return None
    return int(first), min(total, int(last) + 1) if last is not None else total


def preferred_wait(http: Request) -> float:
    """Return the seconds of a `Prefer: wait=…`, at most 10; 0 without one or with one that cannot be read (RFC 7240)."""
    match = PREFER_WAIT.search(http.headers.get("Prefer", ""))
    return min(float(match[1]), LONGEST_WAIT_SECONDS) if match else 0.0


def seen_or_404(index: int) -> SeenIndex:
    try:
        return SeenIndex.objects.get(number=index)
    except SeenIndex.DoesNotExist:
        message = f"F({index}) was never asked for: POST its index to {reverse('api:values')} first."
        raise Http404(message) from None


def not_done(value: Value) -> HttpResponse:
    """Say why there are no digits (yet)."""
    if value.state == State.FAILED:
        return problem(409, f"F({value.index}) could not be computed. {value.reason}", state=value.state)
    response = problem(409, f"F({value.index}) is not computed yet: it is {value.state}.", state=value.state)
    response["Retry-After"] = "1"
    return response
