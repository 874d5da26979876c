import re

import pytest

from calculator import tasks, values
from calculator.models import SeenIndex
from frontend.tests.reading import field, words

pytestmark = pytest.mark.django_db(transaction=True)


def test_without_any_index_the_lists_are_empty(client):
    assert "Indices I have seen None yet. 7 is a good start. Calculated values None yet." in words(client.get("/"))


def test_the_form_has_a_label_and_says_the_limit(client, settings):
    settings.MAX_INDEX = 1234
    response = client.get("/")
    assert '<label for="id_index">Your index:</label>' in response.content.decode()
    assert "A whole number from 0 to 1,234; 1e6, 10^6 and 1,000,000 will do as well." in words(response)
    assert 'aria-describedby="id_index_helptext"' in field(response)


def test_the_indices_are_newest_first_with_their_requests_and_their_page(client, stored):
    stored(7, 50, 1000, 7)
    seen = re.search(r'<ul class="seen">.*?</ul>', client.get("/").content.decode(), re.DOTALL)[0]
    assert re.findall(r'href="/values/(\d+)"', seen) == ["7", "1000", "50"]
    assert re.findall(r"[\d,]+ times", seen) == ["2 times"]


def test_a_long_value_shows_its_ends_its_digits_and_its_time(client, stored):
    stored(100_000)
    assert "For index 100,000 I calculated 25974069347221724166…49895374653428746875 20,899 digits 1.00 ms" in words(
        client.get("/")
    )


def test_the_lists_show_each_state(client, running, failed):
    tasks.request(1)
    running(2)
    failed(3)
    text = words(client.get("/"))
    assert "For index 1 there is nothing yet queued" in text
    assert "For index 2 there is nothing yet running" in text
    assert "For index 3 there is no value. It needs more memory than the worker has. failed" in text


def test_without_redis_the_indices_are_listed_as_waiting(client, redis_away):
    SeenIndex.objects.record(7)
    assert "For index 7 there is nothing yet waiting" in words(client.get("/"))


def test_older_indices_are_on_the_next_page(client, stored):
    stored(*range(45))
    pages = [client.get(f"/?page={number}") for number in (1, 2, 3)]
    listed = [[row.value.index for row in page.context["page"].rows] for page in pages]
    assert listed == [[*range(44, 24, -1)], [*range(24, 4, -1)], [*range(4, -1, -1)]]
    links = [re.findall(r'<a rel="(\w+)"\s+href="([^"]*)"', page.content.decode()) for page in pages]
    assert links == [
        [("next", "/?page=2")],
        [("prev", "/?page=1"), ("next", "/?page=3")],
        [("prev", "/?page=2")],
    ]
    assert "Page 2" in words(pages[1])


@pytest.mark.parametrize("number", ["0", "-1", "abc", "", "1.5", "9" * 5_000, "\x00", "１"])
def test_what_is_no_page_number_is_the_first_page(client, stored, number):
    stored(*range(21))
    response = client.get("/", {"page": number})
    assert response.status_code == 200
    assert len(response.context["page"].rows) == 20


@pytest.mark.parametrize("number", ["3", "999", "9" * 30])
def test_beyond_the_oldest_index_there_is_a_page_that_says_so(client, stored, number):
    stored(*range(21))
    response = client.get("/", {"page": number})
    assert response.status_code == 200
    assert "There are none this old." in words(response)
    assert 'rel="next"' not in response.content.decode()


@pytest.mark.parametrize(("path", "queries"), [("/", 1), ("/?page=2", 1), ("/?asked=7", 2), ("/?asked=abc", 1)])
def test_the_lists_take_one_query_and_the_answer_one_more(client, stored, django_assert_num_queries, path, queries):
    stored(*range(30))
    with django_assert_num_queries(queries):
        client.get(path)


def test_the_lists_take_one_round_trip_to_redis(client, stored):
    stored(*range(25))
    commands = round_trips(lambda: client.get("/?asked=7"))
    assert commands == 1


def round_trips(action):
    """How many times this process waits for an answer of the values' Redis."""
    sent = 0
    pool = values.connection().connection_pool
    link = pool.get_connection()
    pool.release(link)
    send = link.send_packed_command

    def count(*arguments, **options):
        nonlocal sent
        sent += 1
        return send(*arguments, **options)

    link.send_packed_command = count
    try:
        action()
    finally:
        del link.send_packed_command
    return sent
