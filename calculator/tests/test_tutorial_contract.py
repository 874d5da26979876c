"""
What a client of the multi-container Fibonacci tutorials finds here.

Such a client posts {"index": "7"} and looks for `working`, lists the numbers under /api/values/all, and shows the values
under /api/values/current by index.
"""

import pytest

from calculator import values
from calculator.fibonacci import digits
from calculator.models import SeenIndex

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def submit(api):
    return lambda index: api.post("/api/values", {"index": index})


def test_a_submitted_index_is_working(submit):
    response = submit("7")
    assert 200 <= response.status_code < 300
    assert response.json()["working"] is True


def test_a_submitted_index_appears_in_both_lists(api, submit, worker, eventually):
    submit("7")
    assert api.get("/api/values/all").json() == [{"number": 7}]
    assert api.get("/api/values/current").json() in ({"7": "Nothing yet!"}, {"7": "13"})
    eventually(lambda: api.get("/api/values/current").json() == {"7": "13"})


def test_before_anything_is_submitted_both_lists_are_empty(api):
    assert api.get("/api/values/all").json() == []
    assert api.get("/api/values/current").json() == {}


def test_a_value_that_is_not_there_says_nothing_yet(api, submit):
    values.store(7, b"13", 0.001)
    submit("7")
    submit("50")
    assert api.get("/api/values/current").json() == {"7": "13", "50": "Nothing yet!"}


def test_a_failed_value_says_nothing_yet(api):
    SeenIndex.objects.record(7)
    values.fail(7, "It broke.", task="t")
    assert api.get("/api/values/current").json() == {"7": "Nothing yet!"}


def test_the_numbers_are_oldest_first_and_once_each(api, submit):
    for index in ("9", "3", "7", "3"):
        submit(index)
    assert api.get("/api/values/all").json() == [{"number": 9}, {"number": 7}, {"number": 3}]
    assert list(api.get("/api/values/current").json()) == ["9", "7", "3"]


def test_the_newest_thousand_are_listed_with_one_query(api, submit, django_assert_num_queries):
    for index in range(1001):
        SeenIndex.objects.record(index)
    values.store(1, b"1", 0.001)
    with django_assert_num_queries(1):
        numbers = [entry["number"] for entry in api.get("/api/values/all").json()]
    assert numbers == list(range(1, 1001))
    with django_assert_num_queries(1):
        current = api.get("/api/values/current").json()
    assert list(current) == [str(number) for number in numbers]
    assert (current["1"], current["1000"]) == ("1", "Nothing yet!")


@pytest.mark.parametrize(
    ("index", "shown"),
    [
        (0, "0"),
        (90, "2880067194370816120"),
        (383, digits(383).decode()),
        (1000, "43466557686937456435…76137795166849228875"),
    ],
)
def test_a_value_is_text_and_a_long_one_shows_its_ends(api, submit, index, shown):
    values.store(index, digits(index), 0.001)
    submit(str(index))
    assert api.get("/api/values/current").json() == {str(index): shown}


def test_too_high_an_index_is_refused_with_those_words(api, submit):
    response = submit("100000001")
    assert response.status_code == 422
    assert response.json()["detail"] == "Index too high"
    assert api.get("/api/values/all").json() == []


@pytest.mark.parametrize("path", ["/api/values/", "/api/values/all/", "/api/values/current/", "/api/values/7/digits/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_trailing_slash_is_another_address_and_never_a_redirect(api, method, path):
    response = getattr(api, method)(path, {"index": "7"})
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert not SeenIndex.objects.exists()


def test_the_lists_do_without_redis(api, redis_away):
    SeenIndex.objects.record(7)
    assert api.get("/api/values/all").json() == [{"number": 7}]
    assert api.get("/api/values/current").json() == {"7": "Nothing yet!"}
