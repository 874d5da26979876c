"""How people write whole numbers: 1,000,000 and 1e6 and 10^6 and 1 million."""

import re
from typing import Final

from calculator.indices import LONGEST, NumberTooLongError

# Nobody writes an index longer than this; it also bounds what the patterns have to look at.
LONGEST_NOTATION: Final = 100
# 2 to this power is too long already, and 0 and 1 are the same to any power: nothing higher is ever computed.
HIGHEST_EXPONENT: Final = 200

UNITS: Final = {
    "k": 3, "thousand": 3, "m": 6, "million": 6, "millions": 6, "bn": 9, "billion": 9, "billions": 9,
}  # fmt: skip

# Signs that look or mean the same become one; an input method writes the fullwidth ones.
ALIKE: Final = str.maketrans(
    {chr(sign + 0xFEE0): chr(sign) for sign in range(ord("!"), ord("~") + 1)}
    | dict.fromkeys("\u00a0\u2007\u2009\u202f\u3000", " ")
    | dict.fromkeys("’ʼ", "'")
    | dict.fromkeys("·⋅×", "*")
)
SUPERSCRIPT: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
SUPERSCRIPTS: Final = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")

AROUND: Final = re.compile(r"(?:f *\((?P<argument>.*)\)|(?:n *=)?(?P<bare>.*))")
# With points there must be two: 1.000 may be one.
GROUPED_BY_POINTS: Final = re.compile(r"[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}")
NUMBER: Final = (
    r"(?P<whole>[0-9]+|[1-9][0-9]{0,2}(?P<gap>[,_ '])[0-9]{3}(?:(?P=gap)[0-9]{3})*)(?:\.(?P<fraction>[0-9]+))?"
)
SCALED: Final = re.compile(rf"{NUMBER}(?:e\+?(?P<exponent>[0-9]+)| *(?P<unit>{'|'.join(UNITS)}))?")
POWER: Final = re.compile(rf"(?:{NUMBER} *[*x] *)?(?P<base>[0-9]+) *\^ *(?P<exponent>[0-9]+)")


def whole_number(text: str) -> int | None:
    """Read a whole number of up to 30 plain digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST else None


def plain(text: str) -> str:
    """
    Return the digits of a whole number as people write it; anything else unchanged, for parse_index to say what it is.

    Reads groups of three (1,000,000; with points at least two), 1.5e6, 10^6, 3·10⁶, 2.5 million, F(7), n = 7, +7.
    Raises NumberTooLongError, a NotAnIndexError, for what is one but would have more than 30 digits.
    """
    if len(text) > LONGEST_NOTATION:
        return text
    written = text.strip().translate(ALIKE).lower().replace("**", "^")
    written = SUPERSCRIPTS.sub(lambda digits: "^" + digits[0].translate(SUPERSCRIPT), written)
    around = AROUND.fullmatch(written)
    if not around:
        return text
    return in_digits((around["argument"] or around["bare"] or "").strip().removeprefix("+").strip()) or text


def in_digits(written: str) -> str | None:
    """Return the digits of a number in the notations that are read; None for anything else."""
    if GROUPED_BY_POINTS.fullmatch(written):
        return written.replace(".", "")
    if power := POWER.fullmatch(written):
        return multiply(power, int(power["base"]), int(power["exponent"]))
    if scaled := SCALED.fullmatch(written):
        exponent = scaled["exponent"] or UNITS.get(scaled["unit"])
        if exponent is None and scaled["fraction"]:  # 1.000 is one in one country and a thousand in the next
            return None
        return multiply(scaled, 10, int(exponent or 0))
    return None


def multiply(number: re.Match[str], base: int, exponent: int) -> str | None:
    """Return number · base^exponent in digits; None if it is not whole."""
    fraction = number["fraction"] or ""
    coefficient = int(re.sub("[^0-9]", "", number["whole"] or "1") + fraction)
    if not coefficient:
        return "0"
    product, remainder = divmod(coefficient * base ** min(exponent, HIGHEST_EXPONENT), 10 ** len(fraction))
    if remainder:
        return None
    if product >= 10**LONGEST:
        raise NumberTooLongError
    return str(product)
