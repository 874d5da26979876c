import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]


def test_the_api_can_be_tried_under_the_strict_policy(page, site):
    page.goto("/api/docs")
    operation = page.locator(".opblock-post").first
    expect(operation).to_be_visible()
    operation.locator(".opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table tbody .response-col_status")).to_have_text(
        re.compile("20[02]"), timeout=20_000
    )
