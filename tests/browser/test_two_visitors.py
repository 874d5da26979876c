import json

import pytest

from calculator.fibonacci import digit_count, digits
from tests.browser.reading import ask, expect_value, expect_words

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]


def test_two_who_ask_for_the_same_at_once_both_see_its_value(visit, site):
    index = next(site.heavy)
    pages = [visit(), visit()]
    with site.held():
        for page in pages:
            ask(page, index)
            expect_words(page, "queued")
    for page in pages:
        expect_words(page, f"{digit_count(index):,} digits", timeout=30_000)
    assert json.loads(site.open(f"/api/values/{index}"))["times_requested"] == 2


def test_what_one_visitor_asks_for_another_finds_listed(visit, site):
    index = next(site.small)
    one, other = visit("/"), visit("/")
    ask(one, index)
    expect_value(one, digits(index).decode())
    other.goto("/")
    expect_value(other, digits(index).decode())
    other.get_by_role("main").locator(f"a[href='/values/{index}']").first.click()
    expect_value(other, digits(index).decode())
