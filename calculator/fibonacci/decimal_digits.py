"""F(n) as decimal text, and how long that text is."""

from decimal import ROUND_FLOOR, Context, Decimal
from functools import lru_cache

import gmpy2

# Below this index the closed form is not needed: GMP answers in a microsecond.
SMALL_INDEX = 100


def digits(n: int) -> bytes:
    """
    Return F(n) in decimal, as ASCII digits without sign or leading zeros; F(0) is b"0".

    n: an integer, at least 0; ValueError otherwise. For cost and memory see `predict`.
    Source: GMP's mpz_fib_ui (fast doubling) and its subquadratic conversion to decimal.
    """
    require_index(n)
    decimal: str = gmpy2.fib(n).digits()
    return decimal.encode("ascii")


def digit_count(n: int) -> int:
    """
    Return the number of decimal digits of F(n), exactly, without computing F(n).

    n: an integer of any size, at least 0; ValueError otherwise. Microseconds for indices of ordinary size.
    Source: F(n) is φⁿ/√5 rounded, and no F(n) above 1 is a power of ten (Carmichael's theorem leaves only
    n ≤ 12 to look at), so the count is ⌊n·log₁₀φ − log₁₀√5⌋ + 1; the precision grows until rounding cannot matter.
    """
    require_index(n)
    if n < SMALL_INDEX:
        return len(digits(n))
    precision = 2 * (n.bit_length() // 3 + 20)
    while True:
        context = Context(prec=precision)
        log_phi, log_root_five = logarithms(precision)
        exponent = context.subtract(context.multiply(Decimal(n), log_phi), log_root_five)
        whole = exponent.to_integral_value(ROUND_FLOOR)
        fraction = context.subtract(exponent, whole)
        # The error of n·log₁₀φ is about n·10^-precision, far below the margin; a count is only given outside it,
        # so a loop that ends is right. It ends because φⁿ/√5 is never a power of ten.
        margin = Decimal(10) ** -15
        if margin < fraction < 1 - margin:
            return int(whole) + 1
        precision *= 2


@lru_cache(maxsize=32)
def logarithms(precision: int) -> tuple[Decimal, Decimal]:
    """Return log₁₀φ and log₁₀√5 to `precision` significant digits."""
    context = Context(prec=precision + 5)
    root_five = context.sqrt(Decimal(5))
    phi = context.divide(context.add(Decimal(1), root_five), Decimal(2))
    return context.log10(phi), context.log10(root_five)


def require_index(n: object) -> None:
    """Raise ValueError unless n is an integer of at least 0 (a boolean is not one)."""
    if not isinstance(n, int) or isinstance(n, bool) or n < 0:
        message = f"The index of a Fibonacci number is a whole number from 0 on, not {n!r:.40}."
        raise ValueError(message)
