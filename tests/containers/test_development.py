"""The development stack follows a change of the code by itself."""

import http.client
import re
import time
from contextlib import closing

import pytest

from conftest import eventually
from tests.containers.stack import fresh

pytestmark = pytest.mark.xdist_group("containers")

# Once somebody has written a change, this is how long it may take until it can be seen.
SECONDS = 5


@pytest.fixture
def changed(development):
    """Change a file of the copy, and afterwards undo it."""
    before = {}

    def change(name, old, new):
        path = development.folder / name
        before.setdefault(path, path.read_text())
        assert old in before[path]
        path.write_text(before[path].replace(old, new))

    yield change
    for path, text in before.items():
        path.write_text(text)


def test_the_contract_works_in_development(development):
    assert development.value(7)["value"] == "13"
    # A change that another test took back makes web start anew.
    eventually(lambda: "Fibsite" in development.ask("/").text)


def test_a_changed_template_is_seen_within_five_seconds(development, changed):
    changed("frontend/templates/otherpage.html", "How an index travels", "How an index walks")
    eventually(lambda: "<h1>How an index walks</h1>" in development.ask("/otherpage").text, SECONDS)


def test_a_changed_view_is_seen_within_five_seconds(development, changed):
    changed("frontend/views.py", "status=form.status)", "status=form.status, content_type='text/x-changed')")
    eventually(lambda: development.ask("/").headers.get_content_type() == "text/x-changed", SECONDS)


def test_a_changed_task_is_seen_within_five_seconds(development, changed):
    development.value(next(fresh))
    changed("calculator/tasks.py", '"F(%d) has %d digits', '"F(%d) has, changed, %d digits')

    def is_seen():
        index = next(fresh)
        development.value(index)
        return f"F({index}) has, changed," in development.log("worker")

    eventually(is_seen, SECONDS)


def test_changed_styles_are_served_within_five_seconds(development, changed):
    styles = re.search(r'href="(/static/[^"]+\.css)"', development.ask("/").text)[1]
    changed("frontend/static/frontend/site.css", "body {", "body { --changed: 1;")
    eventually(lambda: "--changed" in development.ask(styles).text, SECONDS)


@pytest.mark.parametrize("pause", [0, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1])
def test_what_is_saved_while_web_starts_anew_is_seen_too(development, changed, pause):
    def answer_as(form):
        changed("frontend/views.py", "status=form.status)", f"status=form.status, content_type='text/x-{form}')")

    def is_answered_as(form):
        return lambda: development.ask("/").headers.get_content_type() == f"text/x-{form}"

    answer_as("first")
    if pause:
        time.sleep(pause)
    else:  # as soon as it has started
        eventually(is_answered_as("first"), SECONDS)
    answer_as("second")
    eventually(is_answered_as("second"), SECONDS)


def test_the_open_page_is_told_of_a_changed_template_at_once(development, changed):
    def is_told():
        """Listen as the open page does; the stream ends when the web process starts again, and the page comes back."""
        with closing(http.client.HTTPConnection("127.0.0.1", development.port, timeout=SECONDS)) as connection:
            connection.request("GET", "/__reload__/events/", headers={"Accept": "text/event-stream"})
            stream = connection.getresponse()
            if stream.status != 200:
                return False
            assert stream.headers.get_content_type() == "text/event-stream"
            if not stream.readline().startswith(b"data:"):
                return False
            changed("frontend/templates/home.html", "{% block main %}", "{% block main %}<!-- changed -->")
            deadline = time.monotonic() + SECONDS
            # There is a line every second, whether anything changed or not.
            while line := stream.readline():
                if b'"reload"' in line:
                    return True
                assert time.monotonic() < deadline, f"not told within {SECONDS} seconds"
            return False

    eventually(is_told)
