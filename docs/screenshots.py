"""
Make the pictures of the README, and the one that others show beside a link, from a running system that is new.

    make screenshots [URL=http://127.0.0.1:8000]

Asks for a few indices first, so that the lists are not empty. Needs Playwright (.venv-dev) and Chromium.
"""

import argparse
import json
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, sync_playwright

from benchmarks import chromium

HERE = Path(__file__).parent
INDICES = (7, 12, 50, 90, 144, 1_000, 4_181, 28_657, 100_000, 317_811, 1_000_000, 10_000_000)
# The name of the picture: its path, and the colours.
PICTURES = {
    "home-light": ("/?asked=144", "light"),
    "home-dark": ("/?asked=144", "dark"),
    "value": ("/values/1000000", "light"),
    "otherpage": ("/otherpage", "light"),
}
SIZE = {"width": 1100, "height": 800}
SCALES = (1.5, 1)
# What is shown beside a link to the site, in the size that is usual.
PREVIEW = HERE.parent / "frontend" / "static" / "frontend" / "preview.png"
PREVIEW_SIZE = {"width": 1200, "height": 630}
MOST_BYTES = 200_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the system runs (%(default)s)")
    parser.add_argument("--folder", type=Path, default=HERE, help="where the pictures go (%(default)s)")
    options = parser.parse_args()
    browser_path = chromium.require("screenshots.py")
    url = options.url.rstrip("/")
    try:
        for index in INDICES:
            ask(url, index)
        with (
            sync_playwright() as playwright,
            playwright.chromium.launch(executable_path=browser_path, args=list(chromium.FLAGS)) as browser,
        ):
            for name, (path, color_scheme) in PICTURES.items():
                picture = options.folder / f"{name}.png"
                take(browser, url + path, picture, color_scheme=color_scheme)
            take(browser, url, PREVIEW, viewport=PREVIEW_SIZE, scales=(1,))
    except (Error, OSError) as error:
        sys.exit(f"screenshots.py: {url}: {error}")


def ask(url: str, index: int) -> None:
    body = json.dumps({"index": index}).encode()
    request = urllib.request.Request(  # noqa: S310 the user's own address
        f"{url}/api/values", body, {"Content-Type": "application/json", "Prefer": "wait=10"}
    )
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310


def take(browser: Browser, address: str, picture: Path, *, scales: Sequence[float] = SCALES, **options: Any) -> None:
    """Take a picture of the top of a page, smaller where it would weigh too much, and say where it is."""
    for scale in scales:
        context = browser.new_context(
            **{"viewport": SIZE, "device_scale_factor": scale, "reduced_motion": "reduce", **options}
        )
        page = context.new_page()
        page.goto(address, wait_until="load")
        page.screenshot(path=picture)
        context.close()
        if picture.stat().st_size <= MOST_BYTES:
            break
    sys.stdout.write(f"{picture}: {picture.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main()
