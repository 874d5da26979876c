"""What htmx asks for: parts of a page in place of the whole."""

import re

import pytest

from calculator import tasks, values
from calculator.models import SeenIndex
from frontend.tests.test_lists import round_trips

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true"}


def plain(response):
    text = re.sub(r"<[^>]*>", "", response.content.decode())
    return re.sub(r"\s+", " ", text).strip()


def test_a_value_that_is_asked_for_in_place_comes_without_the_rest_of_the_page(client, worker):
    response = client.post("/", {"index": "7"}, headers=HTMX)
    assert response.status_code == 200
    assert response["HX-Push-Url"] == "/?asked=7"
    content = response.content.decode()
    assert "<html" not in content
    assert "F(7) = 13 2 digits" in plain(response)
    assert re.search(r'<div id="latest"[^>]*hx-swap-oob="true"', content)
    assert "For index 7 I calculated 13" in plain(response)
    assert "F(7) is calculated: 2 digits" in plain(response)
    # The form is ready for the next one.
    assert 'name="index"' in content
    assert 'name="csrfmiddlewaretoken"' in content


def test_a_value_that_takes_long_is_not_waited_for_and_looks_again_by_itself(client):
    response = client.post("/", {"index": "90000000"}, headers=HTMX)
    assert "F(90,000,000) is queued" in plain(response)
    part = re.search(r'<section id="asked".*?>', response.content.decode(), re.DOTALL)[0]
    assert 'hx-get="/values/90000000/answer"' in part
    assert re.search(r'data-look-after="\d+"', part)


def test_a_wrong_index_comes_back_as_the_form_alone(client):
    response = client.post("/", {"index": "abc"}, headers=HTMX)
    assert response.status_code == 400
    assert "“abc” is not a whole number" in plain(response)
    assert "<html" not in response.content.decode()
    assert 'value="abc"' in response.content.decode()
    assert "HX-Push-Url" not in response
    assert client.post("/", {"index": "9" * 20}, headers=HTMX).status_code == 422


def test_the_form_of_another_page_gets_the_whole_page(client, worker):
    response = client.post("/", {"index": "7"}, headers={**HTMX, "HX-Boosted": "true"}, follow=True)
    assert response.redirect_chain == [("/?asked=7#asked", 303)]
    assert "<html" in response.content.decode()


def test_an_answer_looks_again_until_it_is_final_and_then_brings_the_lists_and_says_so(client, running, alive):
    running(7)
    values.advance(7, 0.5, task="task")
    response = client.get("/values/7/answer")
    assert "50 % done" in plain(response).replace("\N{NO-BREAK SPACE}", " ")
    assert "data-look-after" in response.content.decode()
    assert 'id="latest"' not in response.content.decode()
    values.store(7, b"13", 0.001)
    response = client.get("/values/7/answer")
    assert re.findall(r'id="(\w+)"[^>]*data-look-after', response.content.decode()) == ["latest"]
    assert "For index 7 I calculated 13" in plain(response)
    assert re.search(r'<p id="announcement" hx-swap-oob="innerHTML">\s*F\(7\) is calculated', response.content.decode())


def test_a_failed_answer_says_why_and_looks_no_more(client, failed):
    failed(7)
    response = client.get("/values/7/answer")
    assert "It needs more memory than the worker has." in plain(response)
    assert "F(7) could not be calculated" in plain(response)
    assert 'hx-get="/values/7/answer"' not in response.content.decode()


def test_an_answer_about_an_index_nobody_asked_for_is_unknown(client, queued):
    assert client.get("/values/8/answer").status_code == 404
    assert queued("quick") == 0


@pytest.mark.parametrize("path", ["/latest", "/otherpage/now"])
def test_what_all_pages_look_at_may_be_kept_for_a_second_and_is_asked_for_by_its_tag(client, stored, path, eventually):
    stored(7)
    response = client.get(path)
    assert response.status_code == 200
    assert set(response["Cache-Control"].split(", ")) == {"public", "max-age=1"}
    assert "Cookie" not in response.get("Vary", "")
    assert not response.cookies
    assert "csrf" not in response.content.decode()

    def unchanged():
        etag = client.get(path)["ETag"]
        again = client.get(path, headers={"If-None-Match": etag})
        return (again.status_code, again.content) == (304, b"") and etag

    # What it shows may change in between: a second passes, and tests beside this one fill the same Redis.
    etag = eventually(unchanged)
    stored(8)
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_the_lists_follow_quickly_only_while_something_is_pending(client, stored):
    stored(7)
    assert 'data-look-after="5000"' in client.get("/latest").content.decode()
    tasks.request(50)
    assert 'data-look-after="1000"' in client.get("/latest").content.decode()


def test_older_pages_of_the_lists_stay_as_they_are(client, stored):
    stored(*range(25))
    assert "data-look-after" not in client.get("/?page=2").content.decode()


def test_the_lists_alone_take_one_query_and_one_round_trip(client, stored, django_assert_num_queries):
    stored(*range(25))
    with django_assert_num_queries(1):
        assert round_trips(lambda: client.get("/latest")) == 1


@pytest.mark.parametrize("index", [7, 1_000_000, 90_000_000])
def test_the_sooner_a_value_is_expected_the_sooner_it_is_looked_at(client, index):
    tasks.request(index)
    response = client.get(f"/values/{index}")
    (milliseconds,) = re.findall(r'id="value"[^>]*data-look-after="(\d+)"', response.content.decode())
    assert 150 <= int(milliseconds) <= 2000


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("7", "F(7) has 2 digits. It takes under 1 ms and 3.0 MB of memory, and comes as 2 bytes of text."),
        ("1e6", "F(1,000,000) has 208,988 digits. It takes about 3 ms and"),
        ("1,000,000", "F(1,000,000) has 208,988 digits."),
        ("abc", "“abc” is not a whole number: write it in digits alone."),
        ("200000000", "Index too high: the limit is 100,000,000."),
        ("", ""),
        ("<b>", "“&lt;b&gt;” is not a whole number"),
    ],
)
def test_what_is_typed_is_read_and_its_cost_told_before_it_is_sent(client, queued, typed, words):
    response = client.get("/cost", {"index": typed})
    assert response.status_code == 200
    assert plain(response).replace("\N{NO-BREAK SPACE}", " ").startswith(words)
    assert bool(plain(response)) == bool(words)
    assert not SeenIndex.objects.exists()


def test_no_page_may_load_anything_from_elsewhere_or_run_what_stands_in_it(client):
    for path in ("/", "/otherpage", "/api/docs", "/nothing/here"):
        policy = dict(part.split(" ", 1) for part in client.get(path)["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == policy["form-action"] == policy["base-uri"] == "'self'"
        assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
        assert "unsafe" not in str(policy)
