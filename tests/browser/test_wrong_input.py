import re

import pytest
from playwright.sync_api import expect

from tests.browser.reading import ask, expect_value, field

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

# What is typed, and a word of the answer.
WRONG = {
    "text": ("abc", "“abc” is not"),
    "nothing": ("", "empty|missing"),
    "a negative number": ("-1", "negative"),
    "a fraction": ("1.5", "“1.5” is not"),
    "hexadecimal": ("0x28", "“0x28” is not"),
    "an endless exponent": ("1e400", "is not|too (long|high)"),
    "31 digits": ("9" * 31, "30 digits"),
    "an index above the limit": ("1000000001", "too high"),
}


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
@pytest.mark.parametrize(("typed", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_input_is_kept_and_told_what_is_wrong_with_it(visit, complaints, typed, words, javascript):
    complaints.allow("status of 4(00|22)")
    page = visit(java_script_enabled=javascript)
    ask(page, typed)
    expect(field(page)).to_have_attribute("aria-invalid", "true")
    expect(field(page)).to_have_value(typed)
    expect(field(page)).to_have_accessible_description(re.compile(words, re.IGNORECASE))
    described_by = field(page).get_attribute("aria-describedby").split()
    messages = [page.locator(f"id={identifier}") for identifier in described_by]
    (message,) = [message for message in messages if re.search(words, message.inner_text(), re.IGNORECASE)]
    expect(message).to_be_visible()


def test_wrong_input_can_be_corrected_at_once(page, site, complaints):
    complaints.allow("status of 400")
    ask(page, "abc")
    expect(field(page)).to_have_attribute("aria-invalid", "true")
    field(page).fill("60")
    field(page).press("Enter")
    expect_value(page, "1548008755920")
    expect(field(page)).not_to_have_attribute("aria-invalid", "true")


def test_markup_that_is_typed_is_shown_and_not_run(page, complaints):
    complaints.allow("status of 400")
    typed = "<img src=x onerror=alert(1)>"
    page.on("dialog", lambda dialog: pytest.fail("the markup ran"))
    ask(page, typed)
    expect(field(page)).to_have_value(typed)
    expect(field(page)).to_have_attribute("aria-invalid", "true")
    expect(page.locator("img[src=x]")).to_have_count(0)
