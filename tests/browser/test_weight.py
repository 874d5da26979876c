import pytest

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

MOST_BYTES = 60_000


@pytest.mark.parametrize("path", ["/", "/values/1000", "/otherpage"])
def test_a_first_visit_takes_less_than_60_kb_over_the_wire(page, site, path):
    for index in range(20):
        site.ask(1_000 + index)
    weights = weigh(page)
    page.goto(path, wait_until="networkidle")
    assert weights
    assert sum(weights) < MOST_BYTES


def weigh(page):
    """Return a list that gets the bytes of each answer from now on, headers included, as they came over the wire."""
    weights = []
    protocol = page.context.new_cdp_session(page)
    protocol.send("Network.enable")
    protocol.on("Network.loadingFinished", lambda event: weights.append(event["encodedDataLength"]))
    return weights
