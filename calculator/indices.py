"""What counts as an index, and which indices are too high to be computed here."""

import re
from typing import Final

from django.conf import settings

# Longer than any index that could ever be computed: not worth being read as a number.
LONGEST: Final = 30
# No setting allows more: F(10⁹) has 208,987,640 digits.
HIGHEST: Final = 1_000_000_000
WHOLE_NUMBER: Final = re.compile(r"[0-9]+", re.ASCII)


class NotAnIndexError(ValueError):
    """What was given is not an index; the message says why, in words for whoever gave it."""


class NumberTooLongError(NotAnIndexError):
    """What was given is a whole number, but longer than any index that could ever be computed."""

    def __init__(self) -> None:
        super().__init__(f"A number of more than {LONGEST} digits is too long to be an index.")


class IndexTooHighError(ValueError):
    """The index is one, but costs more than is allowed here."""

    def __init__(self, index: int) -> None:
        super().__init__("Index too high")
        self.index = index
        self.limit: int = settings.MAX_INDEX


def parse_index(given: object) -> int:
    """
    Read an index: an integer from 0 on, or its decimal digits as text, with white space around them or not.

    Raises NotAnIndexError for everything else (a fraction, a boolean, an exponent, a sign, more than 30 digits) and
    IndexTooHighError above MAX_INDEX.
    """
    match given:
        case bool():
            raise NotAnIndexError("An index is a whole number, not true or false.")
        case int():
            index = given
        case str():
            index = parse_text(given.strip(" \t\r\n"))
        case None:
            raise NotAnIndexError("The index is missing: give a whole number.")
        case float():
            raise NotAnIndexError("An index is a whole number, without a fraction or an exponent.")
        case _:
            raise NotAnIndexError("An index is one whole number.")
    if index < 0:
        raise NotAnIndexError("An index is not negative: the first one is 0.")
    if index >= 10**LONGEST:
        raise NumberTooLongError
    if index > settings.MAX_INDEX:
        raise IndexTooHighError(index)
    return index


def parse_text(text: str) -> int:
    if not text:
        raise NotAnIndexError("The index is empty: give a whole number.")
    if re.fullmatch(r"-[0-9]+", text, re.ASCII):
        raise NotAnIndexError("An index is not negative: the first one is 0.")
    if not WHOLE_NUMBER.fullmatch(text):
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
        raise NotAnIndexError(f"“{shown}” is not a whole number: write it in digits alone.")
    if len(text) > LONGEST:
        raise NumberTooLongError
    return int(text)
