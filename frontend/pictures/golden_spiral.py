"""The squares with sides F(1) to F(n), which tile a rectangle, and the quarter circles through them."""

import math
from dataclasses import dataclass
from itertools import cycle
from typing import TypeAlias

# Beyond it a few more squares only push the small ones out of sight.
SPIRAL_TO = 20

# Every coordinate is a whole number of these, so that the proportions are exact for small n too.
WIDTH_AT_LEAST = 1_000
MARGIN_PART = 100
# Of the whole width: 11 px where the picture is 288 px wide, on a screen of 320.
LETTER = 0.039
LAST_LETTERS = 1.3
LETTER_WIDTH = 0.62
# From the centre of a square's arc: there the label is clear of the arc as long as it is at most LABEL_PART wide.
LABEL_FROM_CENTRE = 0.42
LABEL_PART = 0.7

Corner: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Label:
    """Words with their middle at (x, y)."""

    words: str
    x: int
    y: int
    letters: float


@dataclass(frozen=True, slots=True)
class Square:
    """
    The square with side F(index).

    (x, y) is its upper left corner and `size` its drawn side. Its arc goes clockwise and inward from `start` to `end`
    around `centre`, which are corners of it. `label` is None where it would not fit.
    """

    index: int
    side: int
    x: int
    y: int
    size: int
    start: Corner
    end: Corner
    centre: Corner
    label: Label | None


@dataclass(frozen=True, slots=True)
class Spiral:
    """
    The rectangle F(n+1) by F(n), `unit` times as large, cut into its squares.

    `squares` go outward from F(1); the last is F(n). `letters` is the size of the letters and `margin` the space
    around the rectangle, both in the units of the drawing.
    """

    n: int
    unit: int
    width: int
    height: int
    margin: int
    letters: int
    squares: tuple[Square, ...]

    @property
    def view_box(self) -> str:
        """Return the SVG's viewBox: the rectangle and its margin."""
        return f"{-self.margin} {-self.margin} {self.width + 2 * self.margin} {self.height + 2 * self.margin}"

    @property
    def path(self) -> str:
        """Return the spiral as the data of an SVG path, from the outer end inward."""
        first, *_ = outside_in = self.squares[::-1]
        arcs = (f"A{square.size} {square.size} 0 0 1 {square.end[0]} {square.end[1]}" for square in outside_in)
        return f"M{first.start[0]} {first.start[1]}" + "".join(arcs)

    @property
    def across(self) -> int:
        """Return the rectangle's longer side, F(n+1)."""
        return self.width // self.unit

    @property
    def last(self) -> Square:
        """Return the largest square, F(n)."""
        return self.squares[-1]


def spiral(n: int) -> Spiral | None:
    """
    Cut the rectangle F(n+1) by F(n) into the squares F(n), F(n-1), … F(1), the largest at its left.

    n: from 1 to SPIRAL_TO; None for every other n, which has no picture.
    """
    if not 1 <= n <= SPIRAL_TO:
        return None
    sides = [1, 1]
    while len(sides) <= n:
        sides.append(sides[-1] + sides[-2])
    across = sides[n] if n > 1 else 1
    unit = math.ceil(WIDTH_AT_LEAST / across)
    width, height = across * unit, sides[n - 1] * unit
    margin = width // MARGIN_PART
    letters = math.ceil((width + 2 * margin) * LETTER)
    squares = []
    left, top, right, bottom = 0, 0, width, height
    for index, edge in zip(range(n, 0, -1), cycle(("left", "top", "right", "bottom"))):
        side = sides[index - 1]
        size = side * unit
        x = right - size if edge == "right" else left
        y = bottom - size if edge == "bottom" else top
        start, end, centre = arc(x, y, size, edge)
        if index == n:
            words, tall = f"F({index}) = {side:,}", letters * LAST_LETTERS
        else:
            words, tall = f"{side:,}", letters
        label = place(words, tall, size, (x, y), centre)
        squares.append(Square(index, side, x, y, size, start, end, centre, label))
        left += size if edge == "left" else 0
        top += size if edge == "top" else 0
        right -= size if edge == "right" else 0
        bottom -= size if edge == "bottom" else 0
    return Spiral(n, unit, width, height, margin, letters, tuple(reversed(squares)))


def arc(x: int, y: int, size: int, edge: str) -> tuple[Corner, Corner, Corner]:
    """Return start, end and centre of the arc in a square that was cut off at this edge of what was left."""
    upper_left, upper_right, lower_right, lower_left = (x, y), (x + size, y), (x + size, y + size), (x, y + size)
    return {
        "left": (lower_left, upper_right, lower_right),
        "top": (upper_left, lower_right, lower_left),
        "right": (upper_right, lower_left, upper_left),
        "bottom": (lower_right, upper_left, upper_right),
    }[edge]


def place(words: str, letters: float, size: int, corner: Corner, centre: Corner) -> Label | None:
    """Place words in a square on the inner side of its arc; None if they are too large for it."""
    if max(len(words) * LETTER_WIDTH, 1) * letters > LABEL_PART * size:
        return None
    near, far = round(LABEL_FROM_CENTRE * size), size - round(LABEL_FROM_CENTRE * size)
    x, y = (low + (near if low == middle else far) for low, middle in zip(corner, centre, strict=True))
    return Label(words, x, y, letters)
