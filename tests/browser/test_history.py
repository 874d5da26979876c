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


def kept_back(page, address):
    """Keep back what the page asks of an address from now on; a list of what it was, to be sent on later."""
    requests = []

    def keep(route):
        requests.append(route)

    page.route(address, keep)
    return requests


def test_whoever_goes_on_before_a_page_is_there_gets_the_one_gone_to_last(page, site):
    index = next(site.small)
    ask(page, index)
    expect_value(page, digits(index).decode())
    page.locator(f"main a[href='/values/{index}']").first.click()
    expect(page).to_have_url(f"{site.url}/values/{index}")
    page.get_by_role("navigation").locator("a[href='/otherpage']").click()
    expect(page).to_have_url(f"{site.url}/otherpage")
    heading = page.get_by_role("heading", level=1)
    other = heading.inner_text()
    page.go_back()
    expect(heading).to_contain_text(f"F({index})")
    page.go_back()
    expect_value(page, digits(index).decode())

    late = kept_back(page, f"**/values/{index}")
    page.go_forward()
    expect(page).to_have_url(f"{site.url}/values/{index}")
    page.go_forward()
    expect(heading).to_have_text(other)
    # By a link, too.
    page.go_back()
    page.get_by_role("navigation").locator("a[href='/']").click()
    expect(page).to_have_url(f"{site.url}/")
    expect(heading).not_to_have_text(other)
    home = heading.inner_text()
    assert len(late) == 2
    for route in late:
        route.continue_()
    page.wait_for_timeout(500)
    expect(heading).to_have_text(home)
    expect(page).to_have_url(f"{site.url}/")


def test_of_two_links_the_one_followed_last_is_shown(page, site, complaints):
    complaints.allow("htmx:(sendAbort|afterRequest)")
    index = next(site.small)
    site.ask(index)
    page.goto(f"/values/{index}")
    late = kept_back(page, "**/otherpage")
    links = page.get_by_role("navigation")
    links.locator("a[href='/otherpage']").click()
    links.locator("a[href='/']").click()
    expect(page).to_have_url(f"{site.url}/")
    assert len(late) == 1
    late[0].continue_()
    page.wait_for_timeout(500)
    expect(page).to_have_url(f"{site.url}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Fibonacci numbers, exact")


def test_a_page_gone_back_to_while_the_server_is_away_comes_by_itself(page, site, complaints):
    complaints.allow("ERR_", "htmx:(sendError|afterRequest)")
    site.ask(7)
    page.goto("/values/7")
    page.get_by_role("navigation").locator("a[href='/otherpage']").click()
    expect(page).to_have_url(f"{site.url}/otherpage")
    with site.away():
        page.go_back()
        expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    expect(page.get_by_role("heading", level=1)).to_contain_text("F(7)", timeout=10_000)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_going_back_and_reloading_do_not_ask_again(page, site):
    index = next(site.small)
    ask(page, index)
    expect_value(page, digits(index).decode())
    page.reload()
    page.goto("/otherpage")
    page.go_back()
    expect_value(page, digits(index).decode())
    assert json.loads(site.open(f"/api/values/{index}"))["times_requested"] == 1
