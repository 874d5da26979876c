import random

import gmpy2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calculator.fibonacci import digits, matches, modular, modulo, random_prime
from calculator.fibonacci.modular import residue
from calculator.fibonacci.threads import Threads

LARGEST_PRIME = 2**62 - 57
PRIMES = (2, 3, 5, 7, 10**8 + 7, 2**31 - 1, 2**59 - 55, 2**61 - 1, LARGEST_PRIME)
# Its digits go through the matrix product, and some stay beside it.
INDEX = 5_000
DIGITS = digits(INDEX)
places = st.integers(0, len(DIGITS) - 1)


@pytest.fixture(autouse=True)
def _four_processors(monkeypatch):
    """So many threads run wherever the tests do."""
    monkeypatch.setattr("calculator.fibonacci.threads.available_processors", lambda: 4)


def random_text(length, seed):
    return "".join(random.Random(seed).choices("0123456789", k=length)).encode()


def read(text, prime, count=1):
    with Threads(count) as threads:
        return residue(text, prime, threads)


@given(st.integers(0, 20_000), st.integers(1, 10**40))
def test_the_residue_is_that_of_the_digits(n, m):
    expected = 0
    for digit in digits(n):
        expected = (expected * 10 + digit - ord("0")) % m
    assert modulo(n, m) == expected


def test_last_digits_of_an_index_of_thirty_digits():
    # The last digits repeat every 15·10^(k-1) indices (Pisano).
    assert modulo(15 * 10**30 + 7, 1000) == 13


def test_modulo_one_is_nothing():
    assert [modulo(n, 1) for n in range(4)] == [0, 0, 0, 0]


@pytest.mark.parametrize("wrong", [0, -5, 2.5, "9", None, True])
def test_what_is_not_a_modulus_is_refused(wrong):
    with pytest.raises(ValueError, match="modulus is a whole number from 1"):
        modulo(7, wrong)


def test_the_primes_of_these_tests_are_primes():
    assert all(gmpy2.is_prime(prime) for prime in PRIMES)
    assert gmpy2.next_prime(LARGEST_PRIME) > 2**62


@pytest.mark.parametrize("prime", PRIMES)
def test_texts_of_every_length_leave_the_residue_that_gmp_finds(prime):
    text = random_text(600, prime)
    assert [read(text[:length], prime) for length in range(1, 601)] == [
        gmpy2.mpz(text[:length], 10) % prime for length in range(1, 601)
    ]


@pytest.mark.parametrize("prime", PRIMES)
@pytest.mark.parametrize("length", [1_000, 65_537, 8 * 2**18 - 1, 8 * 2**18, 8 * 2**18 + 1])
def test_the_largest_digits_leave_the_residue_that_gmp_finds(length, prime):
    # Nines make the largest pieces, and from 2¹⁸ pieces on the longest rows: the sums must still be exact.
    assert read(b"9" * length, prime) == (pow(10, length, prime) - 1) % prime


def test_the_sums_are_exact_in_a_text_as_long_as_that_of_a_third_of_a_billion():
    # Rows eight times as long as they are would be too long: their sums would exceed what floating-point numbers hold.
    length = 8 * 2**23
    assert read(b"9" * length, LARGEST_PRIME) == (pow(10, length, LARGEST_PRIME) - 1) % LARGEST_PRIME


@given(st.integers(600, 10**6), st.integers(0, 2**32), st.sampled_from(PRIMES), st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_long_texts_leave_the_residue_that_gmp_finds_from_any_number_of_threads(length, seed, prime, count):
    text = random_text(length, seed)
    with pytest.MonkeyPatch.context() as patch:
        # As for hundreds of millions of digits: many blocks in each thread.
        patch.setattr(modular, "FEW", 1)
        patch.setattr(modular, "BLOCK", 2**11)
        assert read(text, prime, count) == gmpy2.mpz(text, 10) % prime


@given(st.integers(0, 40), st.integers(0, 200))
def test_zeros_in_front_change_nothing(zeros, length):
    text = b"7" + random_text(length, length)
    assert read(b"0" * zeros + text, LARGEST_PRIME) == gmpy2.mpz(text) % LARGEST_PRIME


@given(st.integers(0, 100_000))
def test_right_digits_match(n):
    assert matches(digits(n), n)


@pytest.mark.parametrize("prime", PRIMES)
@pytest.mark.parametrize("n", [0, 1, 2, 10, 100, 1_000, 100_000, 400_000])
def test_right_digits_match_with_any_prime(n, prime):
    assert matches(digits(n), n, prime)


@pytest.mark.parametrize("prime", [None, LARGEST_PRIME, 2**59 - 55])
def test_no_digit_can_be_changed_to_any_other(prime):
    for place, digit in enumerate(DIGITS):
        other = b"0123456789"[(digit - ord("0") + 1 + place % 9) % 10]
        assert not matches(DIGITS[:place] + bytes([other]) + DIGITS[place + 1 :], INDEX, prime)


@given(st.integers(10, 100_000), st.integers(0, 10**9), st.integers(1, 9))
def test_one_wrong_digit_does_not_match(n, place, by):
    text = bytearray(digits(n))
    place %= len(text)
    text[place] = (text[place] - ord("0") + by) % 10 + ord("0")
    assert not matches(bytes(text), n)


@given(places, places)
def test_swapped_digits_do_not_match(one, other):
    text = bytearray(DIGITS)
    text[one], text[other] = text[other], text[one]
    assert matches(bytes(text), INDEX) == (DIGITS[one] == DIGITS[other])


@given(places, places, st.integers(1, 16))
def test_swapped_pieces_do_not_match(one, other, length):
    # Above all not whole rows or pieces of those the check reads at a time.
    one, other = sorted((one, other))
    length = min(length * modular.PIECE, other - one, len(DIGITS) - other)
    text = bytearray(DIGITS)
    text[one : one + length], text[other : other + length] = text[other : other + length], text[one : one + length]
    assert matches(bytes(text), INDEX) == (bytes(text) == DIGITS)


@given(places)
def test_a_missing_or_doubled_digit_does_not_match(place):
    assert not matches(DIGITS[:place] + DIGITS[place + 1 :], INDEX)
    assert not matches(DIGITS[: place + 1] + DIGITS[place:], INDEX)


def test_digits_of_another_index_do_not_match():
    assert not matches(digits(10_001), 10_000)
    assert not matches(digits(10_000)[:-1], 10_000)
    assert not matches(b"", 10_000)


def test_the_prime_that_is_given_is_the_one_that_counts():
    # What differs by a multiple of a prime cannot be told by this prime, but by any other.
    wrong = (gmpy2.mpz(DIGITS) + 3 * LARGEST_PRIME).digits().encode()
    assert matches(wrong, INDEX, LARGEST_PRIME)
    assert not matches(wrong, INDEX, 2**61 - 1)
    assert not matches(wrong, INDEX)


def test_every_prime_is_fresh_and_has_sixty_bits():
    primes = {random_prime() for _ in range(50)}
    assert len(primes) == 50
    assert {prime.bit_length() for prime in primes} <= {60, 61}
    assert all(gmpy2.is_prime(prime) for prime in primes)
