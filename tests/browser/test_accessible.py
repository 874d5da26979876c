import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.pages import PAGES

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

# Not of /api/docs: the page of Swagger UI is another project's, and what it shows is in /api/schema, too.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(showing, name):
    # With less motion: a colour that is still on its way has too little contrast.
    with showing(name, reduced_motion="reduce") as page:
        options = {"runOnly": RULES, "resultTypes": ["violations"]}
        for width in (320, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            for color_scheme in ("light", "dark"):
                page.emulate_media(color_scheme=color_scheme)
                results = Axe().run(page, options=options)
                assert not results.violations_count, f"{width} {color_scheme}: {results.generate_report()}"
