"""The API's request bodies: JSON or a form, never large."""

from io import BytesIO
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import FormParser, JSONParser

LARGEST_BODY_BYTES = 16_384


def bounded(stream: Any) -> BytesIO:
    """Return the body, or answer 400 without reading further when it is larger than any index needs."""
    body = stream.read(LARGEST_BODY_BYTES + 1)
    if len(body) > LARGEST_BODY_BYTES:
        message = f"The body is larger than {LARGEST_BODY_BYTES:,} bytes; an index needs no more than 30 digits."
        raise ParseError(message)
    return BytesIO(body)


class BoundedJSONParser(JSONParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return super().parse(bounded(stream), media_type, parser_context)


class BoundedFormParser(FormParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return super().parse(bounded(stream), media_type, parser_context)
