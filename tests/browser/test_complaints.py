"""The net under every test here: what a browser complains about fails the test."""

import pytest

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

STRICT = {"Content-Security-Policy": "default-src 'self'", "Content-Type": "text/html"}
FAULTS = {
    "an uncaught error": ("<script src=/fault.js></script>", "throw new Error('lost')", "uncaught: .*lost"),
    "a rejected promise": ("<script src=/fault.js></script>", "Promise.reject(new Error('lost'))", "uncaught: .*lost"),
    "an error in the console": ("<script src=/fault.js></script>", "console.error('lost')", "lost"),
    "a script in the page": ("<script>document.title = 1</script>", "", "Content-Security-Policy: script-src"),
    "a style in the page": ("<p style='color: red'>", "", "Content-Security-Policy: style-src"),
    "another host": ("<img src=http://127.0.0.1:9/>", "", "another host: http://127.0.0.1:9/"),
    "a missing file": ("<img src=/missing.png>", "", "status of 404"),
}


@pytest.mark.parametrize(("body", "script", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_a_complaint_of_the_browser_fails_the_test_unless_it_is_expected(page, complaints, body, script, words):
    page.route("**/fault", lambda route: route.fulfill(body=f"<!DOCTYPE html>{body}", headers=STRICT))
    page.route("**/fault.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
    page.goto("/fault", wait_until="networkidle")
    with pytest.raises(AssertionError):
        complaints.require_none()
    # The image of another host is refused by the policy, too.
    complaints.allow(words, "violates the following", "Content-Security-Policy: img-src", "ERR_BLOCKED")
    complaints.require_none()
    assert complaints.heard
