import re
from datetime import timedelta

import pytest
from django.utils import timezone
from redis import RedisError

from calculator import tasks, values
from calculator.fibonacci import digits
from calculator.models import SeenIndex
from frontend.tests.reading import refresh, shown_digits, words

pytestmark = pytest.mark.django_db(transaction=True)


def test_everything_known_about_a_value_is_on_its_page(client, worker):
    client.post("/", {"index": "1000"})
    response = client.get("/values/1000")
    value = values.read(1000)
    text = words(response)
    assert shown_digits(response) == [digits(1000).decode()]
    assert "209 digits" in text
    assert value.sha256 in text
    assert value.worker in text
    assert "Asked for once" in text
    assert f"{value.finished_at:%H:%M:%S}" in text
    phases = ("Kept in Postgres, and queued", "Waited for a worker", "Computed and checked", "Compressed and stored")
    assert [text.index(phase) for phase in phases] == sorted(text.index(phase) for phase in phases)
    content = response.content.decode()
    assert 'href="/api/values/1000/digits?download"' in content
    assert 'href="/api/values/1000"' in content


@pytest.mark.parametrize("index", [0, 1, 7, 47_851])
def test_a_value_of_up_to_ten_thousand_digits_is_shown_whole_as_plain_digits(client, stored, index):
    stored(index)
    response = client.get(f"/values/{index}")
    assert shown_digits(response) == [digits(index).decode()]
    assert "From digit" not in words(response)


@pytest.mark.parametrize(
    ("asked", "first", "links"),
    [
        (None, 1, {"next": 1001}),
        ("1", 1, {"next": 1001}),
        ("501", 501, {"prev": 1, "next": 1501}),
        ("2,001", 2001, {"prev": 1001, "next": 3001}),
        ("9002", 9002, {"prev": 8002}),
        ("10001", 10_001, {"prev": 9001}),
    ],
)
def test_a_longer_value_is_shown_a_thousand_digits_at_a_time(client, stored, asked, first, links):
    stored(47_852)
    response = client.get("/values/47852", {"position": asked} if asked else {})
    whole = digits(47_852).decode()
    assert len(whole) == 10_001
    assert shown_digits(response) == [whole[first - 1 : first + 999]]
    last = min(first + 999, 10_001)
    assert f"Digits {first:,} to {last:,} of 10,001" in words(response)
    section = re.search(r'<section id="digits".*?</section>', response.content.decode(), re.DOTALL)[0]
    found = re.findall(r'rel="(\w+)"\s+href="/values/47852\?position=(\d+)"', section)
    expected = links | ({"bookmark": first} if first > 1 else {})
    assert {name: int(position) for name, position in found} == expected
    assert 'href="/values/47852?position=9002"' in section


def test_each_line_of_digits_has_its_position_beside_it_and_not_in_what_is_copied(client, stored):
    stored(47_852)
    content = client.get("/values/47852?position=9990").content.decode()
    assert re.findall(r'data-position="([\d,]+)"', content) == ["9,990"]
    assert "9,990</" not in content.partition('class="digits')[2].partition("</p>")[0]


@pytest.mark.parametrize("asked", ["", "0", "-1", "10002", "abc", "1.5", "9" * 5_000, "10^99999", "\x00"])
def test_a_wrong_position_is_answered_beside_its_field(client, stored, asked):
    stored(47_852)
    response = client.get("/values/47852", {"position": asked})
    assert response.status_code == 200
    assert "A position is a whole number from 1 to 10,001." in words(response)
    assert 'aria-invalid="true" aria-describedby="position-error"' in response.content.decode()
    assert shown_digits(response) == [digits(47_852).decode()[:1000]]


def test_a_window_reads_no_more_than_it_shows(client, stored, monkeypatch):
    stored(47_852)
    read = []
    whole = values.read_digits

    def count(index, start=0, count=None):
        read.append(count)
        return whole(index, start, count)

    monkeypatch.setattr(values, "read_digits", count)
    client.get("/values/47852?position=5000")
    assert read == [1000]


def test_a_small_index_has_the_spiral_and_a_large_one_how_often_each_digit_occurs(client, stored):
    stored(7, 47_852)
    small = words(client.get("/values/7"))
    assert "7 squares, one spiral" in small
    assert "How often each digit occurs" not in small
    large = words(client.get("/values/47852"))
    assert "How often each digit occurs" in large
    assert "spiral" not in large


def test_the_neighbours_of_a_value_are_a_step_away(client, stored):
    stored(0, 1000)
    assert re.findall(r'rel="(prev|next)"\s+href="/values/(\d+)"', client.get("/values/1000").content.decode()) == [
        ("prev", "999"),
        ("next", "1001"),
    ]
    assert re.findall(r'rel="(prev|next)"\s+href="/values/(\d+)"', client.get("/values/0").content.decode()) == [
        ("next", "1")
    ]


def test_the_page_of_a_value_counts_its_requests(client, stored):
    stored(7, 7, 7)
    assert "Asked for 3 times" in words(client.get("/values/7"))


def test_a_value_that_was_asked_for_long_ago_says_when(client, stored):
    stored(7)
    SeenIndex.objects.update(
        first_requested=timezone.now() - timedelta(days=3), last_requested=timezone.now() - timedelta(days=2)
    )
    assert "Last asked for 2 d ago" in words(client.get("/values/7"))


def test_the_page_of_a_value_shows_each_state_before_it_is_done(client, alive, running):
    tasks.request(7)
    text = words(client.get("/values/7"))
    assert "F(7) queued" in text
    assert "A worker will take it as soon as one is free; then it takes under 1 ms." in text
    running(50)
    text = words(client.get("/values/50"))
    assert "F(50) running" in text
    assert "A worker is calculating it, " in text
    assert alive in text


def test_without_redis_a_value_waits(client, redis_away):
    SeenIndex.objects.record(7)
    response = client.get("/values/7")
    assert "F(7) waiting" in words(response)
    assert "It is kept, and will be queued as soon as Redis is back." in words(response)
    assert refresh(response) == "5"


def test_a_failed_value_says_why_on_its_page(client, failed):
    failed(7, "It <b>needs</b> more.")
    response = client.get("/values/7")
    assert "It could not be calculated. It <b>needs</b> more." in words(response)
    assert "<b>" not in response.content.decode()


def test_a_value_that_redis_lost_is_queued_again_by_looking_at_it(client, stored, queued):
    stored(7)
    values.forget([7])
    response = client.get("/values/7")
    assert "F(7) queued" in words(response)
    assert refresh(response) == "1"
    assert queued("quick") == 1


@pytest.mark.parametrize("index", [7, 1000, 100_000])
def test_a_value_that_lost_its_digits_alone_is_queued_again_by_looking_at_it(client, stored, queued, index):
    stored(index)
    values.connection().hdel(f"fib:{index}", "digits:0")
    response = client.get(f"/values/{index}")
    assert " queued " in words(response)
    assert "A worker will take it" in words(response)
    assert refresh(response) == "1"
    assert queued("quick") == 1


def test_a_value_waits_when_redis_goes_away_while_its_digits_are_read(client, stored, monkeypatch):
    def lose_the_connection(*_):
        raise RedisError

    stored(7)
    monkeypatch.setattr(values, "read_digits", lose_the_connection)
    response = client.get("/values/7")
    assert response.status_code == 200
    assert "F(7) waiting" in words(response)


def test_the_page_of_a_value_takes_one_query(client, stored, django_assert_num_queries):
    stored(7)
    with django_assert_num_queries(1):
        client.get("/values/7")


def test_a_value_that_was_never_asked_for_can_be_asked_for(client, queued):
    response = client.get("/values/8")
    assert response.status_code == 404
    assert "F(8) was never asked for" in words(response)
    assert '<input type="hidden" name="index" value="8"' in response.content.decode()
    assert queued("quick") == 0
    assert not SeenIndex.objects.exists()


def test_a_value_that_nobody_may_ask_for_says_so(client):
    response = client.get("/values/999999999999999999")
    assert response.status_code == 404
    assert "Index too high: the limit is 100,000,000." in words(response)
    assert "<form" not in response.content.decode()


def test_an_index_above_a_limit_that_was_lowered_is_a_failure_with_that_reason(client, settings):
    SeenIndex.objects.record(50)
    settings.MAX_INDEX = 40
    response = client.get("/values/50")
    assert "It could not be calculated. Index too high: the limit is now 40." in words(response)
    assert refresh(response) is None
