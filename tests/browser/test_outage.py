import pytest

from calculator.fibonacci import digits
from tests.browser.reading import ask, expect_value

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]


def test_a_visitor_goes_on_when_the_server_was_away_and_is_back(page, site, complaints):
    complaints.allow("ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET", "status of 50")
    index = next(site.small)
    ask(page, index)
    expect_value(page, digits(index).decode())
    with site.away():
        pass
    page.reload()
    expect_value(page, digits(index).decode())
    another = next(site.small)
    ask(page, another)
    expect_value(page, digits(another).decode())
