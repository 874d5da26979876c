import re
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from playwright.sync_api import expect

from calculator.fibonacci import digit_count, digits
from tests.browser.reading import ask, expect_value, expect_words

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]


@pytest.fixture
def page(visit):
    return visit(java_script_enabled=False)


def test_a_value_asked_for_is_shown(page, site):
    index = next(site.small)
    ask(page, index)
    expect_value(page, digits(index).decode())


def test_the_pages_lead_through_all_indices_and_back(page, site):
    site.empty()
    asked = {next(site.small) for _ in range(45)}
    for index in asked:
        site.ask(index)
    older = page.get_by_role("link", name=re.compile("older", re.IGNORECASE))
    newer = page.get_by_role("link", name=re.compile("newer", re.IGNORECASE))
    page.goto("/")
    pages = [listed(page)]
    while older.count():
        older.first.click()
        pages.append(listed(page))
    assert len(pages) > 1
    assert set.union(*pages) == asked
    assert sum(map(len, pages)) == len(asked)
    for earlier in reversed(pages[:-1]):
        newer.first.click()
        assert listed(page) == earlier


def listed(page):
    """The indices whose pages are linked from this one."""
    paths = (urlsplit(link.get_attribute("href")).path for link in page.get_by_role("main").get_by_role("link").all())
    return {int(match[1]) for path in paths if (match := re.fullmatch(r"/values/(\d+)", path))}


@pytest.mark.parametrize("own_page", [False, True], ids=["on the first page", "on its own page"])
def test_a_pending_page_looks_again_until_the_value_is_there(page, site, own_page):
    index = next(site.heavy)
    with site.held():
        ask(page, index)
        expect_words(page, re.compile("queued", re.IGNORECASE))
        if own_page:
            page.goto(f"/values/{index}")
            expect_words(page, re.compile("queued", re.IGNORECASE))
    expect_words(page, f"{digit_count(index):,} digits", timeout=30_000)
    expect(page.locator("meta[http-equiv=refresh]")).to_have_count(0)


def test_everything_is_reached_by_links(page, site):
    index = next(site.small)
    site.ask(index)
    reached, to_visit = set(), ["/"]
    while to_visit:
        path = to_visit.pop()
        if path in reached:
            continue
        reached.add(path)
        answer = page.request.get(path)
        # A value's neighbours may not have been asked for: their page offers to do so.
        assert answer.status == 200 or (answer.status == 404 and re.fullmatch(r"/values/\d+", path)), path
        # Other pages of values are like this one, and the API's own page is for programmers with JavaScript.
        if path in {"/", "/otherpage", f"/values/{index}"}:
            page.goto(path)
            links = (link.get_attribute("href") for link in page.get_by_role("link").all())
            addresses = (urldefrag(urljoin(page.url, link)).url for link in links)
            to_visit += [address.removeprefix(site.url) for address in addresses if address.startswith(site.url)]
    assert {"/", "/otherpage", "/api/docs", f"/values/{index}"} <= reached
    assert f"/api/values/{index}/digits?download" in reached
