"""F(n) as decimal text, and how long that text is."""

import logging
from collections.abc import Callable
from decimal import ROUND_FLOOR, Context, Decimal
from functools import lru_cache

from gmpy2 import fib

from calculator.fibonacci.doubling import fast_doubling, work
from calculator.fibonacci.modular import matches, random_prime, require_index
from calculator.fibonacci.threads import Threads

logger = logging.getLogger(__name__)

# Below, GMP is faster; above, no rounding error was ever measured.
FFT_FROM = 300_000
FFT_TO = 2**30

# Below this index the closed form is not needed: GMP answers in a microsecond.
SMALL_INDEX = 100


def digits(
    n: int,
    progress: Callable[[float], None] | None = None,
    on_failed_check: Callable[[], None] | None = None,
    on_checked: Callable[[int], None] | None = None,
    threads: int | None = None,
) -> bytes:
    """
    Return F(n) in decimal, as ASCII digits without sign or leading zeros; F(0) is b"0".

    n: an integer, at least 0; ValueError otherwise. progress: called with the fraction done, 0 … 1, in the calling
    thread, many times for a large n; what it raises ends the work. threads: as many as there are processors unless
    given. For cost and memory see `predict`.

    From FFT_FROM to FFT_TO: fast doubling on decimal words. The text is checked modulo a random prime before it is
    returned, and on_checked is called with the prime; should that fail, on_failed_check is called and GMP computes it
    anew; WrongDigitsError if even that is wrong. Elsewhere: GMP's fast doubling and its conversion, unchecked.
    """
    if n.__class__ is int and 0 <= n < FFT_FROM:  # GMP takes under a microsecond for the smallest: no further call
        return fib(n).digits().encode()  # type: ignore[no-any-return]
    require_index(n)
    if n > FFT_TO or n < FFT_FROM:
        return by_gmp(n)
    prime = random_prime()
    with Threads(threads, work(n), progress) as crew:
        text = fast_doubling(n, crew)
        right = matches(text, n, prime, crew)
        if right:
            crew.finish()
    if not right:
        logger.error("The digits of F(%d) failed their check; GMP computes them anew", n)
        if on_failed_check:
            on_failed_check()
        text, prime = by_gmp(n), random_prime()
        if not matches(text, n, prime):
            raise WrongDigitsError(n)
    if on_checked:
        on_checked(prime)
    return text


class WrongDigitsError(ArithmeticError):
    """Even GMP's digits failed the check modulo a prime: the machine computes wrongly."""


def by_gmp(n: int) -> bytes:
    decimal: str = fib(n).digits()
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
