"""What an index will cost before it is computed."""

import math
from bisect import bisect_right
from dataclasses import dataclass

from calculator.fibonacci.decimal_digits import digit_count

# Index and seconds on one core of a 2024 server (AMD EPYC, Zen 4): digits and their check, medians.
MEASURED_SECONDS = (
    (1, 0.000_02),
    (1_000, 0.000_1),
    (10_000, 0.000_15),
    (100_000, 0.000_7),
    (1_000_000, 0.010),
    (10_000_000, 0.175),
    (100_000_000, 3.0),
    (1_000_000_000, 52.0),
)
# The text, its copy while it is handed over, and GMP's working space during the conversion.
TENTHS_OF_A_BYTE_PER_DIGIT = 42
BYTES_AT_LEAST = 2**20
LARGEST_EXPONENT = 700


@dataclass(frozen=True, slots=True)
class Cost:
    """What F(n) costs: its decimal digits, seconds of one core, and bytes of memory above the interpreter's."""

    digits: int
    seconds: float
    bytes: int


def predict(n: int) -> Cost:
    """
    Predict the cost of computing F(n).

    n: an integer of at least 0; ValueError otherwise. `digits` is exact; `seconds` is interpolated between
    measurements (on another machine it is off by that machine's ratio); `bytes` is the peak during the computation.
    """
    count = digit_count(n)
    return Cost(digits=count, seconds=seconds(n), bytes=BYTES_AT_LEAST + count * TENTHS_OF_A_BYTE_PER_DIGIT // 10)


def seconds(n: int) -> float:
    """Interpolate linearly in log n and log seconds; beyond the last measurement the last slope goes on."""
    index = max(n, 1)
    right = min(max(bisect_right(MEASURED_SECONDS, (index, math.inf)), 1), len(MEASURED_SECONDS) - 1)
    (low, low_seconds), (high, high_seconds) = MEASURED_SECONDS[right - 1 : right + 1]
    slope = math.log(high_seconds / low_seconds) / math.log(high / low)
    # A huge index can exceed what a float holds: then the cost is simply infinite.
    exponent = math.log(low_seconds) + slope * (math.log(index) - math.log(low))
    return math.exp(exponent) if exponent < LARGEST_EXPONENT else math.inf
