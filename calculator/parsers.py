"""The API's request bodies: JSON or a form, never large."""

import json
from io import BytesIO
from typing import Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import FormParser, JSONParser

from calculator.indices import LONGEST

LARGEST_BODY_BYTES = 16_384


class BoundedJSONParser(JSONParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        try:
            text = bounded(stream).decode("utf-8-sig")
            body = json.loads(text, parse_int=whole_number, parse_constant=refuse)
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not text in UTF-8: {error}.") from error
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
        except ValueError as error:
            raise ParseError(f"The body is not JSON: {error}.") from error
        if not isinstance(body, dict):
            raise ParseError('The body is not an object: send one with the index, like {"index": 7}.')
        return body


class BoundedFormParser(FormParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        # Always UTF-8: Python knows "charsets" that are no text at all, and a client may name one of them.
        return super().parse(BytesIO(bounded(stream)), media_type, {"encoding": "utf-8"})


def bounded(stream: Any) -> bytes:
    """Return the body; refuse one that is larger than any index needs, without reading the rest of it."""
    body: bytes = stream.read(LARGEST_BODY_BYTES + 1)
    if len(body) > LARGEST_BODY_BYTES:
        raise ParseError(
            f"The body is larger than {LARGEST_BODY_BYTES:,} bytes: an index has at most {LONGEST} digits."
        )
    return body


def whole_number(literal: str) -> int | str:
    """Read a number of JSON, but leave one too long to be an index as it is: its field's check says what is wrong."""
    return int(literal) if len(literal) <= LONGEST else literal


def refuse(literal: str) -> NoReturn:
    message = f"{literal} is no number in JSON"
    raise ValueError(message)
