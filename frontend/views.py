"""The pages and the parts of them that follow by themselves: a view validates, makes one call, and answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import pairwise
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_http_methods, require_safe
from django_htmx.http import push_url
from django_htmx.middleware import HtmxDetails
from redis import RedisError

from calculator.fibonacci import predict
from calculator.models import SeenIndex
from calculator.tasks import look_up, recompute, request, wait_for
from calculator.values import DigitsGoneError, State, Value
from frontend import system
from frontend.forms import IndexForm
from frontend.notation import whole_number
from frontend.pictures import SPIRAL_TO, histogram, plot, spiral, timeline
from frontend.windows import Window

ROWS = 20
# Deeper, Postgres would count its way through too many rows; the API's cursors go on to the end.
LAST_PAGE = 500
# A value that takes less is waited for, and the page that comes back needs no second look.
WAIT_SECONDS = 0.3
# The picture beside the form: as many squares as can be told apart.
HERO = spiral(9)


class HtmxRequest(HttpRequest):
    """A request as HtmxMiddleware hands it on."""

    htmx: HtmxDetails


@dataclass(frozen=True, slots=True)
class Row:
    """An index that was asked for, and what is known of its value."""

    seen: SeenIndex
    value: Value


@dataclass(frozen=True, slots=True)
class Page:
    """
    Some of the indices, newest first.

    newer, older: the numbers of the pages beside it. answer: what is known of the index that the visitor asked for.
    """

    number: int
    rows: Sequence[Row]
    older: int | None
    answer: Value | None

    @property
    def newer(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def is_pending(self) -> bool:
        return any(not row.value.is_final for row in self.rows)


@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(private=True, no_cache=True)
def home(http: HtmxRequest) -> HttpResponse:
    form = IndexForm(http.POST if http.method == "POST" else None, initial={"index": http.GET.get("index", "")})
    # A boosted form is one of another page, and gets the whole of this one.
    in_place = bool(http.htmx) and not http.htmx.boosted
    if form.is_valid():
        index = form.cleaned_data["index"]
        request(index)
        answer = wait_for(index, WAIT_SECONDS if predict(index).seconds < WAIT_SECONDS else 0)
        there = reverse("home", query={"asked": index})
        if in_place:
            context = {"form": IndexForm(), "answer": answer, "page": page_of(1)}
            return push_url(render(http, "parts/asked.html", context), there)
        # Not the page itself: reloading that would ask again.
        return HttpResponseRedirect(f"{there}#asked", status=HTTPStatus.SEE_OTHER)
    if in_place and http.method == "POST":
        return render(http, "parts/asking.html", {"form": form}, status=form.status)
    page = page_of(page_number(http), asked_index(http))
    if http.method == "GET" and not page.answer:
        form.focus()
    context = {"form": form, "page": page, "answer": page.answer, "hero": HERO}
    return render(http, "home.html", context, status=form.status)


@require_safe
@cache_control(public=True, max_age=1)
@conditional_page
def latest(http: HttpRequest) -> HttpResponse:
    """Answer with the lists alone, the same for everybody, so that a cache may keep them for a second."""
    return render(http, "parts/latest.html", {"page": page_of(1)})


@require_safe
@cache_control(private=True, no_cache=True)
def answer(http: HttpRequest, index: int) -> HttpResponse:
    """Answer with the part of the first page that tells of one index."""
    seen = get_object_or_404(SeenIndex, number=index)
    (known,) = look_up([seen.number])
    context: dict[str, Any] = {"answer": known}
    if known.is_final:
        context["page"] = page_of(1)
    return render(http, "parts/answered.html", context)


@require_safe
@cache_control(private=True, max_age=60)
def cost(http: HttpRequest) -> HttpResponse:
    """Answer with what was understood of an index that is being typed, and what its value would cost."""
    return render(http, "parts/cost.html", {"form": IndexForm(http.GET)})


@require_safe
@cache_control(private=True, no_cache=True)
def value(http: HttpRequest, index: int) -> HttpResponse:
    seen = SeenIndex.objects.filter(number=index).first()
    if not seen:
        return render(http, "unasked.html", {"form": IndexForm({"index": index}), "index": index}, status=404)
    known, window = look_closely(index, http.GET.get("position"))
    context = {
        "seen": seen,
        "value": known,
        "window": window,
        "phases": timeline(phases(known)),
        "spiral": spiral(index) if index <= SPIRAL_TO else None,
        "histogram": histogram(known.frequencies) if known.frequencies and index > SPIRAL_TO else None,
    }
    return render(http, "value.html", context)


@require_safe
@cache_control(private=True, no_cache=True)
def otherpage(http: HttpRequest) -> HttpResponse:
    return render(http, "otherpage.html", picture(http))


@require_safe
@cache_control(public=True, max_age=1)
@conditional_page
def now(http: HttpRequest) -> HttpResponse:
    """Answer with the live picture alone, the same for everybody, so that a cache may keep it for a second."""
    return render(http, "parts/system.html", picture(http))


def picture(http: HttpRequest) -> dict[str, Any]:
    """Look at the whole system, and draw what it computed."""
    seen = system.look()
    return {
        "system": seen,
        "plot": plot(
            seen.points,
            newest=seen.newest.number if seen.newest else None,
            predicted=lambda index: predict(index).seconds,
        ),
        "connection": whole_number(http.headers.get("X-Connection-Number", "")),
    }


def page_number(http: HttpRequest) -> int:
    """Read ?page=; what is none counts as the first, what is too high as the last."""
    return min(max(whole_number(http.GET.get("page", "")) or 1, 1), LAST_PAGE)


def page_of(number: int, asked: SeenIndex | None = None) -> Page:
    """Return a page of the indices, and what is known of the one that was `asked` for; one round trip to Redis."""
    first = (number - 1) * ROWS
    # One row more tells whether there are older ones; counting them all would take longer the more there are.
    found = list(SeenIndex.objects.newest_first()[first : first + ROWS + 1])
    seen = found[:ROWS]
    values = look_up([one.number for one in [*seen, *([asked] if asked else [])]])
    return Page(
        number=number,
        rows=[Row(*pair) for pair in zip(seen, values, strict=False)],
        older=number + 1 if len(found) > ROWS and number < LAST_PAGE else None,
        answer=values[-1] if asked else None,
    )


def asked_index(http: HttpRequest) -> SeenIndex | None:
    """
    Return the row that ?asked= names, if there is one.

    Only an index that was asked for by POST: look_up has what it is given computed, and a link must not.
    """
    form = IndexForm({"index": http.GET.get("asked")})
    return SeenIndex.objects.filter(number=form.cleaned_data["index"]).first() if form.is_valid() else None


def look_closely(index: int, position: str | None) -> tuple[Value, Window | None]:
    """Return what is known about an index that was asked for, with the digits to show if there are any."""
    (known,) = look_up([index])
    try:
        return known, Window.read(known, position)
    except DigitsGoneError:
        return recompute(index), None
    except RedisError:
        return Value(index, State.WAITING), None


def phases(value: Value) -> list[tuple[str, float]]:
    """Return the phases of a finished value's way, each with its seconds; none if a moment is unknown."""
    moments = (value.received_at, value.queued_at, value.started_at, value.computed_at, value.finished_at)
    names = ("Kept in Postgres, and queued", "Waited for a worker", "Computed and checked", "Compressed and stored")
    known = [moment for moment in moments if moment]
    if len(known) < len(moments):
        return []
    # The moments are of one clock and in order; the computation's own seconds are another one's, and round.
    spans = ((later - earlier).total_seconds() for earlier, later in pairwise(known))
    return [(name, max(0.0, span)) for name, span in zip(names, spans, strict=True)]
