import re
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from drf_spectacular.validation import validate_schema

from calculator import values

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def schema(api):
    response = api.get("/api/schema")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    return response.json()


def test_the_schema_is_valid_and_written_without_a_warning(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml"))


def test_the_served_schema_is_valid_and_has_every_address(schema):
    validate_schema(schema)
    assert {path: set(methods) for path, methods in schema["paths"].items()} == {
        "/api": {"get"},
        "/api/values": {"get", "post"},
        "/api/values/{index}": {"get"},
        "/api/values/{index}/digits": {"get"},
        "/api/values/all": {"get"},
        "/api/values/current": {"get"},
    }


def test_the_schema_says_what_an_index_may_be(schema):
    index = schema["components"]["schemas"]["IndexRequest"]["properties"]["index"]
    assert "White space around them is ignored" in index["description"]
    number, text = index["oneOf"]
    assert number == {"type": "integer", "minimum": 0}
    assert re.search(text["pattern"], " 7\n")
    assert not re.search(text["pattern"], "+7")


def test_the_schema_has_every_field_that_is_answered(api, schema):
    def check(answer, name):
        described = schema["components"]["schemas"][name]
        assert set(described["properties"]) == set(described["required"]) == set(answer)

    values.store(7, b"13", 0.001)
    check(api.post("/api/values", {"index": 7}).json(), "Acknowledgement")
    check(api.get("/api/values/7").json(), "ValueResource")
    check(api.get("/api/values").json()["results"][0], "ValueSummary")
    check(api.get("/api/values/7").json()["links"], "Links")
    check(api.get("/api/values/all").json()[0], "Number")
    problem = schema["components"]["schemas"]["Problem"]
    assert set(api.post("/api/values", {"index": "x"}).json()) == set(problem["properties"])
    assert set(api.get("/api/values/8").json()) == set(problem["required"])


def test_the_schema_says_how_the_list_is_paged(schema):
    operation = schema["paths"]["/api/values"]["get"]
    assert {parameter["name"] for parameter in operation["parameters"]} == {"cursor", "size"}
    assert operation["responses"]["200"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/PaginatedValueSummaryList"
    }


@pytest.mark.parametrize("query", ["?version=%0d%0aX:1", "?version=2", "?lang=xx", "?format=yaml", "?script"])
def test_no_query_changes_the_schema(api, schema, query):
    assert api.get("/api/schema" + query).json() == schema


def test_the_page_to_try_it_needs_no_other_host(api):
    page = api.get("/api/docs")
    assert page.status_code == 200
    links = re.findall(r"""(?:src|href|action)=["']?([^"'\s>]+)""", page.text)
    assert len(links) == 5
    for link in links:
        url = urlsplit(link)
        assert not url.scheme
        assert not url.netloc
        if link.startswith("/static/"):
            # The name without the hash of its contents.
            assert finders.find(re.sub(r"\.[0-9a-f]{12}\.", ".", url.path.removeprefix("/static/")))
        else:
            assert api.get(link).status_code == 200
    assert "//" not in re.sub(r"<!--.*?-->", "", page.text)


def test_the_script_of_that_page_reads_our_schema_and_calls_no_validator_elsewhere(api):
    script = api.get("/api/docs?script")
    assert script["Content-Type"].startswith("application/javascript")
    assert "/api/schema" in script.text
    assert not re.search(r"https?://", script.text)
    # The other layout of Swagger UI sends the schema's address to a validator on a host of its own.
    assert 'layout: "BaseLayout"' in script.text
