import pytest
from django.db import connection

from fibsite import health

pytestmark = pytest.mark.django_db(transaction=True)


def test_alive_needs_nothing_and_any_host_may_ask(client, django_assert_num_queries, redis_away):
    with django_assert_num_queries(0):
        response = client.get("/livez", headers={"host": "10.0.0.17"})
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_ready_names_every_part_with_its_time_and_any_host_may_ask(client):
    response = client.get("/readyz", headers={"host": "10.0.0.17"})
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    parts = response.json()["parts"]
    assert list(parts) == ["postgres", "broker", "values"]
    assert all(part["status"] == "ok" and part["milliseconds"] >= 0 for part in parts.values())


def test_not_ready_without_the_values(client, redis_away):
    response = client.get("/readyz")
    assert response.status_code == 503
    parts = response.json()["parts"]
    assert parts["values"]["status"] == "away (ConnectionError)"
    assert parts["postgres"]["status"] == parts["broker"]["status"] == "ok"


def test_not_ready_without_postgres(client, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nonexistent")
    assert health.check(health.ping_values)["status"] == "ok"
    connection.close()
    connection.close_pool()
    try:
        assert client.get("/readyz").json()["parts"]["postgres"]["status"] == "away (OperationalError)"
    finally:
        connection.close_pool()


def test_every_other_address_validates_its_host(client):
    assert client.get("/", headers={"host": "10.0.0.17"}).status_code == 400
