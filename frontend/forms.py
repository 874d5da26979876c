from http import HTTPStatus
from typing import Any

from django import forms
from django.conf import settings
from django.urls import reverse_lazy

from calculator.fibonacci import Cost, predict
from calculator.indices import IndexTooHighError, NotAnIndexError, parse_index
from frontend.notation import plain
from frontend.templatetags.quantities import memory


class IndexField(forms.Field):
    """A text field that takes what parse_index takes, and what people write in its place, such as 1e6 or 10^6."""

    widget = forms.TextInput

    def to_python(self, value: Any) -> int:
        try:
            return parse_index(plain(value) if isinstance(value, str) else value)
        except NotAnIndexError as error:
            raise forms.ValidationError(str(error), code="not_an_index") from error
        except IndexTooHighError as error:
            raise forms.ValidationError(too_high(error), code="too_high") from error


class IndexForm(forms.Form):
    # A browser's own "required" would hide the answer of parse_index, which says more.
    use_required_attribute = False

    index = IndexField(
        label="Your index",
        # A text field: type=number would drop what it does not understand before anybody could say what was wrong.
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "off",
                "spellcheck": "false",
                "enterkeyhint": "go",
                # What is typed is read, and its cost shown, before it is sent.
                "hx-get": reverse_lazy("cost"),
                "hx-trigger": "input changed delay:120ms",
                "hx-target": "#cost",
                "hx-swap": "innerHTML",
                "hx-sync": "this:replace",
            }
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[
            "index"
        ].help_text = f"A whole number from 0 to {settings.MAX_INDEX:,}; 1e6, 10^6 and 1,000,000 will do as well."

    def focus(self) -> None:
        """Have the field ready for the keyboard when the page opens."""
        self.fields["index"].widget.attrs["autofocus"] = True

    @property
    def cost(self) -> Cost | None:
        """What the value would cost; None if the index is not one."""
        return predict(self.cleaned_data["index"]) if self.is_valid() else None

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
