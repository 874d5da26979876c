"""Errors of the API as problem documents (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from django.http import Http404, JsonResponse
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType, ValidationError

from calculator.fibonacci import predict
from calculator.indices import IndexTooHighError


def problem(status: int, detail: str, **more: Any) -> JsonResponse:
    """Return the problem document of a status, with a sentence for people and further members."""
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return JsonResponse(document, status=status, content_type="application/problem+json")


def problem_response(error: Exception, _context: Any) -> JsonResponse | None:
    """Turn an exception of a view into its answer; None for those that are nobody's fault but ours."""
    match error:
        case IndexTooHighError():
            return index_too_high(error)
        case ValidationError():
            fields = [
                {"field": field, "detail": str(message)}
                for field, messages in error.get_full_details().items()  # type: ignore[union-attr]
                for message in [entry["message"] for entry in messages]
            ]
            return problem(error.status_code, " ".join(entry["detail"] for entry in fields), errors=fields)
        case UnsupportedMediaType():
            return problem(400, 'Send the index as application/json, like {"index": 7}.')
        case ParseError() | APIException():
            response = problem(error.status_code, str(error.detail))
            if wait := getattr(error, "wait", None):
                response["Retry-After"] = str(int(wait))
            return response
        case Http404():
            return problem(404, str(error) or "There is nothing at this address.")
        case _:
            return None


def index_too_high(error: IndexTooHighError) -> JsonResponse:
    cost = predict(error.index)
    needs = {"digits": cost.digits, "bytes": cost.bytes}
    return problem(422, str(error), index=str(error.index), limit=error.limit, needs=needs)
