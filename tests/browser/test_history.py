import json
import re

import pytest
from playwright.sync_api import expect

from calculator.fibonacci import digits
from tests.browser.reading import ask, expect_value

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]


def test_the_back_button_returns_to_each_page_as_it_was(page, site):
    index = next(site.small)
    ask(page, index)
    expect_value(page, digits(index).decode())
    asked = page.url
    page.locator(f"main a[href='/values/{index}']").first.click()
    expect(page).to_have_url(f"{site.url}/values/{index}")
    page.get_by_role("navigation").locator("a[href='/otherpage']").click()
    expect(page).to_have_url(f"{site.url}/otherpage")
    heading = page.get_by_role("heading", level=1).inner_text()

    page.go_back()
    expect(page).to_have_url(f"{site.url}/values/{index}")
    expect_value(page, digits(index).decode())
    expect(page).to_have_title(re.compile(rf"F\({index:,}\)"))
    page.go_back()
    expect(page).to_have_url(asked)
    expect_value(page, digits(index).decode())
    page.go_forward()
    page.go_forward()
    expect(page).to_have_url(f"{site.url}/otherpage")
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)


def test_going_back_and_reloading_do_not_ask_again(page, site):
    index = next(site.small)
    ask(page, index)
    expect_value(page, digits(index).decode())
    page.reload()
    page.goto("/otherpage")
    page.go_back()
    expect_value(page, digits(index).decode())
    assert json.loads(site.open(f"/api/values/{index}"))["times_requested"] == 1
