"""
Score the pages of a running system with Lighthouse, which needs Node.js (npm) and Chromium.

    python -m benchmarks.lighthouse [--url http://127.0.0.1:8000] [--runs 3] [--at-least 98]

Asks for index 1,000 first, so that its page has a value. Prints the median of each score with the audits that failed,
and ends with 1 when a score is below --at-least. The pinned Lighthouse is kept in --cache. Needs the standard library
alone.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from benchmarks import chromium

LIGHTHOUSE = "lighthouse@12.8.2"  # the last line that runs on Node.js 20; 13 needs 22.19
PATHS = ("/", "/values/1000", "/otherpage")
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
FLAGS = " ".join(("--headless=new", *chromium.FLAGS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the system runs (%(default)s)")
    parser.add_argument(
        "--runs", type=int, default=3, help="runs for each page, of which the median counts (%(default)s)"
    )
    parser.add_argument("--at-least", type=float, default=98, help="the lowest score allowed (%(default)s)")
    parser.add_argument("--form-factor", choices=("mobile", "desktop"), default="mobile", help="(%(default)s)")
    cache = Path.home() / ".cache" / "fibsite-lighthouse"
    parser.add_argument("--cache", type=Path, default=cache, help="where npm keeps Lighthouse (%(default)s)")
    options = parser.parse_args()
    if not shutil.which("npx"):
        sys.exit("lighthouse.py: npx is missing: install Node.js 20 or newer with npm (apt-get install npm).")
    browser = chromium.require("lighthouse.py")
    url = options.url.rstrip("/")
    ask(url, 1000)
    print(f"{'':<16}" + "".join(f"{category:>16}" for category in CATEGORIES))
    lowest = 100.0
    for path in PATHS:
        reports = [run(url + path, browser, options.cache, options.form_factor) for _ in range(options.runs)]
        scores = [statistics.median(score(report, category) for report in reports) for category in CATEGORIES]
        print(f"{path:<16}" + "".join(f"{score:>16.0f}" for score in scores), flush=True)
        for failure in failures(reports[-1]):
            print(f"    {failure}")
        lowest = min(lowest, *scores)
    if lowest < options.at_least:
        sys.exit(f"lighthouse.py: a score of {lowest:.0f} is below {options.at_least:.0f}.")


def ask(url: str, index: int) -> None:
    body = json.dumps({"index": index}).encode()
    request = urllib.request.Request(  # noqa: S310 the user's own address
        f"{url}/api/values", body, {"Content-Type": "application/json", "Prefer": "wait=10"}
    )
    try:
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
    except OSError as error:
        sys.exit(f"lighthouse.py: nothing that works answers at {url}: {error}")


def run(address: str, browser: str, cache: Path, form_factor: str) -> dict:
    """Return Lighthouse's report on one load of the page."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [
            "npx", "--yes", "--cache", str(cache), LIGHTHOUSE, address, "--quiet", "--output", "json",
            "--output-path", str(report), "--only-categories", ",".join(CATEGORIES), f"--chrome-flags={FLAGS}",
        ]  # fmt: skip
        if form_factor == "desktop":
            command += ["--preset", "desktop"]
        done = subprocess.run(
            command, env={**os.environ, "CHROME_PATH": browser}, capture_output=True, text=True, check=False
        )
        if done.returncode or not report.exists():
            sys.exit(f"lighthouse.py: {LIGHTHOUSE} failed on {address}:\n{done.stdout}{done.stderr}")
        loaded = json.loads(report.read_text())
    if "runtimeError" in loaded:
        sys.exit(f"lighthouse.py: {address}: {loaded['runtimeError']['message']}")
    return loaded


def score(report: dict, category: str) -> float:
    found = report["categories"][category]["score"]
    return 0.0 if found is None else found * 100


def failures(report: dict) -> list[str]:
    """Return the audits that took points, with what they say."""
    lines = []
    for category in CATEGORIES:
        for reference in report["categories"][category]["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and audit["score"] is not None and audit["score"] < 0.9:  # noqa: PLR2004 its "good"
                lines.append(f"{category}: {audit['title']} {audit.get('displayValue', '')}".rstrip())
    return lines


if __name__ == "__main__":
    main()
