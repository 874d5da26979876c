import json
from http import HTTPStatus

import pytest
from django.core.exceptions import DisallowedHost, PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.test import RequestFactory
from rest_framework.exceptions import MethodNotAllowed, NotFound, ParseError, UnsupportedMediaType, ValidationError

from calculator.indices import IndexTooHighError
from calculator.problems import problem, problem_response
from fibsite import errors


def document(response):
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    contents = json.loads(response.content)
    assert contents["status"] == response.status_code
    assert contents["type"] == "about:blank"
    assert contents["title"] == HTTPStatus(response.status_code).phrase
    return contents


def test_a_problem_has_its_status_a_sentence_and_further_members():
    contents = document(problem(409, "It is not there yet.", state="queued"))
    assert contents["detail"] == "It is not there yet."
    assert contents["state"] == "queued"


def test_a_problem_may_quote_what_is_no_text():
    assert document(problem(400, "“\ud800\x00”"))["detail"] == "“\ud800\x00”"


@pytest.mark.parametrize(
    ("error", "status", "detail", "fields"),
    [
        (ValidationError({"index": ["It is empty."]}), 400, "It is empty.", ["index"]),
        (ValidationError({"from": ["One.", "Two."], "count": ["Three."]}), 400, "One. Two. Three.", ["from", "count"]),
        (ParseError("It is not JSON."), 400, "It is not JSON.", ["body"]),
        (IndexTooHighError(10**9), 422, "Index too high", ["index"]),
        (NotFound("Invalid cursor"), 404, "Invalid cursor", None),
        (MethodNotAllowed("PUT"), 405, 'Method "PUT" not allowed.', None),
        (Http404("F(7) was never asked for."), 404, "F(7) was never asked for.", None),
    ],
)
def test_an_exception_of_a_view_becomes_its_problem(error, status, detail, fields):
    contents = document(problem_response(error, {}))
    assert (contents["status"], contents["detail"]) == (status, detail)
    assert [entry["field"] for entry in contents.get("errors", [])] == (fields or [])


def test_an_unknown_content_type_is_answered_with_the_known_ones():
    contents = document(problem_response(UnsupportedMediaType("text/plain"), {}))
    assert contents["status"] == 400
    assert contents["errors"][0]["field"] == "Content-Type"


def test_a_fault_of_ours_is_left_to_the_log():
    assert problem_response(ZeroDivisionError(), {}) is None
    assert problem_response(OperationalError(), {}) is None


def test_numbers_that_javascript_cannot_read_exactly_are_text():
    contents = document(problem_response(IndexTooHighError(10**29), {}))
    assert contents["index"] == "1" + "0" * 29
    for number in (contents["needs"]["digits"], contents["needs"]["bytes"]):
        assert isinstance(number, str)
        assert int(number) > 2**53


@pytest.mark.parametrize("path", ["/api", "/api/values"])
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda http: errors.bad_request(http, DisallowedHost("x")), 400),
        (lambda http: errors.bad_request(http, ValueError("secret")), 400),
        (lambda http: errors.forbidden(http, PermissionDenied("secret")), 403),
        (lambda http: errors.not_found(http, Http404({"tried": "secret"})), 404),
        (errors.server_error, 500),
    ],
)
def test_errors_outside_the_views_are_problems_of_the_api(path, answer, status):
    response = answer(RequestFactory().get(path))
    assert document(response)["status"] == status
    assert b"secret" not in response.content


@pytest.mark.parametrize("path", ["/", "/apiary", "/values/7"])
def test_elsewhere_an_error_is_a_page(path):
    response = errors.not_found(RequestFactory().get(path), Http404("It was never asked for."))
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")
    assert "It was never asked for." in response.text


@pytest.mark.parametrize("error", [OperationalError("secret"), InterfaceError("secret")])
def test_postgres_away_is_a_503_that_says_when_to_try_again(error):
    middleware = errors.OutageMiddleware(lambda http: None)
    response = middleware.process_exception(RequestFactory().post("/api/values"), error)
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "Nothing was kept" in document(response)["detail"]
    assert b"secret" not in response.content


def test_another_exception_is_not_an_outage():
    middleware = errors.OutageMiddleware(lambda http: None)
    assert middleware.process_exception(RequestFactory().get("/api"), ZeroDivisionError()) is None
