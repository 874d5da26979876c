import re
import time

import pytest
from django.test import Client

from calculator import tasks, values
from calculator.models import SeenIndex
from frontend import views
from frontend.tests.reading import refresh, words

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_value_is_there_when_the_page_comes_back(client, worker):
    response = client.post("/", {"index": "7"}, follow=True)
    assert response.redirect_chain == [("/?asked=7#asked", 303)]
    assert "F(7) = 13 2 digits" in words(response)
    assert "For index 7 I calculated 13 2 digits" in words(response)
    assert "<title>F(7) = 13 · " in response.content.decode()
    assert refresh(response) is None


def test_an_index_asked_for_is_kept_and_queued_once(client, queued):
    for _ in range(2):
        assert client.post("/", {"index": " 7"}).status_code == 303
    assert SeenIndex.objects.get().times_requested == 2
    assert queued("quick") == 1


def test_reloading_the_answer_asks_for_nothing(client, stored, queued):
    stored(7)
    for _ in range(2):
        client.get("/?asked=7")
    assert SeenIndex.objects.get().times_requested == 1
    assert queued("quick") == 0


def test_a_post_waits_a_moment_and_the_page_that_follows_does_not(client, monkeypatch):
    monkeypatch.setattr(views, "WAIT_SECONDS", 1)
    began = time.monotonic()
    there = client.post("/", {"index": "7"}).url
    assert time.monotonic() - began >= 1
    monkeypatch.setattr(views, "WAIT_SECONDS", 10)
    began = time.monotonic()
    client.get(there)
    assert time.monotonic() - began < 10


def test_a_known_value_is_not_waited_for(client, stored, monkeypatch):
    monkeypatch.setattr(views, "WAIT_SECONDS", 10)
    stored(7)
    began = time.monotonic()
    client.post("/", {"index": "7"})
    assert time.monotonic() - began < 10


def test_without_redis_the_index_is_kept_and_the_page_says_so(client, redis_away):
    response = client.post("/", {"index": "7"}, follow=True)
    assert SeenIndex.objects.get().number == 7
    assert "F(7) is waiting It is kept, and will be queued as soon as Redis is back." in words(response)
    assert refresh(response) == "5; url=/?asked=7"
    redis_away()
    tasks.backlog.thread.join(20)
    assert values.read(7).state == "queued"


def test_a_form_without_its_token_is_refused_by_a_page_of_ours():
    response = Client(enforce_csrf_checks=True).post("/", {"index": "7"})
    assert response.status_code == 403
    assert "The form could not be trusted" in words(response)
    assert not SeenIndex.objects.exists()


def test_a_form_with_its_token_is_taken(worker):
    browser = Client(enforce_csrf_checks=True)
    for path in ("/", "/values/8"):
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(path).content.decode())[1]
        assert browser.post("/", {"index": "8", "csrfmiddlewaretoken": token}).status_code == 303
        values.forget([8])
        SeenIndex.objects.all().delete()


def test_a_page_about_an_unfinished_value_looks_again_until_it_is_done(client):
    tasks.request(7)
    assert refresh(client.get("/?asked=7")) == "1; url=/?asked=7"
    assert refresh(client.get("/values/7")) == "1"
    values.store(7, b"13", 0.001)
    assert refresh(client.get("/?asked=7")) is None
    assert refresh(client.get("/values/7")) is None


def test_a_page_about_a_running_value_looks_again(client, running):
    running(7)
    response = client.get("/?asked=7")
    assert refresh(response) == "1; url=/?asked=7"
    assert re.search(
        "F\\(7\\) is running A worker is calculating it, under 1.ms to go. This page looks again every second.",
        words(response),
    )


def test_a_page_about_a_running_value_shows_how_far_it_is(client, running):
    running(7)
    values.advance(7, 0.629, task="task")
    for page in ("/?asked=7", "/values/7"):
        response = client.get(page)
        assert "A worker is calculating it: 62 % done, " in words(response).replace("\N{NO-BREAK SPACE}", " ")
        assert '<progress value="0.629"' in response.content.decode()


def test_a_value_that_takes_long_is_looked_at_more_rarely(client, running):
    running(7)
    values.connection().hset("fib:7", "started_at", time.time() - 60)
    response = client.get("/values/7")
    assert refresh(response) == "5"
    assert "This page looks again every 5 seconds." in words(response)


def test_a_failed_value_is_not_looked_at_again(client, failed):
    failed(7)
    for path in ("/?asked=7", "/values/7"):
        response = client.get(path)
        assert refresh(response) is None
        assert "It needs more memory than the worker has." in words(response)


def test_what_others_wait_for_reloads_nobody_who_is_typing(client):
    tasks.request(7)
    assert refresh(client.get("/")) is None
    assert refresh(client.post("/", {"index": "abc"})) is None


def test_an_unfinished_answer_can_be_left_alone(client):
    tasks.request(7)
    assert '<a href="/">Stop looking</a>' in client.get("/?asked=7").content.decode()


@pytest.mark.parametrize("asked", ["8", "abc", "", "-1", "1e3", "\x00", "9" * 40, "100000001"])
def test_a_link_asks_for_nothing(client, stored, queued, asked):
    stored(7)
    response = client.get("/", {"asked": asked})
    assert response.status_code == 200
    assert response.context["answer"] is None
    assert 'class="error"' not in response.content.decode()
    assert queued("quick") == queued("heavy") == 0
    assert values.read(8) is None


def test_the_answer_is_there_when_others_asked_for_more_since(client, stored):
    stored(*range(30))
    response = client.get("/?asked=3")
    assert "F(3) = 2 1 digit calculated" in words(response)
