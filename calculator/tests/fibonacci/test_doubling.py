import random

import gmpy2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calculator.fibonacci.convolution import Grid, Pair
from calculator.fibonacci.decimal_digits import FFT_FROM, FFT_TO
from calculator.fibonacci.doubling import (
    DIGITS_PER_INDEX,
    FIRST_BITS,
    fast_doubling,
    grids_for,
    word_count,
    words_of,
    work,
)
from calculator.fibonacci.modular import CHECK_WORK
from calculator.fibonacci.threads import Threads
from calculator.fibonacci.words import WORD, from_text

LEAST = 2**FIRST_BITS
# Up to here GMP can be asked for many indices.
MOST = 10**7


@pytest.fixture(autouse=True)
def _four_processors(monkeypatch):
    """So many threads run wherever the tests do."""
    monkeypatch.setattr("calculator.fibonacci.threads.available_processors", lambda: 4)


def last_grid(n):
    return grids_for(n)[-1]


def shape(n):
    return last_grid(n).rows, last_grid(n).columns


def changes(key, low=LEAST, high=MOST):
    """Every index above low, up to high, whose key is another than that of the index before it, if keys never return."""
    if key(low) == key(high):
        return []
    if high - low == 1:
        return [high]
    middle = (low + high) // 2
    return changes(key, low, middle) + changes(key, middle, high)


def wrong(*indices, counts=(1, 2)):
    """Which of these indices get other digits than GMP's from which number of threads."""
    found = []
    for n in indices:
        expected = gmpy2.fib(n).digits().encode()
        for count in counts:
            with Threads(count) as threads:
                if fast_doubling(n, threads) != expected:
                    found.append((n, count))
    return found


@given(st.integers(LEAST, 600_000))
@settings(deadline=None)
def test_any_index_has_the_digits_that_gmp_finds(n):
    assert wrong(n) == []


@pytest.mark.parametrize("digits_of_index", [6, 7])
def test_indices_of_every_size_have_the_digits_that_gmp_finds(digits_of_index):
    chosen = random.Random(digits_of_index).sample(range(10 ** (digits_of_index - 1), 10**digits_of_index), 10)
    assert wrong(*chosen) == []


@pytest.mark.parametrize("n", [MOST - 1, MOST, 9_876_543])
def test_large_indices_have_the_digits_that_gmp_finds_from_any_number_of_threads(n):
    assert wrong(n, counts=(1, 2, 3, 4)) == []


def test_the_index_from_which_it_is_used_has_the_digits_that_gmp_finds():
    assert wrong(*range(FFT_FROM - 2, FFT_FROM + 3)) == []


def test_the_least_indices_have_the_digits_that_gmp_finds():
    assert wrong(*range(LEAST, LEAST + 50)) == []


@pytest.mark.parametrize("exponent", range(FIRST_BITS + 1, 24))
def test_indices_around_powers_of_two_have_the_digits_that_gmp_finds(exponent):
    # A power of two doubles even numbers only, and the number below it odd ones only.
    assert wrong(2**exponent - 1, 2**exponent, 2**exponent + 1) == []


@pytest.mark.parametrize("change", changes(lambda n: last_grid(n).rows))
def test_digits_are_right_where_the_grid_gets_more_rows(change):
    assert last_grid(change - 1).rows < last_grid(change).rows
    assert wrong(change - 1, change, change + 1) == []


@pytest.mark.parametrize("change", changes(shape)[::14])
def test_digits_are_right_where_the_grid_gets_more_columns(change):
    assert shape(change - 1) != shape(change)
    assert wrong(change - 1, change) == []


@given(st.integers(LEAST, FFT_TO))
def test_each_doubling_has_a_grid_for_the_number_it_makes(n):
    grids = grids_for(n)
    assert n >> len(grids) < LEAST <= n >> (len(grids) - 1)
    for left, grid in enumerate(reversed(grids)):
        # Twice as many words as points hold the number of index n >> left, and one word for the balance.
        assert 2 * grid.points * WORD > (n >> left) * DIGITS_PER_INDEX + WORD


@given(st.integers(1, 2**40))
def test_the_words_hold_the_digits_and_one_word_more(n):
    assert word_count(n) * WORD >= n * DIGITS_PER_INDEX + WORD


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("n", [LEAST, 1_000_000, 7_000_000])
def test_the_work_that_is_counted_is_the_work_that_was_expected(n, count):
    with Threads(count) as threads:
        fast_doubling(n, threads)
    assert threads.done + WORD * CHECK_WORK * word_count(n) == pytest.approx(work(n))


def test_above_the_number_there_are_zeros():
    with Threads(2) as threads:
        words = words_of(7_654_321, threads)
    assert words[word_count(7_654_321) - 2 : word_count(7_654_321)].any()
    assert not words[word_count(7_654_321) :].any()


def errors(n):
    """The largest rounding error of each doubling on the way to F(n)."""
    grids = grids_for(n)
    pair = Pair.with_room_for(max(grid.points for grid in grids))
    for row, number in enumerate(gmpy2.fib2(n >> len(grids))):
        words = from_text(number.digits().encode())
        pair.numbers[row, : len(words)] = words
    largest = []
    with Threads() as threads:
        for left, grid in zip(reversed(range(len(grids))), grids, strict=True):
            observed = []
            pair.double(grid, threads, odd=bool(n >> left & 1), last=not left, observe=observed.append)
            largest.append(max(observed))
    return largest


# Measured by hand: 0.047 for 10⁹, and 0.035 for 2³⁰.
@pytest.mark.parametrize(("n", "limit"), [(10**6, 0.005), (10**7, 0.02), (10**8, 0.1), (2**26 - 1, 0.1)])
def test_the_rounding_errors_of_fibonacci_numbers_stay_below_a_tenth(n, limit):
    largest = errors(n)
    assert len(largest) == n.bit_length() - FIRST_BITS
    assert all(0 < error < limit for error in largest)


def test_the_grid_of_a_billion_has_the_points_that_its_margin_was_measured_with():
    assert last_grid(10**9) == Grid(1024, 20_412)
