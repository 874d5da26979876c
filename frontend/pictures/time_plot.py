"""How long indices took, with both axes logarithmic: a power of the index is a straight line."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 240
LEFT, RIGHT, TOP, BOTTOM = 60, 345, 10, 215
LABELS_AT_MOST = 5
CURVE_STEPS = 60
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# Logarithms of powers of ten are whole only up to rounding.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Point:
    """An index and its seconds at their place."""

    index: int
    seconds: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A power of ten at its place on its axis; `words` are empty where labels would be too close."""

    exponent: int
    place: float
    words: str


@dataclass(frozen=True, slots=True)
class Plot:
    """The points in a drawing of `width` by `height`, with a tick at each decade and the predicted `curve`, if any."""

    points: tuple[Point, ...]
    newest: Point | None
    indices: tuple[Tick, ...]
    times: tuple[Tick, ...]
    curve: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM

    @property
    def fastest(self) -> Point:
        """Return the point with the least time."""
        return min(self.points, key=lambda point: point.seconds)

    @property
    def slowest(self) -> Point:
        """Return the point with the most time."""
        return max(self.points, key=lambda point: point.seconds)


def plot(
    points: Iterable[tuple[int, float]],
    *,
    newest: int | None = None,
    predicted: Callable[[int], float] | None = None,
) -> Plot | None:
    """
    Draw seconds against indices, both logarithmic.

    points: any number of indices with the seconds each took; equal ones are drawn once, and those without a logarithm
    (an index or a time of 0) not at all. newest: the index to emphasise, if it is among them. predicted: seconds by
    index, drawn as a line; infinite ones end it. None if nothing can be drawn.
    """
    drawn = sorted({(index, seconds) for index, seconds in points if index > 0 and 0 < seconds < math.inf})
    if not drawn:
        return None
    left, right = decades([index for index, _ in drawn])
    left = max(left, 0)
    line = []
    if predicted:
        steps = {round(10 ** (left + (right - left) * step / CURVE_STEPS)) for step in range(CURVE_STEPS + 1)}
        line = [(index, seconds) for index in sorted(steps) if 0 < (seconds := predicted(index)) < math.inf]
    bottom, top = decades([seconds for _, seconds in drawn + line])

    def place(index: int, seconds: float) -> tuple[float, float]:
        across = (math.log10(index) - left) / (right - left)
        up = (math.log10(seconds) - bottom) / (top - bottom)
        return round(LEFT + across * (RIGHT - LEFT), 2), round(BOTTOM - up * (BOTTOM - TOP), 2)

    placed = tuple(Point(index, seconds, *place(index, seconds)) for index, seconds in drawn)
    return Plot(
        points=placed,
        newest=next((point for point in placed if point.index == newest), None),
        indices=ticks(left, right, LEFT, RIGHT, power),
        times=ticks(bottom, top, BOTTOM, TOP, time),
        curve=" ".join(f"{x},{y}" for x, y in (place(*point) for point in line)),
    )


def decades(numbers: list[int] | list[float]) -> tuple[int, int]:
    """Return the exponents of the powers of ten around the numbers, with room around a single power."""
    low = math.floor(math.log10(min(numbers)) + ROUNDING)
    high = math.ceil(math.log10(max(numbers)) - ROUNDING)
    return (low, high) if low < high else (low - 1, high + 1)


def ticks(first: int, last: int, start: float, end: float, words: Callable[[int], str]) -> tuple[Tick, ...]:
    """Place a tick at each power of ten; as many as fit have words."""
    apart = math.ceil((last - first + 1) / LABELS_AT_MOST)
    return tuple(
        Tick(
            exponent,
            round(start + (exponent - first) / (last - first) * (end - start), 2),
            words(exponent) if (exponent - first) % apart == 0 else "",
        )
        for exponent in range(first, last + 1)
    )


def power(exponent: int) -> str:
    """Write a power of ten: 1, 10, 10²."""
    return ("1", "10")[exponent] if exponent in (0, 1) else "10" + str(exponent).translate(SUPERSCRIPTS)


def time(exponent: int) -> str:
    """Write a power of ten of seconds: 100 ns, 1 µs, 10 ms, 1 s, 10³ s."""
    unit, small = divmod(exponent, 3)
    name = {-3: "ns", -2: "µs", -1: "ms", 0: "s"}.get(unit)
    return f"{10**small}\N{NO-BREAK SPACE}{name}" if name else f"{power(exponent)}\N{NO-BREAK SPACE}s"
