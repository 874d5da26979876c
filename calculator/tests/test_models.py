from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from calculator.models import SeenIndex


@pytest.mark.django_db
def test_the_first_request_makes_the_row():
    row = SeenIndex.objects.record(7)
    assert (row.number, row.times_requested, row.first_requested) == (7, 1, row.last_requested)
    assert str(row) == "7"


@pytest.mark.django_db(transaction=True)
def test_a_further_request_counts_and_moves_the_last_time_only():
    first = SeenIndex.objects.record(7)
    again = SeenIndex.objects.record(7)
    assert again.pk == first.pk
    assert again.times_requested == 2
    assert again.first_requested == first.first_requested
    assert again.last_requested > first.last_requested


@pytest.mark.django_db(transaction=True)
def test_32_threads_with_2000_requests_lose_no_count():
    numbers = [place % 20 for place in range(2000)]

    def record(some):
        try:
            for number in some:
                SeenIndex.objects.record(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(record, [numbers[place::32] for place in range(32)]))
    assert dict(SeenIndex.objects.values_list("number", "times_requested")) == dict.fromkeys(range(20), 100)


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_that_cross_the_later_moment_stays():
    def record_elsewhere():
        try:
            return SeenIndex.objects.record(7)
        finally:
            connection.close()

    with transaction.atomic():
        SeenIndex.objects.exists()  # the transaction's now() is now
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(record_elsewhere).result()
        row = SeenIndex.objects.record(7)
    assert (row.first_requested, row.last_requested, row.times_requested) == (
        other.first_requested,
        other.last_requested,
        2,
    )


@pytest.mark.django_db(transaction=True)
def test_the_newest_request_comes_first():
    for number in (1, 2, 3, 1):
        SeenIndex.objects.record(number)
    assert [row.number for row in SeenIndex.objects.newest_first()] == [1, 3, 2]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"number": -1}, "an_index_is_not_negative"),
        ({"times_requested": 0}, "a_seen_index_was_requested_at_least_once"),
        ({"last_requested": datetime(1999, 1, 1, tzinfo=UTC)}, "the_last_request_is_not_before"),
    ],
)
def test_the_database_refuses_what_cannot_be(change, sentence):
    SeenIndex.objects.record(7)
    with pytest.raises(IntegrityError, match=sentence), transaction.atomic():
        SeenIndex.objects.update(**change)


@pytest.mark.django_db
def test_an_index_is_seen_once():
    row = SeenIndex.objects.record(7)
    row.pk = None
    with pytest.raises(IntegrityError, match="an_index_is_seen_once"), transaction.atomic():
        row.save(force_insert=True)
