"""What the API takes and gives."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from calculator.indices import NotAnIndexError, parse_index
from calculator.models import SeenIndex
from calculator.values import State, Value

# The resource carries a value of up to this many digits whole; a longer one is behind its link.
LONGEST_WHOLE_VALUE = 10_000


@extend_schema_field({"oneOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+$"}]})
class IndexField(serializers.Field[int, Any, int, Any]):
    """An index as a JSON number or as text in digits."""

    default_error_messages = {
        "required": "The index is missing: give a whole number.",
        "null": "The index is null: give a whole number.",
    }

    def to_internal_value(self, given: Any) -> int:
        try:
            return parse_index(given)
        except NotAnIndexError as error:
            raise serializers.ValidationError(str(error)) from error

    def to_representation(self, index: int) -> int:
        return index


class IndexRequest(serializers.Serializer[Any]):
    index = IndexField()

    default_error_messages = {"invalid": 'Send an object with the index, like {"index": 7}.'}


class Links(serializers.Serializer[Any]):
    self = serializers.URLField()
    digits = serializers.URLField()
    page = serializers.URLField()


class ValueSummary(serializers.Serializer[Any]):
    """An index and its state, without the digits; the instance is a pair of SeenIndex and Value."""

    index = serializers.IntegerField()
    state = serializers.ChoiceField([state.value for state in State])
    digits = serializers.IntegerField(allow_null=True, help_text="How many decimal digits the value has.")
    head = serializers.CharField(allow_null=True, help_text="The leading digits, at most 40.")
    tail = serializers.CharField(allow_null=True, help_text="The trailing digits, at most 40.")
    sha256 = serializers.CharField(allow_null=True, help_text="SHA-256 of the digits as ASCII text.")
    reason = serializers.CharField(allow_null=True, help_text="Why the computation failed, if it did.")
    seconds = serializers.FloatField(allow_null=True, help_text="How long the computation took.")
    worker = serializers.CharField(allow_null=True)
    queued_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    first_requested_at = serializers.DateTimeField()
    last_requested_at = serializers.DateTimeField()
    times_requested = serializers.IntegerField()
    links = Links()

    def to_representation(self, instance: tuple[SeenIndex, Value]) -> dict[str, Any]:
        seen, value = instance
        absolute = self.context["request"].build_absolute_uri
        return super().to_representation(
            {
                **{name: getattr(value, name) for name in self.of_the_value},
                "first_requested_at": seen.first_requested,
                "last_requested_at": seen.last_requested,
                "times_requested": seen.times_requested,
                "links": {
                    "self": absolute(reverse("api:value", args=[value.index])),
                    "digits": absolute(reverse("api:digits", args=[value.index])),
                    "page": absolute(reverse("value", args=[value.index])),
                },
                **self.context.get("more", {}),
            }
        )

    of_the_value = (
        "index", "state", "digits", "head", "tail", "sha256", "reason",
        "seconds", "worker", "queued_at", "started_at", "finished_at",
    )  # fmt: skip


class ValueResource(ValueSummary):
    """Everything known about one index."""

    value = serializers.CharField(
        allow_null=True,
        help_text="The value in decimal up to 10,000 digits; a longer one is at links.digits. Null until it is done.",
    )


class Acknowledgement(ValueResource):
    """The answer to a POST."""

    working = serializers.BooleanField(help_text="Always true; clients of the tutorials look for it.")


class Number(serializers.ModelSerializer[SeenIndex]):
    class Meta:
        model = SeenIndex
        fields = ["number"]
