import re

import pytest
from playwright.sync_api import expect

from calculator.fibonacci import digit_count
from tests.browser.reading import ask, expect_words

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

# Some seconds on two processors, in about 700 MB. Ten further a value has other digits, and other numbers of them.
SLOW = 500_000_000


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_a_slow_index_shows_its_progress_until_the_value_is_there(visit, site, javascript):
    index = SLOW + 10 * javascript
    page = visit(java_script_enabled=javascript)
    ask(page, index)
    expect(page.get_by_role("progressbar").first).to_be_visible()
    expect_words(page, f"{digit_count(index):,} digits", timeout=120_000)
    expect(page.get_by_role("progressbar")).to_have_count(0)
    page.goto(f"/values/{index}")
    expect_words(page, re.compile("SHA-256"))
