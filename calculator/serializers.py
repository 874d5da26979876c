"""What the API takes and gives."""

from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from calculator.indices import LONGEST, NotAnIndexError, parse_index
from calculator.models import SeenIndex
from calculator.values import END_DIGITS, State, Value

# The resource carries a value of up to this many digits whole; a longer one is behind its link.
LONGEST_WHOLE_VALUE = 10_000


@extend_schema_field(
    {
        "oneOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": rf"^[ \t\r\n]*[0-9]{{1,{LONGEST}}}[ \t\r\n]*$"},
        ],
        "description": "A whole number from 0 on, or its decimal digits as text. White space around them is ignored.",
        "example": 7,
    }
)
class IndexField(serializers.Field[int, Any, int, Any]):
    """An index as a JSON number or as text in digits."""

    default_error_messages = {
        # Without a Content-Type of its own, curl sends JSON as a form.
        "required": 'The index is missing: send {{"index": 7}} as application/json, or a form with that field.',
        "null": "The index is null: give a whole number.",
    }

    def to_internal_value(self, given: Any) -> int:
        try:
            return parse_index(given)
        except NotAnIndexError as error:
            raise serializers.ValidationError(str(error)) from error


class IndexRequest(serializers.Serializer[Any]):
    index = IndexField()


@dataclass(frozen=True, slots=True)
class Known:
    """An index as received and what is known of its value; `whole` is the value in decimal if it is to be shown."""

    seen: SeenIndex
    value: Value
    whole: str | None = None


class Links(serializers.Serializer[Any]):
    """Where the resource, its digits alone, and its page are; of a Value."""

    self = serializers.HyperlinkedIdentityField("api:value", lookup_field="index")
    digits = serializers.HyperlinkedIdentityField("api:digits", lookup_field="index")
    page = serializers.HyperlinkedIdentityField("value", lookup_field="index")


class ValueSummary(serializers.Serializer[Any]):
    """An index and its state, without the value."""

    index = serializers.IntegerField(source="value.index")
    state = serializers.ChoiceField([state.value for state in State], source="value.state")
    progress = serializers.FloatField(
        source="value.progress",
        allow_null=True,
        help_text="How much of the predicted work is done, 0 to 1; null before it is started, and when it failed.",
    )
    digits = serializers.IntegerField(
        source="value.digits", allow_null=True, help_text="How many decimal digits the value has."
    )
    head = serializers.CharField(
        source="value.head", allow_null=True, help_text=f"The leading digits, at most {END_DIGITS}."
    )
    tail = serializers.CharField(
        source="value.tail", allow_null=True, help_text=f"The trailing digits, at most {END_DIGITS}."
    )
    sha256 = serializers.CharField(
        source="value.sha256", allow_null=True, help_text="SHA-256 of the digits as ASCII text."
    )
    check_prime = serializers.CharField(
        source="value.check_prime",
        allow_null=True,
        help_text="The random prime modulo which the digits were checked, as text; null where they were not.",
    )
    reason = serializers.CharField(
        source="value.reason", allow_null=True, help_text="Why the computation failed, if it did."
    )
    seconds = serializers.FloatField(
        source="value.seconds", allow_null=True, help_text="How long the computation took."
    )
    worker = serializers.CharField(source="value.worker", allow_null=True, help_text="Which worker computed it.")
    received_at = serializers.DateTimeField(
        source="value.received_at",
        allow_null=True,
        help_text="When the request arrived that had it computed.",
    )
    queued_at = serializers.DateTimeField(source="value.queued_at", allow_null=True)
    started_at = serializers.DateTimeField(source="value.started_at", allow_null=True)
    finished_at = serializers.DateTimeField(source="value.finished_at", allow_null=True)
    first_requested_at = serializers.DateTimeField(source="seen.first_requested")
    last_requested_at = serializers.DateTimeField(source="seen.last_requested")
    times_requested = serializers.IntegerField(source="seen.times_requested")
    links = Links(source="value")


class ValueResource(ValueSummary):
    """Everything known about one index."""

    value = serializers.CharField(
        source="whole",
        allow_null=True,
        help_text=f"The value in decimal, null until it is done. One of more than {LONGEST_WHOLE_VALUE:,} digits is "
        "null too: it is at links.digits.",
    )


class Acknowledgement(ValueResource):
    """The answer to a POST."""

    working = serializers.SerializerMethodField(help_text="Always true; clients of the tutorials look for it.")

    def get_working(self, known: Known) -> bool:
        return True


class Number(serializers.Serializer[Any]):
    number = serializers.IntegerField()


class WrongField(serializers.Serializer[Any]):
    field = serializers.CharField()
    detail = serializers.CharField(help_text="What is wrong with it.")


class Problem(serializers.Serializer[Any]):
    """A problem document (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What is wrong, in a sentence.")
    errors = WrongField(many=True, required=False)  # type: ignore[assignment] # a field, not the attribute
