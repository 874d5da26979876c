import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculator.indices import IndexTooHighError, NotAnIndexError, parse_index


@pytest.mark.parametrize(
    ("given_as", "index"),
    [(0, 0), (7, 7), (100_000_000, 100_000_000), ("0", 0), ("7", 7), ("007", 7), (" \t\r\n7\n", 7), ("0" * 30, 0)],
)
def test_a_whole_number_is_an_index_as_it_is_or_as_text(given_as, index):
    assert parse_index(given_as) == index


@pytest.mark.parametrize("space", ["\u00a0", "\u2003", "\x0b", "\x0c", "\x1c", "\x00", "\ufeff", "\u200b"])
def test_only_plain_white_space_is_ignored(space):
    for text in (f"{space}7", f"7{space}"):
        with pytest.raises(NotAnIndexError, match="not a whole number"):
            parse_index(text)


@pytest.mark.parametrize(
    ("given_as", "says"),
    [
        (None, "missing"),
        ("", "empty"),
        (" ", "empty"),
        (True, "not true or false"),
        (7.0, "without a fraction"),
        (float("nan"), "without a fraction"),
        (float("inf"), "without a fraction"),
        (b"7", "one whole number"),
        ([7], "one whole number"),
        ({"index": 7}, "one whole number"),
        (-1, "not negative"),
        ("-1", "not negative"),
        ("- 1", "“- 1” is not a whole number"),
        ("+7", "“\\+7” is not a whole number"),
        ("7 7", "“7 7” is not a whole number"),
        ("x" * 31, "“x{30}…” is not a whole number"),
        (10**30, "more than 30 digits"),
        ("1" + "0" * 30, "more than 30 digits"),
        ("9" * 1_000_000, "more than 30 digits"),
    ],
)
def test_what_is_no_index_is_refused_in_words(given_as, says):
    with pytest.raises(NotAnIndexError, match=says):
        parse_index(given_as)


def test_an_integer_that_python_does_not_print_is_refused_in_words():
    with pytest.raises(NotAnIndexError, match="more than 30 digits"):
        parse_index(10**5000)
    with pytest.raises(NotAnIndexError, match="not negative"):
        parse_index(-(10**5000))


@pytest.mark.parametrize("given_as", [100_000_001, "100000001", 10**30 - 1, "9" * 30])
def test_an_index_above_the_limit_is_too_high(given_as):
    with pytest.raises(IndexTooHighError, match=r"^Index too high$") as caught:
        parse_index(given_as)
    assert caught.value.index == int(given_as)
    assert caught.value.limit == 100_000_000


def test_the_limit_itself_is_not_too_high(settings):
    settings.MAX_INDEX = 40
    assert parse_index("40") == 40
    with pytest.raises(IndexTooHighError):
        parse_index("41")


@given(st.text() | st.integers() | st.floats() | st.binary() | st.none() | st.booleans() | st.lists(st.integers()))
def test_anything_is_an_index_or_refused(anything):
    try:
        index = parse_index(anything)
    except (NotAnIndexError, IndexTooHighError):
        return
    assert type(index) is int
    assert 0 <= index <= 100_000_000
    assert int(anything) == index


@given(st.integers(0, 100_000_000))
def test_every_index_survives_being_written_and_read(index):
    assert parse_index(index) == parse_index(str(index)) == parse_index(f" {index}\n") == index
