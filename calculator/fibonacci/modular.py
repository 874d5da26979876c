"""F(n) modulo m without F(n), and the check of computed digits that rests on it."""

import secrets

import gmpy2

from calculator.fibonacci.decimal_digits import require_index

# GMP converts pieces of this many digits fastest for their length: 10⁸ digits take 0.4 s.
PIECE = 3000


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


def matches(digits: bytes, n: int, prime: int | None = None) -> bool:
    """
    Tell whether `digits` can be F(n): whether both leave the same residue modulo a prime.

    prime: a fresh random one of 60 bits unless given. Right digits always match. Wrong ones whose difference is D match
    only if the prime divides D; D has at most log₂|D|/60 such divisors among 10¹⁶ primes, so at F(10⁸) about one
    wrong value in 10¹⁰ would pass. Independent of how the digits were made. Cost: about 3 % of making them by GMP.
    """
    prime = prime or random_prime()
    first = len(digits) % PIECE
    shift = pow(10, PIECE, prime)
    residue = int(gmpy2.mpz(digits[:first] or b"0") % prime)
    for start in range(first, len(digits), PIECE):
        residue = (residue * shift + int(gmpy2.mpz(digits[start : start + PIECE]) % prime)) % prime
    return residue == modulo(n, prime)


def random_prime() -> int:
    """Return a random prime of 60 or 61 bits, from the operating system's randomness."""
    return int(gmpy2.next_prime(2**59 + secrets.randbelow(2**60)))
