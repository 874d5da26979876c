import os
from pathlib import Path

import pytest

from tests.browser.pages import PAGES

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

WIDTHS = (320, 390, 768, 1280, 1920)
OVERFLOW = """() => {
    const width = document.documentElement.clientWidth;
    const hidden = (element) => element.closest(".skip, [hidden]") || getComputedStyle(element).position === "absolute";
    const outside = [...document.body.querySelectorAll("*")]
        .filter((element) => element.getBoundingClientRect().right > width + 1 && !hidden(element));
    return {
        scrolled: document.scrollingElement.scrollWidth - width,
        outside: outside.slice(0, 5).map((element) => element.outerHTML.slice(0, 80)),
    };
}"""


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory):
    """Where pictures are left to be looked at: in $SCREENSHOTS, if that is set."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_the_screen(showing, screenshots, name):
    with showing(name, reduced_motion="reduce") as page:
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            for color_scheme in ("light", "dark"):
                page.emulate_media(color_scheme=color_scheme)
                picture = f"{name}-{width}-{color_scheme}.png".replace(" ", "-")
                page.screenshot(path=screenshots / picture, full_page=True)
            assert page.evaluate(OVERFLOW) == {"scrolled": 0, "outside": []}, width


@pytest.mark.parametrize("name", ["done", "pending", "value pending", "otherpage"])
def test_nothing_moves_for_those_who_asked_for_stillness(showing, name):
    with showing(name, reduced_motion="reduce") as page:
        moving = "document.getAnimations().filter((animation) => animation.playState === 'running').length"
        assert page.evaluate(moving) == 0


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_a_page_follows_the_color_scheme_of_the_system(visit, color_scheme):
    page = visit("/", color_scheme=color_scheme)
    red, green, blue = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).map(Number)")[
        :3
    ]
    assert (red + green + blue > 3 * 128) == (color_scheme == "light")


def test_on_paper_there_is_the_number_and_nothing_to_press(page, site):
    site.ask(1_000)
    page.goto("/values/1000")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".digits").is_visible()
    assert page.get_by_text("SHA-256").is_visible()
    assert [one for one in page.locator("nav, form, button").all() if one.is_visible()] == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
