"""Errors of the API as problem documents (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from django.http import Http404, JsonResponse
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType, ValidationError

from calculator.fibonacci import predict
from calculator.indices import HIGHEST, IndexTooHighError
from calculator.memory import readable


def problem(status: int, detail: str, **more: Any) -> JsonResponse:
    """Return the problem document of a status, with a sentence for people and further members."""
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    # What is wrong now may be right in a moment: an index not found is found once somebody asks for it.
    headers = {"Cache-Control": "no-store"}
    return JsonResponse(document, status=status, headers=headers, content_type="application/problem+json")


def problem_response(error: Exception, _context: Any) -> JsonResponse | None:
    """Turn an exception of a view into its answer; None for those that are nobody's fault but ours."""
    response = None
    match error:
        case IndexTooHighError():
            response = index_too_high(error)
        case ValidationError(detail=dict() as fields):
            response = wrong({field: " ".join(messages) for field, messages in fields.items()})
        case UnsupportedMediaType():
            response = wrong({"Content-Type": 'Send the index as application/json, like {"index": 7}, or as a form.'})
        case ParseError():
            response = wrong({"body": str(error.detail)})
        case APIException():
            response = problem(error.status_code, str(error.detail))
        case Http404():
            response = problem(404, str(error))
    return response


def wrong(fields: dict[str, str]) -> JsonResponse:
    """Answer 400 with what is wrong with each field."""
    errors = [{"field": field, "detail": detail} for field, detail in fields.items()]
    return problem(400, " ".join(fields.values()), errors=errors)


def index_too_high(error: IndexTooHighError) -> JsonResponse:
    cost = predict(error.index)
    explanation = (
        f"The highest index computed here is {error.limit:,}. F({error.index:,}) has {cost.digits:,} digits and would "
        f"need {readable(cost.bytes)} of memory and about {cost.seconds:,.3g} s."
    )
    if error.limit < HIGHEST >= error.index:
        explanation += f" Whoever runs this site can raise the limit, up to {HIGHEST:,}, with MAX_INDEX."
    # As text: these may exceed what JavaScript reads exactly.
    needs = {"digits": str(cost.digits), "bytes": str(cost.bytes), "seconds": float(f"{cost.seconds:.3g}")}
    return problem(
        422,
        str(error),
        errors=[{"field": "index", "detail": explanation}],
        index=str(error.index),
        needs=needs,
        limit=error.limit,
    )
