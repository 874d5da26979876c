import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculator.fibonacci import digit_frequencies, digits
from calculator.fibonacci.frequencies import COLUMNS, ROWS


def counted_one_by_one(text: bytes) -> list[int]:
    return [text.count(digit) for digit in b"0123456789"]


@given(st.text("0123456789").map(str.encode))
def test_short_digits_are_counted(text):
    assert digit_frequencies(text) == counted_one_by_one(text)


@pytest.mark.parametrize("size", [COLUMNS - 1, COLUMNS, COLUMNS + 1, ROWS * COLUMNS, ROWS * COLUMNS + 1, 3_000_000])
def test_digits_of_any_size_are_counted(size):
    text = digits(15_000_000)[:size]
    assert len(text) == size
    assert digit_frequencies(text) == counted_one_by_one(text)


@pytest.mark.parametrize("digit", range(10))
def test_no_column_overflows(digit):
    size = ROWS * COLUMNS + COLUMNS + 1
    frequencies = digit_frequencies(b"%d" % digit * size)
    assert frequencies.pop(digit) == size
    assert not any(frequencies)


def test_a_window_is_counted_without_being_copied():
    assert digit_frequencies(memoryview(b"90210")[1:4]) == [1, 1, 1, *[0] * 7]
