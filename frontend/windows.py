"""The digits of a value as a page shows them: whole, or one window after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from calculator import values
from calculator.indices import NumberTooLongError
from calculator.values import Value
from frontend.notation import plain, whole_number

# A page shows a value of up to this many digits whole, and of a longer one this many at a time.
LONGEST_WHOLE_VALUE = 10_000
WINDOW_DIGITS = 1_000
LINE_DIGITS = 50


@dataclass(frozen=True, slots=True)
class Line:
    """Digits that stand beside each other; `position` is that of the first of them, counted from 1."""

    position: int
    digits: str


@dataclass(frozen=True, slots=True)
class Window:
    """
    Some of the `total` digits of a value, from `position` on, which is counted from 1.

    error: what was wrong with the position that was asked for.
    """

    total: int
    position: int
    digits: str
    error: str = ""

    @classmethod
    def read(cls, value: Value, asked: str | None) -> Self | None:
        """
        Return the window from the `asked` position on, None while there are no digits.

        Raises RedisError, and DigitsGoneError if they are not in Redis any more.
        """
        if value.digits is None:
            return None
        if value.digits <= LONGEST_WHOLE_VALUE:
            return cls(value.digits, 1, values.read_digits(value.index).decode())
        position, error = read_position(asked, value.digits)
        digits = values.read_digits(value.index, position - 1, WINDOW_DIGITS).decode()
        return cls(value.digits, position, digits, error)

    @property
    def end(self) -> int:
        """The position of the last digit."""
        return self.position + len(self.digits) - 1

    @property
    def is_whole(self) -> bool:
        return len(self.digits) == self.total

    @property
    def previous(self) -> int | None:
        return max(1, self.position - WINDOW_DIGITS) if self.position > 1 else None

    @property
    def next(self) -> int | None:
        return self.end + 1 if self.end < self.total else None

    @property
    def last(self) -> int:
        """The position from which on the last digits are shown."""
        return max(1, self.total - WINDOW_DIGITS + 1)

    @property
    def lines(self) -> Iterator[Line]:
        for first in range(0, len(self.digits), LINE_DIGITS):
            yield Line(self.position + first, self.digits[first : first + LINE_DIGITS])


def read_position(asked: str | None, total: int) -> tuple[int, str]:
    """Read a position from 1 to `total` as people write it; the first, and what was wrong, if it is none."""
    if asked is None:
        return 1, ""
    try:
        position = whole_number(plain(asked.strip()))
    except NumberTooLongError:
        position = None
    if position and position <= total:
        return position, ""
    return 1, f"A position is a whole number from 1 to {total:,}."
