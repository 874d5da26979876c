import re

import pytest
from playwright.sync_api import expect

from calculator.fibonacci import digits
from tests.browser.pages import PAGES
from tests.browser.reading import expect_value, field

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

# Everything that can be reached, with how it looks while it is not.
REMEMBER = """() => {
    const look = (element) => {
        const style = getComputedStyle(element);
        return [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow].join(" ");
    };
    const reachable = [...document.querySelectorAll("a[href], button, input, summary, select, textarea, [tabindex='0']")]
        .filter((element) => element.type !== "hidden" && !element.disabled && element.checkVisibility());
    // From the top, wherever a fragment or a field has put the focus.
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
    window.focusables = new Map(reachable.map((element) => [element, look(element)]));
    window.look = look;
    return reachable.map((element) => element.outerHTML.slice(0, 120));
}"""
# What the focus is on now, and what is wrong with how it looks.
FOCUSED = """() => {
    const element = document.activeElement;
    if (element === document.body) return null;
    const faults = [];
    const style = getComputedStyle(element);
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    if (!outlined || window.look(element) === window.focusables.get(element)) faults.push("no visible focus");
    // A link in a sentence may be on two lines.
    const box = element.getClientRects()[0];
    const inside = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
    if (!inside) faults.push("out of sight");
    else {
        const top = document.elementFromPoint(
            Math.min(Math.max(box.left + box.width / 2, 0), innerWidth - 1),
            Math.min(Math.max(box.top + box.height / 2, 0), innerHeight - 1),
        );
        if (top && !element.contains(top) && !top.contains(element)) faults.push("covered");
    }
    return {is: element.outerHTML.slice(0, 120), faults};
}"""


def tab_to(page, locator, most=30):
    for _ in range(most):
        if locator.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"not reached by {most} times Tab: {locator}")


def test_an_index_is_asked_for_and_its_page_opened_without_a_mouse(page, site):
    index = next(site.small)
    page.goto("/")
    tab_to(page, field(page))
    page.keyboard.type(str(index))
    page.keyboard.press("Enter")
    expect_value(page, digits(index).decode())
    tab_to(page, page.locator(f"main a[href='/values/{index}']").first, 60)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.url}/values/{index}")
    expect_value(page, digits(index).decode())


def test_the_first_stop_leads_past_the_navigation(page, site):
    page.goto("/otherpage")
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    expect(skip).to_have_attribute("href", re.compile("^#"))
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.get_by_role("main").evaluate("(main) => main.contains(document.activeElement)")


@pytest.mark.parametrize("name", PAGES)
def test_everything_is_reached_in_its_order_and_the_focus_is_seen(showing, name):
    with showing(name, reduced_motion="reduce") as page:
        wanted = page.evaluate(REMEMBER)
        found = []
        for _ in wanted:
            page.keyboard.press("Tab")
            found.append(page.evaluate(FOCUSED))
    assert [stop["is"] for stop in found if stop] == wanted
    assert [stop for stop in found if stop["faults"]] == []
