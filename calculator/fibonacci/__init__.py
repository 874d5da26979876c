"""Exact Fibonacci numbers and their decimal digits: pure arithmetic, no Django and no Redis."""

import os

# The only matrix product in here is too small to share: without this, numpy starts threads for it in every process.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from calculator.fibonacci.cost import Cost, predict
from calculator.fibonacci.decimal_digits import WrongDigitsError, digit_count, digits
from calculator.fibonacci.frequencies import digit_frequencies
from calculator.fibonacci.modular import matches, modulo, random_prime

__all__ = [
    "Cost",
    "WrongDigitsError",
    "digit_count",
    "digit_frequencies",
    "digits",
    "matches",
    "modulo",
    "predict",
    "random_prime",
]
