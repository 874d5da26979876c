from itertools import accumulate

import gmpy2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from calculator.fibonacci import words
from calculator.fibonacci.threads import Threads
from calculator.fibonacci.words import BASE, BLOCK, WORD, carry, from_text, to_text, unsigned

# What two rounds of carrying leave: half a word, and a tenth of that for what arrives in the last round.
BALANCED = BASE / 2 * 1.1 + 1
# What the convolution hands over is below this.
CARRIED_WHOLE = BASE**3 // 20

runs = st.tuples(st.sampled_from(["0", "9", "5", "49999", "50000", "00001", "99999"]), st.integers(1, 60)).map(
    lambda run: run[0] * run[1]
)
texts = st.builds(
    lambda first, rest: (first + "".join(rest)).encode(),
    st.sampled_from("123456789"),
    st.lists(runs | st.text("0123456789", max_size=30), max_size=8),
)
shapes = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 9))
seeds = st.integers(0, 2**32)


@pytest.fixture(autouse=True)
def _four_processors(monkeypatch):
    """So many threads run wherever the tests do."""
    monkeypatch.setattr("calculator.fibonacci.threads.available_processors", lambda: 4)


def value(digits) -> int:
    """The number that these words stand for, the lowest first."""
    total = 0
    for word in reversed(digits.tolist()):
        total = total * BASE + int(word)
    return total


def written_by_hand(digits) -> bytes:
    """The text of a number of any length: every word below zero borrows from the next one."""
    borrowed = list(accumulate(digits.tolist(), lambda below, word: word - (below < 0)))
    return "".join(f"{int(word) % BASE:05}" for word in reversed(borrowed)).lstrip("0").encode()


def text_of(digits, count: int = 1) -> bytes:
    with Threads(count) as threads:
        return to_text(digits, threads)


@given(texts)
def test_words_are_worth_what_the_digits_are(text):
    assert value(from_text(text)) == gmpy2.mpz(text)


@given(texts)
def test_words_of_a_text_are_balanced_and_one_more_than_its_digits_need(text):
    digits = from_text(text)
    assert len(digits) == -(-len(text) // WORD) + 1
    assert np.abs(digits).max() <= BALANCED


@given(texts, st.integers(1, 70), st.integers(1, 4))
def test_a_text_comes_back_from_its_words_whatever_the_blocks_and_threads(text, block, count):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "BLOCK", block)
        assert text_of(from_text(text), count) == text


# Loans that go through many words, from one block to the next and through whole blocks of zeros.
loaned = st.lists(
    st.tuples(st.sampled_from([0, 0, -1, 1, BASE - 1, 1 - BASE]), st.integers(1, 12))
    | st.tuples(st.integers(1 - BASE, BASE - 1), st.just(1)),
    min_size=1,
    max_size=12,
).map(lambda several: np.array([float(word) for word, times in several for _ in range(times)]))


@given(loaned.filter(np.any), st.integers(1, 9), st.integers(1, 4))
@settings(max_examples=300)
def test_any_words_below_the_base_have_the_text_of_their_value(digits, block, count):
    if value(digits) < 0:
        digits = -digits
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "BLOCK", block)
        assert text_of(digits, count) == gmpy2.mpz(value(digits)).digits().encode()


@pytest.mark.parametrize("exponent", [4, 5, 6, 99, 100, 101, 400, 12_345])
@pytest.mark.parametrize("less", [0, 1])
def test_a_power_of_ten_and_the_number_below_it_come_back(exponent, less):
    text = b"9" * exponent if less else b"1" + b"0" * exponent
    assert text_of(from_text(text)) == text


@pytest.mark.parametrize("edge", [-2, -1, 0, 1, 2])
@pytest.mark.parametrize("zeros", [0, 1, 3])
def test_a_loan_crosses_the_edge_of_a_full_block(edge, zeros):
    # The word at the edge is -1, the zeros above it hand the loan on, and the next word grants it.
    digits = np.random.default_rng(edge + 2).integers(1, BASE // 2, 2 * BLOCK + 7).astype(float)
    digits[BLOCK + edge] = -1
    digits[BLOCK + edge + 1 : BLOCK + edge + 1 + zeros] = 0
    # `is True`, because pytest would look for every difference of long texts.
    assert (text_of(digits) == written_by_hand(digits)) is True


@pytest.mark.parametrize("count", [1, 2, 4])
def test_long_numbers_come_back_from_any_number_of_threads(count):
    digits = np.random.default_rng(count).integers(-BASE // 2, BASE // 2, 8 * BLOCK + 12_345).astype(float)
    digits[-1] = 7
    assert (text_of(digits, count) == written_by_hand(digits)) is True


@given(loaned.filter(np.any), st.integers(0, 30), st.integers(1, 30))
def test_words_of_a_span_are_the_same_digits_as_those_of_the_whole(digits, start, length):
    if value(digits) < 0:
        digits = -digits
    start %= len(digits)
    span = slice(start, min(start + length, len(digits)))
    whole = unsigned(digits, slice(0, len(digits)))
    assert unsigned(digits, span).tolist() == whole[span].tolist()


def numbers_of(rows, stride: int) -> list[int]:
    """The values of the numbers that take turns along each row."""
    return [value(row[lane::stride]) for row in rows.reshape(-1, rows.shape[-1]) for lane in range(stride)]


@given(shapes, seeds, st.sampled_from([10, BASE, BASE**2, CARRIED_WHOLE, 2**52]), st.booleans())
def test_carrying_keeps_the_value_of_every_number_exactly(shape, seed, limit, with_scratch):
    numbers, rows, stride, length = shape
    before = np.random.default_rng(seed).integers(-limit, limit, (numbers, rows, stride * length)).astype(float)
    after = before.copy()
    top = carry(after, np.empty((2, *after.shape)) if with_scratch else None, stride)
    assert top.shape == (numbers, rows, stride)
    carried = zip(numbers_of(after, stride), top.reshape(-1).tolist(), strict=True)
    assert [low + int(high) * BASE**length for low, high in carried] == numbers_of(before, stride)


@given(
    arrays.arrays(
        float,
        st.integers(1, 60),
        elements=st.integers(1 - CARRIED_WHOLE, CARRIED_WHOLE - 1).map(float)
        | st.sampled_from([0.0, BASE / 2, -BASE / 2, BASE / 2 + 1, float(BASE), 1.0 - CARRIED_WHOLE]),
    )
)
def test_carrying_brings_what_a_product_can_be_into_balance(digits):
    carry(digits)
    assert np.abs(digits).max() <= BALANCED
    assert (digits == np.rint(digits)).all()


@given(shapes, seeds)
def test_scratch_memory_changes_nothing_whatever_it_holds(shape, seed):
    numbers, rows, stride, length = shape
    random = np.random.default_rng(seed)
    plain = random.integers(-CARRIED_WHOLE, CARRIED_WHOLE, (numbers, rows, stride * length)).astype(float)
    scratched = plain.copy()
    top = carry(plain, None, stride)
    assert np.array_equal(top, carry(scratched, np.full((2, *plain.shape), np.nan), stride))
    assert np.array_equal(plain, scratched)


def test_one_row_carries_nothing_into_the_next():
    digits = np.array([[0.0, 3.0 * BASE], [1.0, 2.0]])
    assert carry(digits).tolist() == [[3], [0]]
    assert digits.tolist() == [[0, 0], [1, 2]]
