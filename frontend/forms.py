from http import HTTPStatus
from typing import Any

from django import forms
from django.conf import settings

from calculator.fibonacci import predict
from calculator.indices import IndexTooHighError, NotAnIndexError, parse_index
from frontend.templatetags.quantities import memory


class IndexField(forms.Field):
    """A text field that takes what parse_index takes."""

    widget = forms.TextInput

    def to_python(self, value: Any) -> int:
        try:
            return parse_index(value)
        except NotAnIndexError as error:
            raise forms.ValidationError(str(error), code="not_an_index") from error
        except IndexTooHighError as error:
            raise forms.ValidationError(too_high(error), code="too_high") from error


class IndexForm(forms.Form):
    # A browser's own "required" would hide the answer of parse_index, which says more.
    use_required_attribute = False

    index = IndexField(
        label="Your index",
        # A text field with the keys for digits: type=number would let 1e3 pass and drop what it does not understand.
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "enterkeyhint": "go"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["index"].help_text = f"A whole number from 0 to {settings.MAX_INDEX:,}."

    @property
    def status(self) -> HTTPStatus:
        """The status of a page that shows this form."""
        if not self.errors:
            return HTTPStatus.OK
        return HTTPStatus.UNPROCESSABLE_ENTITY if self.has_error("index", "too_high") else HTTPStatus.BAD_REQUEST


def too_high(error: IndexTooHighError) -> str:
    cost = predict(error.index)
    return (
        f"{error}: the limit is {error.limit:,}. F({error.index:,}) has {cost.digits:,} digits and would need "
        f"{memory(cost.bytes)} of memory."
    )
