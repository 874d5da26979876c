from datetime import timedelta

import pytest
from django.utils import timezone

from frontend.templatetags.quantities import about, ago, duration, grouped, memory, tens


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_a_whole_number_has_commas():
    assert grouped(13) == "13"
    assert grouped(6_269_629) == "6,269,629"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (87_800_000, "87.8 MB"),
        (4_200_000_000, "4.2 GB"),
        (10**30, "1.0 QB"),
        (10**34, "10,000.0 QB"),
    ],
)
def test_memory_has_the_unit_that_suits_it(count, words):
    assert plain(memory(count)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 µs"),
        (0.000_000_1, "0.1 µs"),
        (0.000_02, "20 µs"),
        (0.000_999_4, "999 µs"),
        (0.000_999_6, "1.00 ms"),
        (0.009_99, "9.99 ms"),
        (0.009_996, "10 ms"),
        (0.171, "171 ms"),
        (0.999_4, "999 ms"),
        (0.999_6, "1.00 s"),
        (2.949, "2.95 s"),
        (59.99, "59.99 s"),
        (59.996, "1 min 0 s"),
        (250, "4 min 10 s"),
        (3_600_000, "60,000 min 0 s"),
    ],
)
def test_a_duration_has_the_unit_that_suits_it(seconds, words):
    assert plain(duration(seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.000_001, "under 1 ms"),
        (0.003_4, "about 3 ms"),
        (0.28, "about 300 ms"),
        (0.949, "about 900 ms"),
        (0.95, "about 1 s"),
        (89.4, "about 89 s"),
        (90, "about 2 min"),
        (7_200, "about 120 min"),
    ],
)
def test_predicted_seconds_have_no_more_figures_than_such_a_number_has(seconds, words):
    assert plain(about(seconds)) == words


def test_an_unknown_duration_is_nothing():
    assert duration(None) == ""


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(0), "just now"),
        (timedelta(seconds=59.5), "just now"),
        (timedelta(seconds=119.5), "1 min ago"),
        (timedelta(minutes=119), "1 h ago"),
        (timedelta(hours=47), "1 d ago"),
        (timedelta(days=1_234, hours=1), "1,234 d ago"),
    ],
)
def test_a_moment_was_some_time_ago_in_one_unit(past, words):
    assert plain(ago(timezone.now() - past)) == words


def test_digits_are_cut_into_tens_without_losing_one():
    assert list(tens("")) == []
    assert list(tens("0123456789")) == ["0123456789"]
    assert list(tens("0123456789012")) == ["0123456789", "012"]
