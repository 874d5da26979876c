import re

import pytest
from django.shortcuts import render

from frontend.tests.reading import Outline, words

pytestmark = pytest.mark.django_db(transaction=True)

PATHS = ["/", "/?asked=7", "/?page=2", "/values/7", "/values/8", "/otherpage", "/nothing/here"]


def test_every_page_links_to_the_others_and_marks_itself(client, stored):
    stored(7)
    for path in PATHS:
        content = client.get(path).content.decode()
        for link in ("/", "/otherpage", "/api/docs"):
            assert f'<a href="{link}"' in content
        here = re.findall(r'<a href="([^"]*)" aria-current="page"', content)
        assert here == [path.partition("?")[0]] * (path.partition("?")[0] in {"/", "/otherpage"})


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_well_formed_and_needs_no_script_or_style_of_its_own(client, stored, path):
    stored(7)
    response = client.get(path)
    page = Outline(response)
    assert len(page.all("h1")) == len(page.all("main")) == response.content.decode().count(" · Fibsite</title>") == 1
    assert page.all("html") == [{"lang": "en"}]
    assert not page.all("style")
    assert [script for script in page.all("script") if "src" not in script] == []
    assert not [attributes for _, attributes in page.elements if "style" in attributes]
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    assert [meta["content"] for meta in page.all("meta") if meta.get("name") == "description"]


def test_an_unknown_address_has_a_page_without_any_query(admin_client, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = admin_client.get("/nothing/here")
    assert response.status_code == 404
    assert words(response) == "404 There is nothing at this address. Back to the numbers"


@pytest.mark.parametrize(
    "path", ["/values/007", "/values/-1", "/values/abc", "/values/7/", "/values/9999999999999999999"]
)
def test_what_is_no_address_of_a_value_is_an_unknown_address(client, path):
    assert client.get(path).status_code == 404


def test_an_error_page_needs_neither_postgres_nor_redis(rf, redis_away, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = render(rf.get("/"), "error.html", {"status": 503, "detail": "The database is <away>."})
    assert words(response) == "503 The database is <away>. Back to the numbers"


@pytest.mark.parametrize(
    ("path", "method"), [("/", "put"), ("/", "delete"), ("/values/7", "post"), ("/otherpage", "post")]
)
def test_a_method_a_page_does_not_know_is_refused(client, path, method):
    assert getattr(client, method)(path).status_code == 405


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_a_body(client, stored, path):
    stored(7)
    assert client.head(path).status_code == client.get(path).status_code
    assert client.head(path).content == b""


@pytest.mark.parametrize("path", ["/", "/values/7", "/values/8", "/otherpage"])
def test_no_page_is_kept_by_a_shared_cache(client, stored, path):
    stored(7)
    assert set(client.get(path)["Cache-Control"].split(", ")) == {"no-cache", "private"}


@pytest.mark.parametrize("path", ["/", "/values/7", "/otherpage"])
def test_a_link_to_a_page_is_shown_with_a_picture_at_a_whole_address(client, stored, path):
    stored(7)
    (image,) = (meta for meta in Outline(client.get(path)).all("meta") if meta.get("property") == "og:image")
    assert re.fullmatch(r"http://testserver/static/frontend/preview(\.\w+)?\.png", image["content"])


def test_another_host_gets_a_page_that_says_what_is_wrong(client):
    response = client.get("/", headers={"host": "evil.example.org"})
    assert response.status_code == 400
    assert "This site has another name" in words(response)
    assert "evil" not in response.content.decode()
