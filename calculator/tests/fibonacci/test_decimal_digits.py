import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculator.fibonacci import digit_count, digits

indices = st.integers(0, 20_000)


def value(n: int) -> int:
    """F(n) as a number, through the digits, in pieces that Python's limit on long texts allows."""
    result = 0
    text = digits(n)
    for start in range(0, len(text), 4000):
        piece = text[start : start + 4000]
        result = result * 10 ** len(piece) + int(piece)
    return result


def test_the_first_2000_values_agree_with_plain_addition():
    current, following = 0, 1
    for n in range(2001):
        assert digits(n) == str(current).encode()
        current, following = following, current + following


@pytest.mark.parametrize(("n", "expected"), [(0, b"0"), (1, b"1"), (2, b"1"), (7, b"13"), (50, b"12586269025")])
def test_well_known_values(n, expected):
    assert digits(n) == expected


def test_a_million_has_the_published_digits():
    text = digits(1_000_000)
    assert len(text) == 208_988
    assert text.startswith(b"19532821287077577316")
    assert text.endswith(b"68996526838242546875")


@given(indices)
def test_every_value_is_the_sum_of_the_two_before_it(n):
    assert value(n + 2) == value(n + 1) + value(n)


@given(indices)
def test_doubling_the_index(n):
    assert value(2 * n) == value(n) * (2 * value(n + 1) - value(n))


@given(st.integers(1, 20_000), indices)
def test_adding_two_indices(m, n):
    assert value(m + n) == value(m) * value(n + 1) + value(m - 1) * value(n)


@given(indices, indices)
def test_the_greatest_common_divisor_is_that_of_the_indices(m, n):
    assert math.gcd(value(m), value(n)) == value(math.gcd(m, n))


@given(st.integers(0, 200_000))
def test_the_digit_count_is_the_length_of_the_digits(n):
    assert digit_count(n) == len(digits(n))


def test_the_digit_count_is_right_at_every_change_of_length():
    lengths = [len(digits(n)) for n in range(5000)]
    assert [digit_count(n) for n in range(5000)] == lengths
    assert all(after - before in (0, 1) for before, after in pairwise(lengths))


@pytest.mark.parametrize(("n", "count"), [(10**8, 20_898_764), (10**9, 208_987_640), (10**10, 2_089_876_403)])
def test_the_digit_count_of_published_values(n, count):
    assert digit_count(n) == count


def test_the_digit_count_of_an_index_that_nobody_can_compute():
    # log₁₀φ = 0.208987640249978733769272089237555416822…; log₁₀√5 = 0.349…; the count is ⌊…237.555 - 0.349⌋ + 1.
    assert str(digit_count(10**30)) == "208987640249978733769272089238"


@pytest.mark.parametrize("wrong", [-1, -(10**30), 1.0, "7", None, True])
@pytest.mark.parametrize("function", [digits, digit_count])
def test_what_is_not_an_index_is_refused(function, wrong):
    with pytest.raises(ValueError, match="whole number from 0"):
        function(wrong)
