from http import HTTPStatus

import pytest

from frontend.forms import IndexForm

NOT_A_NUMBER = "is not a whole number: write it in digits alone."
WRONG = [
    "abc",
    "10abc",
    "3.5",
    "1e-3",
    "0x28",
    "1,00",
    "1_0",
    "+-7",
    "7 7",
    "NaN",
    "٣",
    "²",
    "\x00",
    "7\x00",
    "−1",
]


@pytest.mark.parametrize(
    ("typed", "index"),
    [("7", 7), ("0", 0), ("007", 7), (" 7", 7), ("7 \t\r\n", 7), ("100000000", 100_000_000)],
)
def test_digits_are_an_index_with_white_space_around_or_not(typed, index):
    form = IndexForm({"index": typed})
    assert form.is_valid()
    assert form.cleaned_data == {"index": index}
    assert form.status == HTTPStatus.OK


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "The index is empty: give a whole number."),
        ("   ", "The index is empty: give a whole number."),
        ("-1", "An index is not negative: the first one is 0."),
        ("9" * 31, "A number of more than 30 digits is too long to be an index."),
        ("9" * 100_000, "A number of more than 30 digits is too long to be an index."),
        *((typed, f"“{typed}” {NOT_A_NUMBER}") for typed in WRONG),
    ],
)
def test_anything_else_is_no_index_and_the_message_says_why(typed, message):
    form = IndexForm({"index": typed})
    assert form.errors == {"index": [message]}
    assert form.status == HTTPStatus.BAD_REQUEST


def test_a_form_without_the_field_says_that_it_is_missing():
    assert IndexForm({}).errors == {"index": ["The index is missing: give a whole number."]}


def test_too_high_an_index_says_the_limit_and_what_it_would_need():
    form = IndexForm({"index": "100000001"})
    assert form.errors == {
        "index": [
            (
                "Index too high: the limit is 100,000,000. "
                "F(100,000,001) has 20,898,764 digits and would need 123.0\N{NO-BREAK SPACE}MB of memory."
            )
        ]
    }
    assert form.status == HTTPStatus.UNPROCESSABLE_ENTITY


def test_the_highest_index_that_can_be_read_has_a_cost_too():
    (message,) = IndexForm({"index": "9" * 30}).errors["index"]
    assert "has 208,987,640,249,978,733,769,272,089,237 digits" in message
    assert message.endswith("would need 836.0\N{NO-BREAK SPACE}RB of memory.")


def test_the_hint_names_the_limit_of_the_settings(settings):
    settings.MAX_INDEX = 1234
    assert IndexForm()["index"].help_text == "A whole number from 0 to 1,234; 1e6, 10^6 and 1,000,000 will do as well."


def test_an_empty_form_has_nothing_to_complain_about():
    form = IndexForm()
    assert form.status == HTTPStatus.OK
    assert "aria-invalid" not in str(form["index"])


def test_a_wrong_field_is_marked_and_points_to_its_message_and_its_hint():
    field = str(IndexForm({"index": "abc"})["index"])
    assert 'aria-invalid="true"' in field
    assert 'aria-describedby="id_index_helptext id_index_error"' in field
