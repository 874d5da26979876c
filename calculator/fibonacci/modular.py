"""F(n) modulo m without F(n), and the check of computed digits that rests on it."""

import secrets
from collections.abc import Iterable

import gmpy2
import numpy as np
from numpy.typing import NDArray

from calculator.fibonacci.threads import Threads

# So many digits fit an integer of eight bytes.
PIECE = 8
QUARTERS = np.array([0, 16, 32, 48], np.uint64)
JOINTS = tuple(
    tuple(map(np.uint64, joint))
    for joint in ((10, 8, 0x00FF00FF00FF00FF), (100, 16, 0x0000FFFF0000FFFF), (10_000, 32, 0x00000000FFFFFFFF))
)
# So many pieces at once stay in the cache; below so many rows other threads do not pay.
BLOCK = 2**14
FEW = 2**10
# What the check of a digit is worth, in the unit of the convolution's work.
CHECK_WORK = 0.1


def require_index(n: object) -> None:
    """Raise ValueError unless n is an integer of at least 0 (a boolean is not one)."""
    if not isinstance(n, int) or isinstance(n, bool) or n < 0:
        message = f"The index of a Fibonacci number is a whole number from 0 on, not {n!r:.40}."
        raise ValueError(message)


def modulo(n: int, m: int) -> int:
    """
    Return F(n) mod m, in 0 … m - 1.

    n: an integer of any size, at least 0; m: an integer, at least 1; ValueError otherwise.
    Cost: three multiplications modulo m per bit of n. Source: fast doubling,
    F(2k) = F(k)·(2F(k+1) - F(k)) and F(2k+1) = F(k)² + F(k+1)².
    """
    require_index(n)
    require_modulus(m)
    current, following = gmpy2.mpz(0), gmpy2.mpz(1 % m)  # F(k), F(k+1) for k = the bits of n read so far
    for bit in f"{n:b}":
        current, following = current * (2 * following - current) % m, (current**2 + following**2) % m
        if bit == "1":
            current, following = following, (current + following) % m
    return int(current)


def require_modulus(m: object) -> None:
    """Raise ValueError unless m is an integer of at least 1 (a boolean is not one)."""
    if not isinstance(m, int) or isinstance(m, bool) or m < 1:
        message = f"The modulus is a whole number from 1 on, not {m!r:.40}."
        raise ValueError(message)


def matches(digits: bytes, n: int, prime: int | None = None, threads: Threads | None = None) -> bool:
    """
    Tell whether `digits` can be F(n): whether both leave the same residue modulo a prime.

    digits: ASCII. prime: a fresh random one of 60 bits unless given, below 2⁶² if so. threads: who shares the work.
    Right digits always match. Wrong ones whose difference is D match only if the prime divides D; D has at most
    log₂|D|/59 such divisors among 10¹⁶ primes, so that about one wrong F(10⁸) in 10¹⁰ would pass. Independent of
    how the digits were made, and of their way into text.
    """
    prime = prime or random_prime()
    return residue(digits, prime, threads or Threads(1)) == modulo(n, prime)


def residue(digits: bytes, prime: int, threads: Threads) -> int:
    """
    Return the number with these ASCII digits modulo a prime below 2⁶².

    The digits are read eight at a time, as pieces below 10⁸; a row of pieces is multiplied by the powers of 10⁸ modulo
    the prime, and the rows are put together by Horner's rule. The products are exact although they are floating-point:
    27 bits of a piece, 16 of a weight's quarter and 9 for the sum of 512 make 52 of 53.
    """
    count = len(digits) // PIECE
    columns = 1 << min(9, (count.bit_length() + 1) // 2)
    rows = count // columns
    head = len(digits) - rows * columns * PIECE
    powers = [1]
    for _ in range(columns):
        powers.append(powers[-1] * 10**PIECE % prime)
    row_factor = powers.pop()
    weights = (np.array(powers[::-1], np.uint64)[:, None] >> QUARTERS & np.uint64(0xFFFF)).astype(float)
    text = np.frombuffer(digits, "<u8", offset=head).reshape(rows, columns)

    def combined(spans: Iterable[slice]) -> tuple[int, int]:
        """Return what the rows of the spans leave, and by what to multiply what stands above them."""
        total, factor = 0, 1
        for span in spans:
            for a, b, c, d in (pieces(text[span]).astype(float) @ weights).tolist():
                row = int(a) + (int(b) << 16) + (int(c) << 32) + (int(d) << 48)
                total = (total * row_factor + row) % prime
            factor = factor * pow(row_factor, span.stop - span.start, prime) % prime
        return total, factor

    total = int(gmpy2.mpz(digits[:head] or b"0") % prime)
    for _, (part, factor) in threads.spread(
        combined, rows, max(1, BLOCK // columns), CHECK_WORK * len(digits), alone=rows < FEW
    ):
        total = (total * factor + part) % prime
    return total


def pieces(text: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the numbers 0 … 99,999,999 whose eight ASCII digits are the bytes of each integer, in memory order."""
    numbers = text - np.uint64(int.from_bytes(b"0" * PIECE))
    # Neighbours are put together: digits to pairs, pairs to fours, fours to eights, all lanes of an integer at once.
    for factor, bits, mask in JOINTS:
        upper = numbers >> bits
        numbers *= factor
        numbers += upper
        numbers &= mask
    return numbers


def random_prime() -> int:
    """Return a random prime of 60 or 61 bits, from the operating system's randomness."""
    return int(gmpy2.next_prime(2**59 + secrets.randbelow(2**60)))
