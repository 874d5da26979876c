"""Numbers, times and digits as people read them."""

from collections.abc import Iterator
from datetime import datetime

from django import template
from django.utils import timezone

from calculator.memory import readable

register = template.Library()

DIGITS_TOGETHER = 10
# Between an amount and its unit, so that no line ends there.
GAP = "\N{NO-BREAK SPACE}"


@register.filter
def grouped(number: int) -> str:
    """Write a whole number with commas: 6,269,630."""
    return f"{number:,}"


@register.filter
def memory(count: int) -> str:
    """Write a number of bytes in the unit that suits it: 879.4 MB."""
    return readable(count, GAP)


@register.filter
def duration(seconds: float | None) -> str:
    """Write seconds with about three figures in the unit that suits them: 21 µs, 1.7 ms, 171 ms, 2.95 s, 4 min 10 s."""
    if seconds is None:
        return ""
    milliseconds = seconds * 1000
    if milliseconds < 0.9995:  # noqa: PLR2004
        return f"{milliseconds * 1000:.3g}{GAP}µs"
    if milliseconds < 9.995:  # noqa: PLR2004 the bounds are where the rounding would gain a figure
        return f"{milliseconds:.2f}{GAP}ms"
    if milliseconds < 999.5:  # noqa: PLR2004
        return f"{milliseconds:.0f}{GAP}ms"
    if seconds < 59.995:  # noqa: PLR2004
        return f"{seconds:.2f}{GAP}s"
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes:,}{GAP}min{GAP}{left}{GAP}s"


@register.filter
def about(seconds: float) -> str:
    """Write seconds that were predicted, with no more figures than such a number has: about 40 ms, about 3 s."""
    if seconds < 0.001:  # noqa: PLR2004
        return f"under 1{GAP}ms"
    if seconds < 0.95:  # noqa: PLR2004
        return f"about {float(f'{seconds * 1000:.1g}'):.0f}{GAP}ms"
    if seconds < 90:  # noqa: PLR2004
        return f"about {seconds:.0f}{GAP}s"
    return f"about {seconds / 60:,.0f}{GAP}min"


@register.filter
def percent(fraction: float) -> str:
    """Write a fraction in whole percent, cut off rather than rounded: 99.9 % of the work is not done."""
    return f"{int(fraction * 100)}{GAP}%"


@register.filter
def ago(moment: datetime) -> str:
    """
    Write how long ago a moment was, in one unit; it needs no time zone, which the server cannot know.

    Not in seconds: a part of a page that is looked at again and again would never stay the same.
    """
    seconds = int((timezone.now() - moment).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:,}{GAP}{unit}{GAP}ago"
    return "just now"


@register.filter
def tens(digits: str) -> Iterator[str]:
    """Cut digits into groups of ten, each an element of its own: the gaps come from the style, so copies have none."""
    return (digits[first : first + DIGITS_TOGETHER] for first in range(0, len(digits), DIGITS_TOGETHER))
