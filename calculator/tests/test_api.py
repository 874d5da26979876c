import base64
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.urls import resolve
from rest_framework.test import APIClient

from calculator import tasks, values
from calculator.fibonacci import digits
from calculator.models import SeenIndex

pytestmark = pytest.mark.django_db(transaction=True)

FIELDS = {
    "index", "state", "value", "digits", "head", "tail", "sha256", "reason", "seconds", "worker", "received_at",
    "queued_at", "started_at", "finished_at", "check_prime", "first_requested_at", "last_requested_at", "times_requested", "links", "progress",
}  # fmt: skip


# --- asking for a value


@pytest.mark.parametrize("index", [7, "7", " 7 ", "\t7\r\n", "007"])
def test_an_index_is_a_number_or_its_digits_as_text_with_white_space_around(api, queued, index):
    response = api.post("/api/values", {"index": index})
    assert response.status_code == 202
    assert response["Location"] == "/api/values/7"
    assert response["Retry-After"] == "1"
    body = response.json()
    assert body.keys() == {*FIELDS, "working"}
    assert (body["index"], body["state"], body["value"], body["working"]) == (7, "queued", None, True)
    assert queued("quick") == 1
    assert [seen.number for seen in SeenIndex.objects.all()] == [7]


def test_a_form_is_as_good_as_json(api, queued):
    response = api.post("/api/values", "index=+7", content_type="application/x-www-form-urlencoded")
    assert response.status_code == 202
    assert response.json()["index"] == 7
    assert queued("quick") == 1


def test_json_may_carry_a_charset_and_a_byte_order_mark(api):
    body = '\ufeff{"index": 7}'.encode()
    assert api.post("/api/values", body, content_type="application/json; charset=UTF-8").status_code == 202


@pytest.mark.parametrize("index", [0, 100_000_000])
def test_the_first_and_the_highest_index_are_taken(api, queued, index):
    assert api.post("/api/values", {"index": index}).status_code == 202
    assert queued("quick") + queued("heavy") == 1


def test_a_known_value_is_answered_at_once_and_not_queued(api, stored, queued):
    stored(7)
    response = api.post("/api/values", {"index": 7})
    assert response.status_code == 200
    assert "Retry-After" not in response
    assert response.json()["value"] == "13"
    assert response.json()["working"] is True
    assert queued("quick") == 0


def test_every_request_counts_and_one_is_queued(api, queued):
    times = [api.post("/api/values", {"index": 7}).json()["times_requested"] for _ in range(5)]
    assert times == [1, 2, 3, 4, 5]
    assert api.get("/api/values/7").json()["times_requested"] == 5
    assert queued("quick") == 1


def test_an_index_posted_thirty_times_at_once_is_queued_once(queued):
    def post(_):
        try:
            return APIClient().post("/api/values", {"index": 7}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(30) as pool:
        assert set(pool.map(post, range(30))) == {202}
    assert queued("quick") == 1
    assert SeenIndex.objects.get().times_requested == 30


def test_a_refused_request_changes_nothing_for_a_known_index(api, stored):
    stored(7)
    api.post("/api/values", {"index": "7x"})
    assert SeenIndex.objects.get().times_requested == 1


# --- waiting for it


@pytest.mark.parametrize(
    "prefer", ["wait=10", "respond-async, WAIT = 10", 'foo="a, wait=0";bar, wait="10"', "wait=60;x=y"]
)
def test_a_preferred_wait_ends_with_the_value(api, worker, prefer):
    response = api.post("/api/values", {"index": 1000}, headers={"prefer": prefer})
    assert response.status_code == 200
    assert response["Preference-Applied"] == "wait=10"
    assert response.json()["value"] == digits(1000).decode()
    assert len(response.json()["value"]) == 209


@pytest.mark.parametrize("wait", ["0.2", "0.20", '"0.2"'])
def test_a_wait_without_a_worker_ends_after_its_seconds(api, wait):
    began = time.monotonic()
    response = api.post("/api/values", {"index": 7}, headers={"prefer": f"wait={wait}"})
    assert 0.2 <= time.monotonic() - began < 10
    assert (response.status_code, response.json()["state"]) == (202, "queued")
    assert response["Preference-Applied"] == "wait=0.2"


@pytest.mark.parametrize(
    "prefer",
    [
        "wait",
        "wait=",
        "wait=x",
        "wait=-1",
        "wait=1e9",
        "wait=5s",
        "wait=٥",
        "wait=inf",
        "wait=nan",
        "wait=0",
        "await=5",
        "handling=lenient;wait=5",
        "wait=, wait=5",
        'x="wait=5',
        ",;=,",
        "wait=99999999999999999999",
    ],
)
def test_a_wait_that_cannot_be_read_is_ignored(api, prefer):
    began = time.monotonic()
    response = api.post("/api/values", {"index": 7}, headers={"prefer": prefer})
    # Nobody computes it here: a wait would have lasted to its end.
    assert time.monotonic() - began < 5
    assert response.status_code == 202
    assert "Preference-Applied" not in response


def test_nobody_waits_longer_than_the_longest_wait(api, monkeypatch):
    monkeypatch.setattr("calculator.api.LONGEST_WAIT_SECONDS", 1)
    began = time.monotonic()
    response = api.post("/api/values", {"index": 7}, headers={"prefer": "wait=3600"})
    assert 1 <= time.monotonic() - began < 60
    assert response["Preference-Applied"] == "wait=1"


def test_reading_a_value_can_wait_too(api, worker):
    api.post("/api/values", {"index": 100_000})
    response = api.get("/api/values/100000", headers={"prefer": "wait=10"})
    assert (response.status_code, response.json()["state"]) == (200, "done")


# --- one value


def test_an_index_is_unknown_then_queued_then_done(api, worker, eventually):
    assert api.get("/api/values/7").status_code == 404
    # Until the worker gives its next sign of life, what it runs counts as lost.
    eventually(lambda: values.connection().keys("worker:*"))
    api.post("/api/values", {"index": 7})
    assert api.get("/api/values/7").status_code in {200, 202}
    eventually(lambda: api.get("/api/values/7").status_code == 200)
    body = api.get("/api/values/7").json()
    assert body.keys() == FIELDS
    assert {name: body[name] for name in ("index", "state", "value", "digits", "head", "tail", "times_requested")} == {
        "index": 7, "state": "done", "value": "13", "digits": 2, "head": "13", "tail": "13", "times_requested": 1,
    }  # fmt: skip
    assert body["sha256"] == "3fdba35f04dc8c462986c992bcf875546257113072a909c162f7e470e581e278"
    assert 0 <= body["seconds"] < 10
    assert "@" in body["worker"]
    moments = [datetime.fromisoformat(body[f"{event}_at"]) for event in ("received", "queued", "started", "finished")]
    assert moments == sorted(moments)
    assert all(moment.utcoffset() == timedelta(0) for moment in moments)
    assert body["first_requested_at"] == body["last_requested_at"]
    assert body["reason"] is None
    assert body["check_prime"] is None
    assert body["links"] == {
        "self": "http://testserver/api/values/7",
        "digits": "http://testserver/api/values/7/digits",
        "page": "http://testserver/values/7",
    }
    assert api.get(body["links"]["self"]).json() == body
    assert api.get(body["links"]["digits"]).getvalue() == b"13"
    assert resolve("/values/7").kwargs == {"index": 7}


def test_an_unknown_index_says_how_to_ask_for_it(api, queued):
    for path in ("/api/values/7", "/api/values/7/digits", "/api/values/999999999999999999"):
        response = api.get(path)
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"
        assert response["Cache-Control"] == "no-store"
        assert "was never asked for: POST its index to /api/values first." in response.json()["detail"]
    assert queued("quick") == queued("heavy") == 0


def test_a_prime_is_text_because_javascript_would_round_it(api):
    values.store(7, b"13", 0.001, check_prime=2**60 + 33)
    tasks.request(7)
    assert api.get("/api/values/7").json()["check_prime"] == "1152921504606847009"


def test_a_queued_value_is_accepted_and_not_there_yet(api):
    tasks.request(7)
    response = api.get("/api/values/7")
    assert response.status_code == 202
    assert response["Retry-After"] == "1"
    assert response["Cache-Control"] == "no-store"
    body = response.json()
    assert body["state"] == "queued"
    assert body["queued_at"]
    assert {body[name] for name in ("value", "digits", "head", "tail", "sha256", "seconds", "finished_at")} == {None}


@pytest.mark.parametrize(
    ("index", "count"), [(0, 1), (1, 1), (93, 20), (187, 39), (192, 40), (383, 80), (385, 81), (47_851, 10_000)]
)
def test_a_value_of_up_to_ten_thousand_digits_is_whole(api, stored, index, count):
    stored(index)
    body = api.get(f"/api/values/{index}").json()
    assert body["value"] == digits(index).decode()
    assert body["digits"] == len(body["value"]) == count


def test_a_longer_value_is_behind_its_link(api, stored):
    stored(47_852)
    response = api.get("/api/values/47852")
    body = response.json()
    assert response.status_code == 200
    assert (body["state"], body["digits"], body["value"]) == ("done", 10_001, None)
    decimal = digits(47_852)
    assert (body["head"], body["tail"]) == (decimal[:40].decode(), decimal[-40:].decode())
    assert api.get(body["links"]["digits"]).getvalue() == decimal


def test_a_failed_value_is_final_and_says_why(api, queued):
    SeenIndex.objects.record(7)
    values.fail(7, "It needs more memory than the worker has.", task="t")
    for response in (api.get("/api/values/7"), api.post("/api/values", {"index": 7})):
        assert response.status_code == 200
        assert "Retry-After" not in response
        body = response.json()
        assert (body["state"], body["value"], body["digits"]) == ("failed", None, None)
        assert body["reason"] == "It needs more memory than the worker has."
    assert queued("quick") == 0


def test_a_value_that_redis_lost_is_queued_again_by_looking_at_it(api, stored, queued):
    stored(7)
    values.forget([7])
    response = api.get("/api/values/7")
    assert (response.status_code, response.json()["state"]) == (202, "queued")
    assert queued("quick") == 1


def test_a_value_that_lost_its_digits_alone_is_queued_again_by_looking_at_it(api, stored, queued):
    stored(1000)
    values.connection().hdel("fib:1000", "digits:0")
    response = api.get("/api/values/1000")
    assert (response.status_code, response.json()["state"]) == (202, "queued")
    assert queued("quick") == 1


def test_an_index_above_a_limit_that_was_lowered_is_a_failure_with_that_reason(api, settings):
    tasks.request(50)
    values.forget([50])
    settings.MAX_INDEX = 40
    response = api.get("/api/values/50")
    assert (response.status_code, response.json()["state"]) == (200, "failed")
    assert "the limit is now 40" in response.json()["reason"]


# --- all of them


def test_the_list_is_newest_first_in_pages_with_one_query_each(api, stored, django_assert_num_queries):
    stored(*range(25), 3)
    with django_assert_num_queries(1):
        page = api.get("/api/values").json()
    assert [entry["index"] for entry in page["results"]] == [3, *range(24, 5, -1)]
    assert page["previous"] is None
    assert page["results"][0].keys() == FIELDS - {"value"}
    assert (page["results"][1]["head"], page["results"][1]["state"]) == ("46368", "done")
    with django_assert_num_queries(1):
        rest = api.get(page["next"]).json()
    assert [entry["index"] for entry in rest["results"]] == [5, 4, 2, 1, 0]
    assert rest["next"] is None
    assert api.get(rest["previous"]).json()["results"] == page["results"]


def test_a_new_index_does_not_shift_the_next_page(api, stored):
    stored(1, 2, 3, 4)
    page = api.get("/api/values?size=2").json()
    stored(5)
    assert [entry["index"] for entry in api.get(page["next"]).json()["results"]] == [2, 1]


def test_indices_of_the_same_moment_are_all_listed(api):
    now = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    SeenIndex.objects.bulk_create(
        SeenIndex(number=number, first_requested=now, last_requested=now) for number in range(10)
    )
    found, link = [], "/api/values?size=3"
    while link:
        page = api.get(link).json()
        found += [entry["index"] for entry in page["results"]]
        link = page["next"]
    assert found == list(range(9, -1, -1))


@pytest.mark.parametrize(
    ("size", "length"),
    [("3", 3), ("100", 100), ("101", 100), ("9" * 30, 100), ("0", 20), ("-1", 20), ("x", 20), ("", 20)],
)
def test_a_page_has_at_most_a_hundred_entries(api, stored, size, length):
    stored(*range(101))
    assert len(api.get("/api/values", {"size": size}).json()["results"]) == length


def test_an_empty_list_is_an_empty_page(api):
    assert api.get("/api/values").json() == {"next": None, "previous": None, "results": []}


def cursor(**tokens):
    return base64.b64encode(urlencode(tokens).encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "ö",
        "A" * 5_001,
        base64.b64encode(b"\xff").decode(),
        cursor(o="x"),
        cursor(o=-1),
        cursor(r="x"),
        cursor(r="9" * 5_000),
        cursor(p="x"),
        cursor(p=""),
        cursor(p="\0"),
        cursor(p="7"),
        cursor(p="2026-13-01"),
        cursor(p="2026-01-01 00:00:00+99:00"),
        cursor(p="9999-12-31 23:59:59-23:59"),
        cursor(p="0001-01-01 00:00:00+23:59"),
        cursor(p="99999-01-01 00:00:00+00:00"),
        cursor(p="'; DROP TABLE calculator_seenindex; --"),
    ],
)
def test_a_cursor_that_was_not_given_out_is_a_problem(api, text):
    response = api.get("/api/values", {"cursor": text})
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["detail"] == "Invalid cursor"


@pytest.mark.parametrize(
    "text",
    ["", cursor(o="9" * 30), cursor(p="2026-01-01"), cursor(p="2026-01-01T00:00:00+23:00", r=1), cursor(o=1000, r=1)],
)
def test_a_cursor_that_can_be_read_is_harmless(api, stored, text):
    stored(7)
    assert api.get("/api/values", {"cursor": text}).status_code == 200


def test_lost_values_on_a_page_are_queued_again(api, stored, queued):
    stored(1, 2, 3)
    values.forget([1, 3])
    states = {entry["index"]: entry["state"] for entry in api.get("/api/values").json()["results"]}
    assert states == {1: "queued", 2: "done", 3: "queued"}
    assert queued("quick") == 2


# --- the rest of HTTP


def test_the_entry_point_leads_everywhere(api):
    links = api.get("/api").json()
    assert links.keys() == {"values", "all", "current", "schema", "docs"}
    for link in links.values():
        assert link.startswith("http://testserver/api/")
        assert api.get(link).status_code == 200


@pytest.mark.parametrize("path", ["/api", "/api/values", "/api/values/7", "/api/values/all", "/api/values/current"])
def test_head_is_get_without_a_body(api, stored, path):
    stored(7)
    same = {"X-Request-ID": "0" * 32}
    get, head = api.get(path, headers=same), api.head(path, headers=same)
    assert head.status_code == get.status_code == 200
    assert head.content == b""
    assert head.headers == get.headers


@pytest.mark.parametrize("path", ["/api", "/api/values", "/api/values/7", "/api/values/7/digits", "/api/values/all"])
def test_options_name_the_methods(api, path):
    response = api.options(path)
    assert response.status_code == 200
    assert "GET" in response["Allow"]


def test_nobody_needs_a_token_and_a_session_changes_nothing(admin_client):
    admin_client.handler.enforce_csrf_checks = True
    response = admin_client.post("/api/values", '{"index": 7}', content_type="application/json")
    assert response.status_code == 202
    assert not response.cookies


def test_an_acknowledged_index_is_committed_before_it_is_queued(api, worker, eventually):
    for index in range(20):
        assert api.post("/api/values", {"index": index}).status_code in {200, 202}
    eventually(lambda: all(entry["state"] == "done" for entry in api.get("/api/values").json()["results"]))
    assert set(SeenIndex.objects.values_list("number", flat=True)) == set(range(20))
