"""What the pages do by themselves, without being loaded anew."""

import re

import pytest
from playwright.sync_api import expect

from calculator.fibonacci import digit_count, digits
from tests.browser.reading import ask, expect_value, expect_words, field

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

# What a browser says when the server is away, and htmx of it.
AWAY = ("ERR_", "status of 50", "htmx:(sendError|afterRequest|responseError)", "Response Status Error")


@pytest.fixture
def stays():
    """Mark a page, and afterwards make sure that it was never loaded anew."""
    marked = []

    def mark(page):
        page.evaluate("window.marked = true")
        marked.append(page)

    yield mark
    for page in marked:
        assert page.evaluate("window.marked") is True


def test_a_value_arrives_in_the_page_that_is_open_and_the_field_is_ready_for_the_next(page, site, stays):
    page.goto("/")
    stays(page)
    for index in (next(site.small), next(site.small)):
        field(page).press_sequentially(str(index))
        field(page).press("Enter")
        expect(page.get_by_role("heading", name=f"F({index}) =")).to_be_visible()
        expect_value(page, digits(index).decode())
        expect(page).to_have_url(f"{site.url}/?asked={index}")
        expect(page.locator("#values-title + ul > li").first).to_contain_text(f"For index {index} I calculated")
        expect(page.locator("#seen-title + ul > li").first).to_contain_text(str(index))
        expect(field(page)).to_be_focused()
        expect(field(page)).to_have_value("")


def test_a_slow_value_turns_from_queued_into_itself_and_is_announced(page, site, stays):
    index = next(site.heavy)
    page.goto("/")
    stays(page)
    with site.held():
        field(page).fill(str(index))
        page.get_by_role("button", name="Calculate").click()
        expect(page.get_by_role("heading", name=f"F({index:,}) is queued")).to_be_visible()
        expect(page.locator("#values-title + ul > li").first).to_contain_text("queued")
    expect_words(page, f"{digit_count(index):,} digits", timeout=30_000)
    expect(page.locator("#announcement")).to_contain_text(f"F({index:,}) is calculated: {digit_count(index):,} digits")
    expect(page.locator("#values-title + ul > li").first).to_contain_text(f"For index {index:,} I calculated")


def test_the_page_of_a_slow_value_follows_until_it_is_done_and_looks_no_more(page, site, stays):
    index = next(site.heavy)
    with site.held():
        site.ask(index, wait=0)
        page.goto(f"/values/{index}")
        stays(page)
        expect_words(page, "queued")
    expect_words(page, f"of {digit_count(index):,}", timeout=30_000)
    expect(page.locator("#announcement")).to_contain_text(f"F({index:,}) is calculated")
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.wait_for_timeout(2500)
    assert requests == []


def test_what_others_ask_for_appears_by_itself(visit, site, stays):
    watcher = visit("/")
    stays(watcher)
    index = next(site.small)
    ask(visit(), index)
    expect_value(watcher, digits(index).decode(), timeout=15_000)


def test_what_is_typed_is_understood_and_its_cost_told(page, site):
    page.goto("/")
    field(page).press_sequentially("1e6")
    expect(page.locator("#cost")).to_contain_text("F(1,000,000) has 208,988 digits.")
    field(page).press_sequentially("x")
    expect(page.locator("#cost")).to_contain_text("“1e6x” is not a whole number")
    field(page).fill("10^9")
    expect(page.locator("#cost")).to_contain_text("F(1,000,000,000) has 208,987,640 digits.")
    field(page).fill("")
    expect(page.locator("#cost")).to_have_text("")


@pytest.mark.parametrize("typed", ["1e3", "1,000", "10^3", "1_000", "F(1000)", "１０００"])
def test_an_index_is_understood_as_people_write_it(page, site, typed):
    ask(page, typed)
    expect(page.get_by_role("heading", name="F(1,000) =")).to_be_visible()
    assert page.get_by_role("main").get_by_role("link", name="Everything about F(1,000)").is_visible()


def test_a_wrong_index_is_answered_in_place_and_can_be_mended(page, site, stays, complaints):
    complaints.allow("status of 400")
    page.goto("/")
    stays(page)
    field(page).fill("abc")
    field(page).press("Enter")
    expect(field(page)).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".error")).to_contain_text("“abc” is not a whole number")
    expect(field(page)).to_have_value("abc")
    expect(field(page)).to_be_focused()
    expect(page.locator("#banner")).to_be_hidden()
    field(page).fill("7")
    field(page).press("Enter")
    expect(page.get_by_role("heading", name="F(7) =")).to_be_visible()
    expect(page.locator(".error")).to_have_count(0)


def test_while_the_server_is_away_a_banner_says_so_and_goes_by_itself(page, site, stays, complaints):
    complaints.allow(*AWAY)
    page.goto("/")
    stays(page)
    banner = page.locator("#banner")
    index = next(site.small)
    with site.away():
        field(page).fill(str(index))
        field(page).press("Enter")
        expect(banner).to_contain_text("Your index may not have arrived: try again in a moment.")
        expect(banner).to_be_visible()
        expect(field(page)).to_have_value(str(index))
        expect(banner).to_contain_text("This page keeps trying.", timeout=20_000)
    expect(banner).to_be_hidden(timeout=40_000)
    field(page).press("Enter")
    expect_value(page, digits(index).decode())


def test_a_hidden_page_does_not_look_and_looks_at_once_when_it_is_seen_again(page, site):
    index = next(site.heavy)
    with site.held():
        ask(page, index)
        expect_words(page, "queued")
        page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
        # What is on its way may still come.
        page.wait_for_timeout(500)
        requests = []
        page.on("request", lambda request: requests.append(request.url))
        page.wait_for_timeout(3000)
        assert requests == []
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    expect_words(page, f"{digit_count(index):,} digits", timeout=30_000)


def test_the_other_page_is_reached_without_loading_anew_and_left_by_the_back_button(page, site, stays):
    index = next(site.small)
    ask(page, index)
    expect_value(page, digits(index).decode())
    stays(page)
    page.get_by_role("link", name="How it works").click()
    expect(page).to_have_url(f"{site.url}/otherpage")
    expect(page).to_have_title(re.compile("How an index travels"))
    expect(page.get_by_role("heading", name="Postgres")).to_be_visible()
    expect(page.locator("#main")).to_be_focused()
    page.go_back()
    expect(page).to_have_url(f"{site.url}/?asked={index}")
    expect_value(page, digits(index).decode())
    # What came back follows by itself again.
    another = next(site.small)
    site.ask(another)
    expect_value(page, digits(another).decode(), timeout=15_000)


def test_the_live_picture_shows_what_a_worker_computes_and_that_it_is_done(page, site, stays):
    page.goto("/otherpage")
    stays(page)
    with site.held():
        # The first may go to the worker that stands still, the second waits.
        for _ in range(2):
            site.ask(next(site.heavy), wait=0)
        expect(page.locator(".broker")).to_contain_text(re.compile("[12] heavy"), timeout=10_000)
        expect(page.locator(".arrow.busy")).not_to_have_count(0)
    expect(page.locator(".broker")).to_contain_text("0 heavy", timeout=30_000)
    expect(page.locator(".arrow.busy")).to_have_count(0, timeout=30_000)


def test_the_digits_are_paged_through_in_place_and_have_addresses(page, site, stays):
    index = 100_000
    site.ask(index)
    whole = digits(index).decode()
    page.goto(f"/values/{index}")
    stays(page)
    expect_words(page, "Digits 1 to 1,000 of 20,899")
    page.get_by_role("link", name="Next", exact=True).click()
    expect_words(page, "Digits 1,001 to 2,000 of 20,899")
    expect(page).to_have_url(f"{site.url}/values/{index}?position=1001")
    expect_words(page, whole[1000:2000])
    page.get_by_label("From digit").fill("20,000")
    page.get_by_label("From digit").press("Enter")
    expect_words(page, "Digits 20,000 to 20,899 of 20,899")
    page.get_by_role("link", name="Last", exact=True).click()
    expect_words(page, "Digits 19,900 to 20,899 of 20,899")
    page.go_back()
    expect_words(page, "Digits 20,000 to 20,899 of 20,899")


def test_a_value_is_copied_whole_by_the_button_and_without_its_gaps_by_hand(page, site):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    index = 1_000
    site.ask(index)
    page.goto(f"/values/{index}")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == digits(index).decode()
    page.evaluate("navigator.clipboard.writeText('')")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.digits'))")
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()") == digits(index).decode()


def test_a_focused_link_keeps_its_focus_when_the_list_follows(page, site):
    first, second = next(site.small), next(site.small)
    site.ask(first)
    page.goto("/")
    page.locator(f"#seen-{first}").focus()
    site.ask(second)
    expect(page.locator(f"#seen-{second}")).to_be_visible(timeout=15_000)
    expect(page.locator(f"#seen-{first}")).to_be_focused()
