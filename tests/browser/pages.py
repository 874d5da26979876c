"""Every page in every state: what a test of all pages goes through."""

import re

from playwright.sync_api import expect

from tests.browser.reading import ask, expect_words
from tests.browser.site import TOO_HIGH

# A value that is shown whole in many rows, and one of which both ends are shown.
WHOLE, EXCERPT = 47_000, 1_000_000


def show_empty(page, site):
    site.empty()
    page.goto("/")
    expect_words(page, re.compile("none yet|nothing yet|no ind", re.IGNORECASE))


def show_done(page, site):
    for index in (1, WHOLE, EXCERPT):
        site.ask(index)
    ask(page, EXCERPT)
    expect_words(page, "208,988 digits")


def show_pending(page, site):
    ask(page, next(site.heavy))
    expect_words(page, re.compile("queued", re.IGNORECASE))


def show_pending_value(page, site):
    index = next(site.heavy)
    site.ask(index, wait=0)
    page.goto(f"/values/{index}")
    expect_words(page, re.compile("queued", re.IGNORECASE))


def show_failed(page, site):
    site.fail()
    page.goto("/")
    expect_words(page, re.compile("too high", re.IGNORECASE))


def show_failed_value(page, site):
    page.goto(f"/values/{site.fail()}")
    expect_words(page, re.compile("too high", re.IGNORECASE))


def show_wrong_input(page, site):
    ask(page, "9" * 200)
    expect(page.locator("[aria-invalid=true]")).to_be_visible()


def show_value(index):
    def show(page, site):
        site.ask(index)
        page.goto(f"/values/{index}")
        expect_words(page, re.compile("SHA-256"))

    return show


def show_otherpage(page, site):
    site.ask(EXCERPT)
    page.goto("/otherpage")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def show_otherpage_empty(page, site):
    site.empty()
    page.goto("/otherpage")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def show_older(page, site):
    for index in range(25):
        site.ask(index)
    page.goto("/?page=2")
    expect(page.get_by_role("link", name=re.compile("newer", re.IGNORECASE))).to_be_visible()


def show_address(path):
    def show(page, site):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()

    return show


PAGES = {
    "empty": show_empty,
    "done": show_done,
    "pending": show_pending,
    "failed": show_failed,
    "wrong input": show_wrong_input,
    "older indices": show_older,
    "value small": show_value(7),
    "value whole": show_value(WHOLE),
    "value excerpt": show_value(EXCERPT),
    "value pending": show_pending_value,
    "value failed": show_failed_value,
    "value unasked": show_address("/values/999999999"),
    "value too high": show_address(f"/values/{TOO_HIGH + 1}"),
    "otherpage": show_otherpage,
    "otherpage empty": show_otherpage_empty,
    "nothing there": show_address("/nothing/here"),
}
