"""
Measure the time from the click to the value in a browser, against a running system that does nothing else.

    python -m benchmarks.click_to_value [--url http://127.0.0.1:8000] [--count 50]

Each sample opens the first page, writes an index that was never asked for and clicks; a script in the page notes the
click and the first frame whose main part shows the value's first digits, whether that is the same document or the next
one. Prints medians and 95th percentiles. Needs Playwright (.venv-dev) and Chromium.
"""

import argparse
import secrets
import statistics
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import count

from playwright.sync_api import Error, Page, sync_playwright

from benchmarks import chromium
from calculator.fibonacci import digits

SIZES = (100, 1_000_000)
# As many digits as the page shows of either end of a long value.
SHOWN_DIGITS = 20
# The session's storage outlives a load of the next document, and the two clocks have one origin in timeOrigin.
WATCH = """
const now = (moment) => performance.timeOrigin + moment;
addEventListener("click", (event) => sessionStorage.setItem("clicked", now(event.timeStamp)), {capture: true});
const look = () => {
    const sought = sessionStorage.getItem("sought");
    const main = document.querySelector("main");
    if (!sought || !main || !main.textContent.replace(/[^0-9]/g, "").includes(sought)) return;
    sessionStorage.removeItem("sought");
    requestAnimationFrame(() => {
        const milliseconds = now(performance.now()) - Number(sessionStorage.getItem("clicked"));
        console.debug(`seen after ${milliseconds}`);
    });
};
new MutationObserver(look).observe(document, {childList: true, characterData: true, subtree: true});
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the system runs (%(default)s)")
    parser.add_argument("--count", type=int, default=50, help="samples for each size, at least 2 (%(default)s)")
    options = parser.parse_args()
    browser_path = chromium.require("click_to_value.py")
    url = options.url.rstrip("/")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=browser_path, args=list(chromium.FLAGS)) as browser,
    ):
        page = browser.new_page(base_url=url)
        page.add_init_script(WATCH)
        try:
            click(page, next(unasked(url, 90)))  # the first one warms up both sides
            print(f"{'index':>12}{'median ms':>12}{'p95 ms':>12}{'longest ms':>12}")
            for size in SIZES:
                indices = unasked(url, size)
                waited = [click(page, next(indices)) for _ in range(options.count)]
                percentile = statistics.quantiles(waited, n=20, method="inclusive")[18]
                print(
                    f"{size:>12,}{statistics.median(waited):>12.0f}{percentile:>12.0f}{max(waited):>12.0f}", flush=True
                )
        except (Error, urllib.error.URLError) as error:
            sys.exit(f"click_to_value.py: {url}: {error}")


def unasked(url: str, size: int) -> Iterator[int]:
    """Return indices from about `size` on that were never asked for."""
    for index in count(size + secrets.randbelow(max(size // 10, 1))):
        try:
            urllib.request.urlopen(f"{url}/api/values/{index}", timeout=30).close()  # noqa: S310 the user's own address
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 404:  # noqa: PLR2004
                raise
            yield index


def click(page: Page, index: int) -> float:
    """Return the milliseconds from the click that asks for `index` to the frame that shows its value."""
    page.goto("/", wait_until="load")
    page.get_by_role("textbox").first.fill(str(index))
    page.evaluate("(digits) => sessionStorage.setItem('sought', digits)", digits(index)[:SHOWN_DIGITS].decode())
    with page.expect_console_message(lambda message: message.text.startswith("seen after ")) as seen:
        page.locator("form button[type=submit]").first.click(no_wait_after=True)
    return float(seen.value.text.removeprefix("seen after "))


if __name__ == "__main__":
    main()
