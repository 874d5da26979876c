"""What is sent to the API and is no index: refused with a clear answer, and nothing of it is kept."""

import json
import re

import pytest
from django.urls import reverse

from calculator import values
from calculator.models import SeenIndex

pytestmark = pytest.mark.django_db(transaction=True)

# The body as sent, the field that the answer names, and what it says.
NOT_AN_INDEX = {
    "text": (b'{"index": "abc"}', "“abc” is not a whole number"),
    "empty text": (b'{"index": ""}', "is empty"),
    "blank text": (b'{"index": " \\t\\n"}', "is empty"),
    "digits before text": (b'{"index": "10abc"}', "“10abc” is not a whole number"),
    "a fraction": (b'{"index": 3.5}', "without a fraction"),
    "a whole fraction": (b'{"index": 7.0}', "without a fraction"),
    "a fraction as text": (b'{"index": "3.5"}', "“3.5” is not a whole number"),
    "an exponent": (b'{"index": 1e3}', "or an exponent"),
    "an endless exponent": (b'{"index": 1e999999}', "or an exponent"),
    "an exponent as text": (b'{"index": "1e3"}', "“1e3” is not a whole number"),
    "hexadecimal": (b'{"index": "0x28"}', "“0x28” is not a whole number"),
    "null": (b'{"index": null}', "is null"),
    "an object": (b'{"index": {}}', "one whole number"),
    "a list of one": (b'{"index": [5]}', "one whole number"),
    "a list of two": (b'{"index": [5, 99]}', "one whole number"),
    "true": (b'{"index": true}', "not true or false"),
    "false": (b'{"index": false}', "not true or false"),
    "minus one": (b'{"index": -1}', "not negative"),
    "minus three billion": (b'{"index": -3000000000}', "not negative"),
    "a negative number as text": (b'{"index": "-1"}', "not negative"),
    "minus zero as text": (b'{"index": "-0"}', "not negative"),
    "a missing field": (b"{}", "is missing"),
    "another field": (b'{"number": 7}', "is missing"),
    "no body": (b"", "is missing"),
    "full-width digits": ('{"index": "７"}'.encode(), "“７” is not a whole number"),
    "Arabic digits": ('{"index": "٧"}'.encode(), "is not a whole number"),
    "a superscript": ('{"index": "7²"}'.encode(), "is not a whole number"),
    "NUL": (b'{"index": "7\\u0000"}', "is not a whole number"),
    "a no-break space": (b'{"index": "\\u00a07"}', "is not a whole number"),
    "a lone surrogate": (b'{"index": "\\ud800"}', "is not a whole number"),
    "a sign": (b'{"index": "+7"}', "“+7” is not a whole number"),
    "an underscore": (b'{"index": "1_000"}', "“1_000” is not a whole number"),
    "a comma": (b'{"index": "1,000"}', "“1,000” is not a whole number"),
    "space between digits": (b'{"index": "1 000"}', "“1 000” is not a whole number"),
    "long text": (b'{"index": "%s"}' % (b"x" * 10_000), "“xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…” is not a whole number"),
    "31 digits": (b'{"index": 1%s}' % (b"0" * 30), "more than 30 digits"),
    "5,000 digits": (b'{"index": %s}' % (b"9" * 5_000), "more than 30 digits"),
    "5,000 digits as text": (b'{"index": "%s"}' % (b"9" * 5_000), "more than 30 digits"),
    "5,000 negative digits": (b'{"index": -%s}' % (b"9" * 5_000), "not negative"),
}
NOT_A_BODY = {
    "a list": (b"[]", "not an object"),
    "a list with an index": (b"[7]", "not an object"),
    "null": (b"null", "not an object"),
    "a string": (b'"7"', "not an object"),
    "a number": (b"7", "not an object"),
    "malformed": (b'{"index": 7', "not JSON"),
    "blank": (b" ", "not JSON"),
    "single quotes": (b"{'index': 7}", "not JSON"),
    "leading zeros": (b'{"index": 007}', "not JSON"),
    "NaN": (b'{"index": NaN}', "NaN is no number in JSON"),
    "Infinity": (b'{"index": Infinity}', "Infinity is no number in JSON"),
    "-Infinity": (b'{"index": -Infinity}', "-Infinity is no number in JSON"),
    "a raw NUL": (b'{"index": "7\x00"}', "not JSON"),
    "invalid UTF-8": (b'{"index": "\xff"}', "not text in UTF-8"),
    "UTF-16": ('{"index": 7}'.encode("utf-16"), "not text in UTF-8"),
    "an encoded surrogate": (b'{"index": "\xed\xa0\x80"}', "not text in UTF-8"),
    # How deep is too deep differs between versions of Python; a shallower one is not JSON, for it does not end.
    "nested lists": (b'{"index": %s}' % (b"[" * 16_000), "The body is n"),
    "nested objects": (b'{"index": ' * 1_500, "The body is n"),
    "2 MB of digits": (b'{"index": %s}' % (b"9" * 2_000_000), "larger than 16,384 bytes"),
    "2 MB of digits as text": (b'{"index": "%s"}' % (b"9" * 2_000_000), "larger than 16,384 bytes"),
}
NOT_A_CONTENT_TYPE = [
    "text/plain",
    "text/xml",
    "application/xml",
    "application/octet-stream",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=",
    "json",
    "/",
    ";;;",
    "x" * 5_000,
]


@pytest.fixture
def refused(api, queued):
    """Send a body, and check that the refusal is a problem document and that nothing was kept."""

    def send(body, status=400, content_type="application/json", **headers):
        response = api.post("/api/values", body, content_type=content_type, headers=headers)
        problem = json.loads(response.content)
        assert (response.status_code, problem["status"]) == (status, status), problem
        assert response["Content-Type"] == "application/problem+json"
        assert problem["title"]
        assert "Traceback" not in response.text
        assert len(response.content) < 1_000
        assert not SeenIndex.objects.exists()
        assert not values.connection().keys("fib:*")
        assert queued("quick") == queued("heavy") == 0
        return problem

    return send


@pytest.mark.parametrize(("body", "says"), NOT_AN_INDEX.values(), ids=NOT_AN_INDEX)
def test_what_is_no_index_is_refused_by_name_and_not_kept(refused, body, says):
    problem = refused(body)
    assert says in problem["detail"]
    assert problem["errors"] == [{"field": "index", "detail": problem["detail"]}]


@pytest.mark.parametrize(("body", "says"), NOT_A_BODY.values(), ids=NOT_A_BODY)
def test_what_is_no_object_in_json_is_refused_and_not_kept(refused, body, says):
    problem = refused(body)
    assert says in problem["detail"]
    assert problem["errors"] == [{"field": "body", "detail": problem["detail"]}]


@pytest.mark.parametrize("content_type", NOT_A_CONTENT_TYPE)
def test_another_content_type_is_refused_with_the_right_one(refused, content_type):
    problem = refused(b'{"index": 7}', content_type=content_type)
    assert "application/json" in problem["detail"]
    assert problem["errors"] == [{"field": "Content-Type", "detail": problem["detail"]}]


@pytest.mark.parametrize(
    "charset", ["base64", "zlib", "rot13", "undefined", "idna", "utf-16", "latin-1", "no-such-thing", ""]
)
def test_a_strange_charset_changes_nothing(api, charset):
    for content_type, body in (
        ("application/json", '{"index": 7}'),
        ("application/x-www-form-urlencoded", "index=7"),
    ):
        response = api.generic("POST", "/api/values", body, content_type=f"{content_type}; charset={charset}")
        assert response.status_code == 202


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("", "is missing"),
        ("number=7", "is missing"),
        ("index=", "is empty"),
        ("index=abc", "“abc” is not a whole number"),
        ("index=-1", "not negative"),
        ("index=7%00", "is not a whole number"),
        ("index=%FF", "is not a whole number"),
        ('{"index": 7}', "is missing"),
    ],
)
def test_a_form_without_an_index_is_refused_and_not_kept(refused, form, says):
    problem = refused(form, content_type="application/x-www-form-urlencoded")
    assert says in problem["detail"]
    assert problem["errors"][0]["field"] == "index"


def test_a_large_form_is_refused_without_being_read(refused):
    problem = refused("index=" + "9" * 2_000_000, content_type="application/x-www-form-urlencoded")
    assert "larger than 16,384 bytes" in problem["detail"]


def test_a_form_of_thousands_of_fields_is_refused(refused):
    refused("&".join(["a=1"] * 3_000), content_type="application/x-www-form-urlencoded")


@pytest.mark.parametrize("index", [100_000_001, "100000001", 10**18, "9" * 30])
def test_too_high_an_index_is_refused_with_the_limit_and_its_cost(refused, index):
    problem = refused(json.dumps({"index": index}), 422)
    assert problem["detail"] == "Index too high"
    assert problem["limit"] == 100_000_000
    assert problem["index"] == str(index)
    assert int(problem["needs"]["digits"]) == pytest.approx(int(index) * 0.2089876, rel=1e-6)
    assert int(problem["needs"]["bytes"]) > int(problem["needs"]["digits"])
    assert problem["needs"]["seconds"] > 0.2
    [error] = problem["errors"]
    assert error["field"] == "index"
    assert error["detail"].startswith(f"The highest index computed here is 100,000,000. F({int(index):,}) has ")


@pytest.mark.parametrize(("index", "can_be_raised"), [(200_000_000, True), (1_000_000_001, False)])
def test_too_high_an_index_says_what_it_would_need_and_whether_the_limit_can_be_raised(refused, index, can_be_raised):
    [error] = refused(json.dumps({"index": index}), 422)["errors"]
    pattern = r"has [\d,]+ digits and would need [\d.]+ [MG]B of memory and about [\d.]+ s\."
    assert re.search(pattern, error["detail"])
    assert ("up to 1,000,000,000, with MAX_INDEX" in error["detail"]) is can_be_raised


def test_the_limit_is_a_setting(refused, settings):
    settings.MAX_INDEX = 40
    assert refused(b'{"index": 41}', 422)["limit"] == 40


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/values/",
        "/api/values/7/",
        "/api/values/007",
        "/api/values/07",
        "/api/values/-1",
        "/api/values/+7",
        "/api/values/7.0",
        "/api/values/abc",
        "/api/values/%00",
        "/api/values/%FF",
        "/api/values/7%0A",
        "/api/values/%D9%A7",
        "/api/values/7/digit",
        "/api/values/" + "1" * 19,
        "/api/values/" + "1" * 5_000,
        "/api/values/" + "1" * 19 + "/digits",
        "/api/nothing",
        "/api//values",
    ],
)
def test_an_unknown_address_is_a_problem_document(api, path):
    for method in ("GET", "POST", "DELETE"):
        response = api.generic(method, path, b'{"index": 7}', content_type="application/json")
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["detail"] == "There is nothing at this address."


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/values", "GET, POST, HEAD, OPTIONS"),
        ("DELETE", "/api/values", "GET, POST, HEAD, OPTIONS"),
        ("POST", "/api/values/7", "GET, HEAD, OPTIONS"),
        ("DELETE", "/api/values/7", "GET, HEAD, OPTIONS"),
        ("POST", "/api/values/7/digits", "GET, HEAD, OPTIONS"),
        ("POST", "/api/values/all", "GET, HEAD, OPTIONS"),
        ("POST", "/api/values/current", "GET, HEAD, OPTIONS"),
        ("POST", "/api", "GET, HEAD, OPTIONS"),
        ("POST", "/api/schema", "GET, HEAD, OPTIONS"),
        ("POST", "/api/docs", "GET, HEAD, OPTIONS"),
        ("TRACE", "/api/values", "GET, POST, HEAD, OPTIONS"),
        ("NONSENSE", "/api/values", "GET, POST, HEAD, OPTIONS"),
    ],
)
def test_a_method_that_is_not_there_is_refused_with_those_that_are(api, method, path, allowed):
    response = api.generic(method, path)
    assert response.status_code == 405
    assert response["Content-Type"] == "application/problem+json"
    assert set(response["Allow"].split(", ")) == set(allowed.split(", "))


@pytest.mark.parametrize("path", ["/api", "/api/values", "/api/values/7", "/api/nothing"])
@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "", "a b", "testserver:port", "ö"])
def test_a_spoofed_host_is_refused(api, path, host):
    response = api.get(path, headers={"host": host})
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert "ALLOWED_HOSTS" in response.json()["detail"]


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "image/png",
        "application/xml;q=0.9",
        "*/*;q=0",
        "nonsense",
        "a/b; c*=nothing''d",
        ";;;",
        "x" * 9_000,
    ],
)
def test_no_accept_header_is_refused(api, accept):
    for name in ("values", "all", "current", "schema", "docs"):
        response = api.get(reverse(f"api:{name}") + "?format=xml", headers={"accept": accept})
        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/html" if name == "docs" else "application/json")
