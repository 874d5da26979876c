"""The running site, a real Chromium, and pages that fail their test when the browser complains."""

import re
import shutil
import subprocess
from contextlib import contextmanager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from benchmarks import chromium
from tests.browser.pages import PAGES
from tests.browser.site import Site
from tests.missing import leave_out

HERE = Path(__file__).parent
# What the page reports by itself of its Content-Security-Policy; the console alone would show it in words that change.
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`Content-Security-Policy: ${event.violatedDirective} blocked ${event.blockedURI}`);
});
"""


def pytest_collection_modifyitems(config, items):
    leave_out(config, items, [item for item in items if item.path.is_relative_to(HERE)], missing)


def missing():
    return "" if chromium.installed() else "no Chromium: install the package chromium (apt-get install chromium)"


@pytest.fixture(scope="session")
def chromium_path():
    """Where Chromium is: CI installs it where there is none."""
    if not chromium.installed():
        assert shutil.which("apt-get"), "Chromium is missing, and there is no apt-get to install it with"
        for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"Chromium is missing, and {' '.join(command)} failed:\n{done.stderr}"
    return chromium.installed()


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The whole system, as `make run` starts it, with data of its own."""
    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.remove()


@pytest.fixture(scope="module")
def browser(chromium_path):
    """
    One Chromium for the tests of a module.

    Not of the session: as long as Playwright runs, its event loop is the main thread's, and Django refuses its database.
    """
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium_path, args=list(chromium.FLAGS)) as browser,
    ):
        yield browser


@pytest.fixture
def complaints(site):
    """What the browsers of this test complained about; `allow` what the test provokes."""
    complaints = Complaints(site.url)
    yield complaints
    complaints.require_none()


class Complaints:
    """Uncaught errors, console errors, violations of the Content-Security-Policy, requests to anybody else."""

    def __init__(self, url):
        self.host = urlsplit(url).netloc
        self.heard = []
        self.allowed = []

    def allow(self, *patterns):
        """Expect complaints that one of these regular expressions finds."""
        self.allowed += patterns

    def listen(self, context):
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("console", self.hear_console)
        context.on("weberror", lambda error: self.heard.append(f"uncaught: {error.error}"))
        context.on("request", self.hear_request)

    def hear_console(self, message):
        if message.type == "error":
            self.heard.append(f"{message.text} ({message.location.get('url')})")

    def hear_request(self, request):
        address = urlsplit(request.url)
        if address.scheme in {"http", "https", "ws", "wss"} and address.netloc != self.host:
            self.heard.append(f"another host: {request.url}")

    def require_none(self):
        unexpected = [words for words in self.heard if not any(re.search(allowed, words) for allowed in self.allowed)]
        assert not unexpected


@pytest.fixture
def visit(browser, site, complaints):
    """Open a page for a visitor of one's own: with `java_script_enabled=False`, `viewport={…}`, `color_scheme="dark"` …"""
    contexts = []

    def open_page(path=None, **options):
        context = browser.new_context(base_url=site.url, **options)
        context.set_default_timeout(15_000)
        contexts.append(context)
        complaints.listen(context)
        page = context.new_page()
        if path is not None:
            page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(visit):
    """An empty page of a visitor who has never been here."""
    return visit()


@pytest.fixture
def context(page):
    return page.context


@pytest.fixture
def showing(site, visit, complaints):
    """Open a page in the state of this name (see pages.py), in which it stays until the end of the block."""

    @contextmanager
    def show(name, **options):
        # htmx says so when a request of its own is stopped.
        complaints.allow("status of 4(00|04)", "htmx:(sendAbort|afterRequest)")
        page = visit(**options)
        with site.held() if "pending" in name else nullcontext():
            PAGES[name](page, site)
            # It looks again by itself, which would pull the page from under the test.
            complaints.allow("htmx:(sendAbort|afterRequest)")
            page.evaluate("window.stop()")
            page.route("**", lambda route: None)
            yield page

    return show
