"""The API's views: a view validates, makes one call, and answers."""

import re
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import chain
from urllib.request import parse_http_list

from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from redis import RedisError
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
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
    Known,
    Number,
    Problem,
    ValueResource,
    ValueSummary,
)
from calculator.tasks import look_up, recompute, request, wait_for
from calculator.values import DigitsGoneError, State, Value

LONGEST_WAIT_SECONDS = 10.0
NEWEST = 1000
TEXT = "text/plain; charset=us-ascii"
FOR_EVER = "public, max-age=31536000, immutable"
SECONDS = re.compile(r'"?([0-9]{1,9}(?:\.[0-9]{1,9})?)"?', re.ASCII)
POSITION = re.compile(r"[0-9]{1,18}", re.ASCII)
NOTHING = re.compile(r"0(?:\.0*)?", re.ASCII)
BYTE_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))", re.ASCII | re.IGNORECASE)

INDEX = OpenApiParameter("index", int, OpenApiParameter.PATH, description="From 0 on, without leading zeros.")
PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="`wait=2` holds the answer until the value is there, at most 10 s.",
)


def problems(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    return {
        (status, "application/problem+json"): OpenApiResponse(Problem, HTTPStatus(status).phrase) for status in statuses
    }


class NewestFirst(CursorPagination):
    ordering = ("-last_requested", "-id")
    page_size = 20
    page_size_query_param = "size"
    max_page_size = 100

    def decode_cursor(self, http: Request) -> Cursor | None:
        """Refuse a cursor with something else than a time in it, at which the database would fail."""
        cursor = super().decode_cursor(http)
        if cursor is None or cursor.position is None:
            return cursor
        try:
            position = datetime.fromisoformat(str(cursor.position)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise NotFound(self.invalid_cursor_message) from None
        return cursor._replace(position=str(position))  # type: ignore[arg-type] # the stubs have the wrong type


class EntryPoint(APIView):
    @extend_schema(
        responses={200: {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}},
        summary="Where everything is",
    )
    def get(self, http: Request) -> Response:
        return Response(
            {name: reverse(f"api:{name}", request=http) for name in ("values", "all", "current", "schema", "docs")}
        )


class ValueList(APIView):
    pagination_class = NewestFirst

    @extend_schema(
        responses={(200, "application/json"): ValueSummary(many=True), **problems(404, 503)},
        summary="The indices received, newest first",
    )
    def get(self, http: Request) -> Response:
        pages = self.pagination_class()
        page = pages.paginate_queryset(SeenIndex.objects.all(), http, self) or []
        known = map(Known, page, look_up([seen.number for seen in page]))
        return pages.get_paginated_response(ValueSummary(list(known), many=True, context={"request": http}).data)

    @extend_schema(
        request=IndexRequest,
        parameters=[PREFER],
        responses={200: Acknowledgement, 202: Acknowledgement, **problems(400, 422, 503)},
        summary="Ask for a value",
    )
    def post(self, http: Request) -> Response:
        body = IndexRequest(data=http.data)
        body.is_valid(raise_exception=True)
        return answer(http, request(body.validated_data["index"]), Acknowledgement)


class ValueDetail(APIView):
    @extend_schema(
        parameters=[INDEX, PREFER],
        responses={200: ValueResource, 202: ValueResource, **problems(404, 503)},
        summary="Everything known about one index",
    )
    def get(self, http: Request, index: int) -> Response:
        return answer(http, seen_or_404(index), ValueResource)


class Digits(APIView):
    @extend_schema(
        parameters=[
            INDEX,
            PREFER,
            OpenApiParameter("from", int, description="The first digit wanted, counted from 0."),
            OpenApiParameter("count", int, description="How many digits are wanted."),
            OpenApiParameter("download", bool, description="Name the answer fibonacci-<index>.txt."),
            OpenApiParameter(
                "Range", str, OpenApiParameter.HEADER, description="`bytes=0-99`: one range of the digits."
            ),
        ],
        responses={
            (200, "text/plain"): OpenApiTypes.STR,
            (206, "text/plain"): OpenApiTypes.STR,
            304: None,
            **problems(400, 404, 409, 412, 416, 503),
        },
        summary="The digits alone, whole or a window",
    )
    def get(self, http: Request, index: int) -> HttpResponseBase:
        seen_or_404(index)
        value = wait_for(index, preferred_wait(http))
        try:
            response = digits_response(http, value) if value.state == State.DONE else not_done(value)
        except DigitsGoneError:
            response = not_done(recompute(index))
        except RedisError:
            response = not_done(Value(index, State.WAITING))
        if "download" in http.query_params and response.status_code in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
            response["Content-Disposition"] = f'attachment; filename="fibonacci-{index}.txt"'
        return response


class All(APIView):
    @extend_schema(responses=Number(many=True), summary="The numbers received, oldest first, at most the newest 1,000")
    def get(self, http: Request) -> Response:
        return Response([{"number": number} for number in received()])


class Current(APIView):
    @extend_schema(
        responses={200: {"type": "object", "additionalProperties": {"type": "string"}}},
        summary="The values of the same indices, long ones abbreviated",
    )
    def get(self, http: Request) -> Response:
        return Response({str(value.index): value.short or "Nothing yet!" for value in look_up(received())})


def received() -> list[int]:
    """Return the newest indices received, oldest first."""
    return list(SeenIndex.objects.newest_first().values_list("number", flat=True)[:NEWEST])[::-1]


def seen_or_404(index: int) -> SeenIndex:
    try:
        return SeenIndex.objects.get(number=index)
    except SeenIndex.DoesNotExist:
        message = f"F({index}) was never asked for: POST its index to {reverse('api:values')} first."
        raise Http404(message) from None


def answer(http: Request, seen: SeenIndex, serializer: type[ValueResource]) -> Response:
    """Answer with the resource of an index: 200 when it is final, 202 before, after the wait that was asked for."""
    wait = preferred_wait(http)
    value, whole = with_digits(wait_for(seen.number, wait))
    response = Response(
        serializer(Known(seen, value, whole), context={"request": http}).data,
        HTTPStatus.OK if value.is_final else HTTPStatus.ACCEPTED,
        headers={"Location": reverse("api:value", [seen.number]), "Cache-Control": "no-store"},
    )
    if wait:
        response["Preference-Applied"] = f"wait={wait:g}"
    if not value.is_final:
        response["Retry-After"] = "1"
    return response


def with_digits(value: Value) -> tuple[Value, str | None]:
    """Return the value, and its digits if the resource carries them; what is known by then if they are gone."""
    if value.digits is None or value.digits > LONGEST_WHOLE_VALUE:
        return value, None
    try:
        return value, value.short if value.digits <= 2 * values.END_DIGITS else values.read_digits(value.index).decode()
    except DigitsGoneError:
        return recompute(value.index), None
    except RedisError:
        return Value(value.index, State.WAITING), None


def not_done(value: Value) -> HttpResponse:
    """Say why there are no digits (yet)."""
    if value.state == State.FAILED:
        return problem(409, f"F({value.index}) could not be computed. {value.reason}", state=value.state)
    response = problem(409, f"F({value.index}) is not computed yet: it is {value.state}.", state=value.state)
    response["Retry-After"] = "1"
    return response


def digits_response(http: Request, value: Value) -> HttpResponseBase:
    """Return the digits, or the part of them that was asked for; one piece of them is in memory at a time."""
    total = value.digits
    if total is None:
        raise DigitsGoneError(value.index)
    window = asked_window(http, total)
    encoded = window is None and "Range" not in http.headers and accepts_zstd(http)
    variant = "-zstd" if encoded else f"-{window.start}-{window.stop}" if window is not None else ""
    etag = f'"{value.sha256}{variant}"'
    headers = {"ETag": etag, "Cache-Control": FOR_EVER, "Vary": "Accept-Encoding", "Accept-Ranges": "bytes"}
    refusal = get_conditional_response(http, etag=etag)
    if refusal is not None:
        if refusal.status_code == HTTPStatus.NOT_MODIFIED:
            return HttpResponse(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return problem(412, f"These digits have the ETag {etag}.")
    part = asked_range(http, total, etag) if window is None else None
    if part is not None:
        if not part:
            response = problem(416, f"F({value.index}) has {total:,} digits: the range lies beyond them.")
            response["Content-Range"] = f"bytes */{total}"
            return response
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{total}"
    wanted = next(span for span in (part, window, range(total)) if span is not None)
    if encoded:
        headers["Content-Encoding"] = "zstd"
        pieces = values.iterate_frames(value.index)
    else:
        pieces = values.iterate_digits(value.index, wanted.start, len(wanted))
    headers["Content-Length"] = str(value.stored_bytes if encoded else len(wanted))
    if http.method == "HEAD":
        return HttpResponse(headers=headers, content_type=TEXT)
    # The first piece is read now, while an error can still become an answer.
    pieces = chain([next(pieces, b"")], pieces)
    status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
    return StreamingHttpResponse(pieces, status=status, headers=headers, content_type=TEXT)


def asked_window(http: Request, total: int) -> range | None:
    """Read ?from=&count= as the positions of the digits wanted; None without either."""
    given = {name: http.query_params[name] for name in ("from", "count") if name in http.query_params}
    for name, text in given.items():
        if not POSITION.fullmatch(text):
            raise ValidationError({name: [f"{name} is a whole number from 0 on, of at most 18 digits."]})
    start = int(given.get("from", 0))
    if start >= total:
        message = f"The value has {total:,} digits, counted from 0: there is none at {start:,}."
        raise ValidationError({"from": [message]})
    return range(start, min(total, start + int(given.get("count", total)))) if given else None


def asked_range(http: Request, total: int, etag: str) -> range | None:
    """
    Read a Range header as the positions of the digits wanted: none of them if it lies beyond the value.

    None stands for the whole, by RFC 9110 the answer to anything but one range of a GET for the digits as they are.
    """
    match = BYTE_RANGE.fullmatch(http.headers.get("Range", "").replace(" ", ""))
    if not match or http.method != "GET" or http.headers.get("If-Range", etag) != etag:
        return None
    first, last, suffix = match.groups()
    if suffix:
        return range(max(0, total - int(suffix)), total)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(total, int(last) + 1) if last else total)


def accepts_zstd(http: Request) -> bool:
    for coding in http.headers.get("Accept-Encoding", "").split(","):
        name, _, quality = "".join(coding.split()).lower().partition(";q=")
        if name == "zstd":
            return not NOTHING.fullmatch(quality)
    return False


def preferred_wait(http: Request) -> float:
    """Return the seconds of a `Prefer: wait=…` (RFC 7240), at most 10; 0 without one, or when it cannot be read."""
    for preference in parse_http_list(http.headers.get("Prefer", "")):
        name, _, seconds = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            match = SECONDS.fullmatch(seconds.strip())
            return min(float(match[1]), LONGEST_WAIT_SECONDS) if match else 0.0
    return 0.0
