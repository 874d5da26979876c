"""How long an unfinished value will take, and when it is worth looking at again."""

from django import template
from django.utils import timezone

from calculator.fibonacci import predict
from calculator.values import State, Value

register = template.Library()

# Before this much is done, the measured pace says less than the prediction.
TELLING_PROGRESS = 0.05
# Without a script the whole page is loaded: every second while a value is young, later more rarely.
YOUNG_SECONDS = 10
REFRESH_SECONDS = 1
PATIENT_REFRESH_SECONDS = 5
# With one, the value's part of the page is: after a fifth of what it will take, or has taken, within these bounds.
SHARE_OF_WAIT = 0.2
SHORTEST_LOOK_MILLISECONDS = 150
LONGEST_LOOK_MILLISECONDS = 2_000


@register.filter
def seconds_left(value: Value) -> float:
    """Predict how many seconds of computing are left: by its pace so far, before it shows one by the index alone."""
    predicted = predict(value.index).seconds
    if value.progress is None or value.progress < TELLING_PROGRESS:
        return predicted
    return age(value) * (1 - value.progress) / value.progress


@register.filter
def refresh_seconds(value: Value) -> int:
    """Return after how many seconds a page about an unfinished value is worth loading again."""
    return REFRESH_SECONDS if age(value, unknown=YOUNG_SECONDS) < YOUNG_SECONDS else PATIENT_REFRESH_SECONDS


@register.filter
def look_milliseconds(value: Value) -> int:
    """Return after how many milliseconds an unfinished value is worth another look."""
    if value.state == State.WAITING:
        return LONGEST_LOOK_MILLISECONDS
    milliseconds = int(1000 * SHARE_OF_WAIT * max(seconds_left(value), age(value)))
    return min(max(milliseconds, SHORTEST_LOOK_MILLISECONDS), LONGEST_LOOK_MILLISECONDS)


def age(value: Value, unknown: float = 0) -> float:
    """Return for how many seconds a value is running or queued; `unknown` when it waits for Redis."""
    since = value.started_at or value.queued_at
    return max(0.0, (timezone.now() - since).total_seconds()) if since else unknown
