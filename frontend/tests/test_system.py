import http.server
import re
import socket
import threading

import pytest
from django.db import OperationalError
from redis import RedisError

from calculator import tasks, values
from calculator.models import SeenIndex
from frontend import system
from frontend.tests.reading import words

pytestmark = pytest.mark.django_db(transaction=True)


def test_before_any_index_the_picture_says_that_there_is_none(client):
    text = words(client.get("/otherpage"))
    assert "No index has been asked for yet." in text
    assert "0 indices kept" in text
    assert "No value has a time yet." in text


def test_every_part_has_its_telling_number(client, stored, alive):
    stored(7, 50, 7)
    tasks.request(8)
    tasks.request(60_000_000)
    text = words(client.get("/otherpage"))
    assert "4 indices have been asked for 5 times so far. The newest is 60,000,000, just now." in text
    assert "5 requests taken" in text
    assert "4 indices kept" in text
    assert "Celery workers idle" in text
    assert "2 waiting: 1 quick, 1 heavy" in text
    assert re.search(r"\d alive", text)
    assert alive in text
    assert re.search(r"\d+ keys, [\d.]+ [kM]B", text)


def test_a_worker_is_shown_with_what_it_computes_and_how_far_it_is(client, running, alive):
    running(60_000_000)
    values.advance(60_000_000, 0.25, task="task")
    response = client.get("/otherpage")
    assert "Celery workers computing" in words(response)
    content = response.content.decode()
    worker = content.partition(alive)[2].partition("</ul>")[0]
    assert 'href="/values/60000000"' in worker
    assert 'value="0.25"' in worker


def test_what_is_under_way_is_drawn_and_looked_at_more_often(client, running):
    idle = client.get("/otherpage/now").content.decode()
    assert 'data-look-after="5000"' in idle
    assert 'class="arrow to-web"' in idle
    running(7)
    busy = client.get("/otherpage/now").content.decode()
    assert 'data-look-after="1000"' in busy
    assert 'class="arrow to-web busy"' in busy


def test_the_values_that_were_computed_are_points_of_the_plot(client, stored):
    stored(7, 1000, 100_000)
    content = client.get("/otherpage").content.decode()
    assert len(re.findall('<circle class="point"', content)) == 3
    assert "F(100,000): 1.00\N{NO-BREAK SPACE}ms" in content


def test_without_redis_the_rest_of_the_picture_is_there(client, stored, redis_away):
    SeenIndex.objects.record(7)
    response = client.get("/otherpage")
    assert response.status_code == 200
    text = words(response)
    assert "1 index kept" in text
    assert "Redis, the values away" in text
    assert "Postgres up" in text
    assert "unknown while Redis is away" in text


def test_without_the_broker_the_rest_of_the_picture_is_there(client, stored, monkeypatch):
    def away():
        raise RedisError

    stored(7)
    monkeypatch.setattr(system, "queue_lengths", away)
    response = client.get("/otherpage")
    assert response.status_code == 200
    text = words(response)
    assert "Redis, the broker away" in text
    assert "Redis, the values up" in text
    assert "waiting" not in text


def test_without_postgres_the_rest_of_the_picture_is_there(client, monkeypatch):
    def away(*_, **__):
        raise OperationalError

    monkeypatch.setattr(SeenIndex.objects, "aggregate", away)
    response = client.get("/otherpage")
    assert response.status_code == 200
    text = words(response)
    assert "Postgres is away; what it keeps is safe." in text
    assert "Postgres away" in text
    assert "0 waiting: 0 quick, 0 heavy" in text


def test_the_picture_takes_two_queries(client, stored, django_assert_num_queries):
    stored(*range(30))
    with django_assert_num_queries(2):
        client.get("/otherpage")


def test_nginx_tells_which_connection_this_is(client):
    response = client.get("/otherpage", headers={"X-Connection-Number": "4711"})
    assert "4,711 connections" in words(response)
    for wrong in ("", "abc", "-1", "１", "9" * 5_000):
        assert "Not in this form" in words(client.get("/otherpage", headers={"X-Connection-Number": wrong}))


class Frontend(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_where_django_serves_the_files_itself_the_frontend_has_no_state(client):
    content = client.get("/otherpage").content.decode()
    frontend = content.partition('class="part frontend')[2].partition("</section>")[0]
    assert 'class="state' not in frontend
    assert "Django serves them itself" in " ".join(frontend.split())


def test_the_frontend_is_up_when_its_health_check_answers(client, settings):
    with http.server.HTTPServer(("127.0.0.1", 0), Frontend) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        settings.FRONTEND_ADDRESS = f"127.0.0.1:{server.server_port}"
        text = words(client.get("/otherpage"))
    assert "Frontend up" in text
    assert "Django serves them itself" not in text


def test_without_the_frontend_the_rest_of_the_picture_is_there(client, settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for address in (f"127.0.0.1:{silent.getsockname()[1]}", "127.0.0.1:1", "nobody.invalid:3000"):
            settings.FRONTEND_ADDRESS = address
            text = words(client.get("/otherpage"))
            assert "Frontend away" in text, address
            assert "Postgres up" in text
