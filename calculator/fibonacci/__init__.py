"""Exact Fibonacci numbers and their decimal digits: pure arithmetic, no Django and no Redis."""

from calculator.fibonacci.cost import Cost, predict
from calculator.fibonacci.decimal_digits import WrongDigitsError, digit_count, digits
from calculator.fibonacci.modular import matches, modulo, random_prime

__all__ = ["Cost", "WrongDigitsError", "digit_count", "digits", "matches", "modulo", "predict", "random_prime"]
