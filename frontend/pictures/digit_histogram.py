"""How often each digit occurs, against the tenth that each would have if all were equally likely."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 206
LEFT, RIGHT, TOP, BOTTOM = 52, 356, 10, 180
FILLED = 0.62  # of a bar's room

TENTH = 0.1
# Up to it one sees by eye how the bars differ; beyond, only how far they are from a tenth can be shown.
SHARES_TO = 2_000
# The chi-squared distribution needs an expectation of about five for each digit.
JUDGED_FROM = 50
CHANCE_REACHES = 2  # standard deviations: 19 of 20 by chance
SCALE_AT_LEAST = 3
UNUSUAL = 0.01
GAP = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Bar:
    """A digit: its count, its share of all, its distance from a tenth in standard deviations, and its rectangle."""

    digit: int
    count: int
    percent: str
    deviation: float
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Return where its digit stands."""
        return round(self.x + self.width / 2, 2)


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled height."""

    y: float
    words: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """
    Ten bars, in a drawing of `width` by `height`.

    If `by_deviation`, a bar goes from the line of a tenth (`expected_y`) as far as the digit's count is from a tenth of
    all, in standard deviations; otherwise it goes from 0 to the digit's share. Within the band of two standard
    deviations lie 19 of 20 counts by chance. `standard_deviation` is a number of digits. `chi_squared` has nine
    degrees of freedom, and `chance` is the probability of it or more if all digits are equally likely.
    """

    total: int
    bars: tuple[Bar, ...]
    by_deviation: bool
    expected_y: float
    band_y: float
    band_height: float
    ticks: tuple[Tick, ...]
    standard_deviation: float
    chi_squared: float
    chance: float
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    bottom: int = BOTTOM

    @property
    def judged(self) -> bool:
        """Tell whether there are enough digits to compare them with chance."""
        return self.total >= JUDGED_FROM

    @property
    def across(self) -> int:
        """Return the width of the band and the line."""
        return self.right - self.left

    @property
    def verdict(self) -> str:
        """Say in one sentence whether the digits are as even as chance."""
        if not self.judged:
            return "These are too few digits to tell whether they are even."
        if self.chance > 1 - UNUSUAL:
            cases = per_cent(1 - self.chance)
            return f"More even than chance would have it: random digits are this even, or more, in {cases} of cases."
        judgement = "Less even than" if self.chance < UNUSUAL else "As even as"
        cases = per_cent(self.chance)
        return f"{judgement} chance would have it: random digits are this uneven, or more, in {cases} of cases."


def histogram(frequencies: Sequence[int]) -> Histogram | None:
    """
    Draw how often each digit occurs.

    frequencies: ten counts, of 0 to 9, of any size; ValueError if they are not ten or one is negative. None if all
    are 0.
    """
    if len(frequencies) != 10 or min(frequencies) < 0:  # noqa: PLR2004 ten digits
        raise ValueError("There are ten digits, and none occurs less than 0 times.")
    total = sum(frequencies)
    if not total:
        return None
    spread = math.sqrt(total * TENTH * (1 - TENTH))
    deviations = [(count - total / 10) / spread for count in frequencies]
    by_deviation = total > SHARES_TO
    if by_deviation:
        reach = max(SCALE_AT_LEAST, *(math.ceil(abs(deviation)) for deviation in deviations))
        low, high, heights, expected, chance_reaches = -reach, float(reach), deviations, 0.0, float(CHANCE_REACHES)
        tick = CHANCE_REACHES * max(1, reach // 4)
        labels: list[tuple[float, str]] = [(tick, f"+{tick:,}{GAP}σ"), (0, f"10{GAP}%"), (-tick, f"−{tick:,}{GAP}σ")]
    else:
        shares = [count / total for count in frequencies]
        low, high, heights, expected = 0, max(2, math.ceil(max(shares) * 10)) / 10, shares, TENTH
        chance_reaches = CHANCE_REACHES * spread / total
        labels = [(0, f"0{GAP}%"), (TENTH, f"10{GAP}%"), (high, per_cent(high))]

    def y(value: float) -> float:
        return round(BOTTOM - (min(max(value, low), high) - low) / (high - low) * (BOTTOM - TOP), 2)

    room = (RIGHT - LEFT) / 10
    places = max(1, math.ceil(-math.log10(spread / total * 100)) + 1)
    bars = tuple(
        Bar(
            digit=digit,
            count=count,
            percent=f"{count / total * 100:.{places}f}",
            deviation=deviation,
            x=round(LEFT + room * (digit + (1 - FILLED) / 2), 2),
            y=min(y(height), y(0)),
            width=round(room * FILLED, 2),
            height=round(abs(y(height) - y(0)), 2),
        )
        for digit, (count, deviation, height) in enumerate(zip(frequencies, deviations, heights, strict=True))
    )
    # Chi-squared divides by the expectation, a deviation by the root of the variance, which is 0.9 of it.
    chi_squared = (1 - TENTH) * math.fsum(deviation**2 for deviation in deviations)
    return Histogram(
        total=total,
        bars=bars,
        by_deviation=by_deviation,
        expected_y=y(expected),
        band_y=y(expected + chance_reaches),
        band_height=round(y(expected - chance_reaches) - y(expected + chance_reaches), 2),
        ticks=tuple(Tick(y(value), words) for value, words in labels),
        standard_deviation=spread,
        chi_squared=chi_squared,
        chance=at_least(chi_squared),
    )


def per_cent(share: float) -> str:
    """Write a probability in whole percent, below UNUSUAL in tenths."""
    if share >= UNUSUAL:
        return f"{share * 100:.0f}{GAP}%"
    return f"{share * 100:.1f}{GAP}%" if share >= UNUSUAL / 10 else f"fewer than 0.1{GAP}%"


def at_least(chi_squared: float) -> float:
    """Return the probability of this chi-squared or more with nine degrees of freedom (Abramowitz & Stegun 26.4.4)."""
    root = math.sqrt(chi_squared)
    terms = root + root**3 / 3 + root**5 / 15 + root**7 / 105
    return math.erfc(root / math.sqrt(2)) + math.sqrt(2 / math.pi) * math.exp(-chi_squared / 2) * terms
