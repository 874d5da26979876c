"""The pages: a view validates, makes one call, and answers."""

from dataclasses import dataclass
from http import HTTPStatus

from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe
from redis import RedisError

from calculator import values
from calculator.models import SeenIndex
from calculator.tasks import look_up, recompute, request, wait_for
from calculator.values import DigitsGoneError, State, Value
from frontend.forms import IndexForm

ROWS = 20
# Most values are there within this time, and the page that comes back needs no second look.
WAIT_SECONDS = 0.3
# A page shows a value of up to this many digits whole, of a longer one this many at either end.
LONGEST_WHOLE_VALUE = 10_000
EXCERPT_DIGITS = 500
# An unfinished value is looked at every second while it is young, later more rarely.
YOUNG_SECONDS = 10
REFRESH_SECONDS = 1
PATIENT_REFRESH_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The digits a page shows: all of them in `head`, or both ends and how many lie between."""

    head: str
    left_out: int = 0
    tail: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(private=True, no_cache=True)
def home(http: HttpRequest) -> HttpResponse:
    form = IndexForm(http.POST if http.method == "POST" else None)
    if form.is_valid():
        index = form.cleaned_data["index"]
        request(index)
        wait_for(index, WAIT_SECONDS)
        # Not the page itself: reloading that would ask again.
        there = reverse("home", query={"asked": index}, fragment="asked")
        return HttpResponseRedirect(there, status=HTTPStatus.SEE_OTHER)
    page = Paginator(SeenIndex.objects.newest_first(), ROWS).get_page(http.GET.get("page"))
    asked = asked_index(http)
    known = {value.index: value for value in look_up([seen.number for seen in [*asked, *page]])}
    answer = known[asked[0].number] if asked else None
    context = {
        "form": form,
        "page": page,
        "values": [known[seen.number] for seen in page],
        "answer": answer,
        "refresh_seconds": refresh_seconds(answer),
    }
    return render(http, "home.html", context, status=form.status)


@require_safe
@cache_control(private=True, no_cache=True)
def value(http: HttpRequest, index: int) -> HttpResponse:
    seen = SeenIndex.objects.filter(number=index).first()
    if not seen:
        return render(http, "unasked.html", {"form": IndexForm({"index": index}), "index": index}, status=404)
    known, excerpt = look_closely(index)
    context = {"seen": seen, "value": known, "excerpt": excerpt, "refresh_seconds": refresh_seconds(known)}
    return render(http, "value.html", context)


@require_safe
@cache_control(private=True, no_cache=True)
def otherpage(http: HttpRequest) -> HttpResponse:
    newest = SeenIndex.objects.newest_first().first()
    context = {
        "received": SeenIndex.objects.aggregate(indices=Count("*"), requests=Sum("times_requested", default=0)),
        "newest": newest,
        "value": look_up([newest.number])[0] if newest else None,
    }
    return render(http, "otherpage.html", context)


def asked_index(http: HttpRequest) -> list[SeenIndex]:
    """
    Return the row that ?asked= names, in a list, empty without one.

    Only an index that was asked for by POST: look_up has what it is given computed, and a link must not.
    """
    form = IndexForm({"index": http.GET.get("asked")})
    return list(SeenIndex.objects.filter(number=form.cleaned_data["index"])) if form.is_valid() else []


def look_closely(index: int) -> tuple[Value, Excerpt | None]:
    """Return what is known about an index that was asked for, with the digits to show if there are any."""
    (known,) = look_up([index])
    try:
        return known, read_excerpt(known)
    except DigitsGoneError:
        return recompute(index), None
    except RedisError:
        return Value(index, State.WAITING), None


def read_excerpt(value: Value) -> Excerpt | None:
    """Return the digits to show, None while there are none; raises RedisError and DigitsGoneError."""
    if value.digits is None:
        return None
    if value.digits <= LONGEST_WHOLE_VALUE:
        return Excerpt(values.read_digits(value.index).decode())
    return Excerpt(
        head=values.read_digits(value.index, 0, EXCERPT_DIGITS).decode(),
        left_out=value.digits - 2 * EXCERPT_DIGITS,
        tail=values.read_digits(value.index, value.digits - EXCERPT_DIGITS, EXCERPT_DIGITS).decode(),
    )


def refresh_seconds(value: Value | None) -> int | None:
    """Return after how many seconds a page about a value is worth loading again; None when it will not change."""
    if value is None or value.is_final:
        return None
    since = value.started_at or value.queued_at
    # What has neither time waits for Redis.
    is_young = since is not None and (timezone.now() - since).total_seconds() < YOUNG_SECONDS
    return REFRESH_SECONDS if is_young else PATIENT_REFRESH_SECONDS
