"""What an index will cost before it is computed."""

import math
from bisect import bisect_right
from dataclasses import dataclass

from calculator.fibonacci.decimal_digits import FFT_FROM, FFT_TO, digit_count
from calculator.fibonacci.doubling import memory

# Index and seconds of one thread on a 2024 server (AMD EPYC, Zen 4), checked digits, medians; above FFT_TO it is GMP's.
MEASURED_SECONDS = (
    (1, 0.000_001),
    (1_000, 0.000_002),
    (10_000, 0.000_012),
    (100_000, 0.000_35),
    (300_000, 0.001_4),
    (1_000_000, 0.003_2),
    (10_000_000, 0.026),
    (100_000_000, 0.28),
    (FFT_TO, 4.2),
)
GMP_SECONDS = ((FFT_TO, 56.0), (2 * FFT_TO, 120.0))
# GMP's text, its copy while it is handed over, and the working space of the conversion.
GMP_BYTES_PER_DIGIT = 4
BYTES_AT_LEAST = 3_000_000
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
    measurements (on another machine it is off by that machine's ratio); `bytes` is the peak during the computation,
    within 15 % from 10⁶ to 10⁹ with two threads (benchmarks/memory.py).
    """
    count = digit_count(n)
    needed = memory(n) if FFT_FROM <= n <= FFT_TO else BYTES_AT_LEAST + GMP_BYTES_PER_DIGIT * count
    return Cost(digits=count, seconds=seconds(n), bytes=needed)


def seconds(n: int) -> float:
    """Interpolate linearly in log n and log seconds; beyond the last measurement the last slope goes on."""
    index = max(n, 1)
    measured = MEASURED_SECONDS if n <= FFT_TO else GMP_SECONDS
    right = min(max(bisect_right(measured, (index, math.inf)), 1), len(measured) - 1)
    (low, low_seconds), (high, high_seconds) = measured[right - 1 : right + 1]
    slope = math.log(high_seconds / low_seconds) / math.log(high / low)
    # A huge index can exceed what a float holds: then the cost is simply infinite.
    exponent = math.log(low_seconds) + slope * (math.log(index) - math.log(low))
    return math.exp(exponent) if exponent < LARGEST_EXPONENT else math.inf
