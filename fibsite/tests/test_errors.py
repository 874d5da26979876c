import pytest
from django.db import connection

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def _postgres_away(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nonexistent")
    connection.close()
    connection.close_pool()
    yield
    connection.close_pool()


@pytest.mark.usefixtures("_postgres_away")
def test_without_postgres_a_post_is_refused_and_nothing_is_queued(api, queued):
    response = api.post("/api/values", {"index": 7})
    assert response.status_code == 503
    assert response["Content-Type"] == "application/problem+json"
    assert response["Retry-After"] == "5"
    assert "Nothing was kept" in response.json()["detail"]
    assert queued("quick") == 0


@pytest.mark.usefixtures("_postgres_away")
def test_without_postgres_the_page_says_so(client):
    response = client.get("/")
    assert response.status_code == 503
    assert "The database is away" in response.content.decode()


@pytest.mark.parametrize(("path", "kind"), [("/api/nothing", "application/problem+json"), ("/nothing", "text/html")])
def test_an_unknown_address_is_a_problem_in_the_api_and_a_page_elsewhere(client, path, kind):
    response = client.get(path)
    assert response.status_code == 404
    assert response["Content-Type"].startswith(kind)


@pytest.mark.parametrize(("path", "kind"), [("/api/values", "application/problem+json"), ("/", "text/html")])
def test_an_unexpected_error_shows_no_stack(client, monkeypatch, path, kind):
    def fail(*_):
        raise KeyError("secret detail")

    monkeypatch.setattr("calculator.models.SeenIndexQuerySet._fetch_all", fail)
    client.raise_request_exception = False
    response = client.get(path)
    assert response.status_code == 500
    assert response["Content-Type"].startswith(kind)
    assert "secret detail" not in response.content.decode()
