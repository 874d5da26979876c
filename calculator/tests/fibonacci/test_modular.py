import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculator.fibonacci import digits, matches, modulo, random_prime


@given(st.integers(0, 20_000), st.integers(1, 10**40))
def test_the_residue_is_that_of_the_digits(n, m):
    residue = 0
    for digit in digits(n):
        residue = (residue * 10 + digit - ord("0")) % m
    assert modulo(n, m) == residue


def test_last_digits_of_an_index_of_thirty_digits():
    # The last digits repeat every 15·10^(k-1) indices (Pisano).
    assert modulo(15 * 10**30 + 7, 1000) == 13


def test_modulo_one_is_nothing():
    assert [modulo(n, 1) for n in range(4)] == [0, 0, 0, 0]


@pytest.mark.parametrize("wrong", [0, -5, 2.5, "9", None, True])
def test_what_is_not_a_modulus_is_refused(wrong):
    with pytest.raises(ValueError, match="modulus is a whole number from 1"):
        modulo(7, wrong)


@given(st.integers(0, 100_000))
def test_right_digits_match(n):
    assert matches(digits(n), n)


@given(st.integers(10, 100_000), st.integers(0, 10**9), st.integers(1, 9))
def test_one_wrong_digit_does_not_match(n, place, by):
    text = bytearray(digits(n))
    place %= len(text)
    text[place] = (text[place] - ord("0") + by) % 10 + ord("0")
    assert not matches(bytes(text), n)


def test_digits_of_another_index_do_not_match():
    assert not matches(digits(10_001), 10_000)
    assert not matches(digits(10_000)[:-1], 10_000)
    assert not matches(b"", 10_000)


def test_every_prime_is_fresh_and_has_sixty_bits():
    primes = {random_prime() for _ in range(50)}
    assert len(primes) == 50
    assert {prime.bit_length() for prime in primes} <= {60, 61}
