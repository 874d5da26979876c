import math
import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from calculator.fibonacci import digits, predict


def test_the_predicted_digits_are_exact():
    assert predict(1_000_000).digits == 208_988


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_larger_index_never_costs_less(a, b):
    less, more = predict(min(a, b)), predict(max(a, b))
    assert less.seconds <= more.seconds
    assert less.bytes <= more.bytes


def test_the_prediction_of_seconds_is_of_the_right_size():
    started = time.perf_counter()
    digits(3_000_000)
    measured = time.perf_counter() - started
    assert predict(3_000_000).seconds / 20 < measured < predict(3_000_000).seconds * 20


def test_the_interpolation_meets_the_measurements_and_goes_on_beyond_them():
    seconds = [predict(10**k).seconds for k in range(12)]
    assert math.isclose(seconds[8], 3.0)
    assert all(less < more for less, more in pairwise(seconds[1:]))


def test_an_absurd_index_costs_infinitely_much_instead_of_failing():
    assert predict(10**400).seconds == math.inf
