"""What comes through the routing nginx: the API's contract, pages, static files, digits."""

import gzip
import http.client
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from calculator.fibonacci import digits
from calculator.values import zstd
from conftest import eventually
from tests.containers.stack import HOST, fresh

pytestmark = pytest.mark.xdist_group("containers")

GIXY = Path(sys.executable).parent / "gixy"
SECURITY_HEADERS = (
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
    "Permissions-Policy",
    "Content-Security-Policy",
    "X-Request-ID",
)
# What gixy takes for faults, and is not one here.
NOT_FAULTS = (
    "host_spoofing",  # Django compares a form's origin with the Host as it was sent, and refuses hosts it does not know
    "try_files_is_evil_too",  # it wants a cache of open files, which would hide changes in development
)
MILLION = 1_000_000
PROBLEM = "application/problem+json"


@pytest.fixture
def ask(production):
    return production.ask


@pytest.fixture(scope="session")
def million(production):
    """The digits of an index whose digits nobody has asked for yet."""
    production.value(MILLION)
    return digits(MILLION)


@pytest.mark.parametrize("service", ["nginx", "frontend"])
def test_the_configuration_in_use_is_valid_and_gixy_finds_nothing(production, service, tmp_path):
    rendered = production.run(service, "nginx", "-T", "-q")
    assert "# configuration file /etc/nginx/nginx.conf" in rendered
    (tmp_path / "nginx.conf").write_text(rendered)
    command = [GIXY, "-ll", "--skips", ",".join(NOT_FAULTS), "--format", "json", tmp_path / "nginx.conf"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_the_contract_of_the_tutorials_works(ask, production):
    answer = ask("/api/values", {"index": 7})
    assert answer.status in {200, 202}
    assert answer.headers["Location"] == "/api/values/7"
    assert answer.json["working"] is True
    assert answer.json["index"] in {7, "7"}
    assert production.value(7)["value"] == "13"
    assert {"number": 7} in ask("/api/values/all").json
    assert ask("/api/values/current").json["7"] == "13"
    assert ask("/api/values", "index=7").status == 200
    assert ask("/api/values").json["results"]
    assert ask("/api/schema").json["openapi"]


def test_the_answer_is_held_until_the_value_is_there(ask):
    answer = ask("/api/values", {"index": next(fresh)}, headers={"Prefer": "wait=10"})
    assert (answer.status, answer.json["state"]) == (200, "done")
    assert answer.headers["Preference-Applied"] == "wait=10"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"index": 10**9}, 422),
        ({"index": "seven"}, 400),
        ({"index": None}, 400),
        ({"index": 1.5}, 400),
        ({}, 400),
    ],
)
def test_wrong_indices_are_refused_with_a_problem_document(ask, body, status):
    answer = ask("/api/values", body)
    assert (answer.status, answer.headers.get_content_type()) == (status, PROBLEM)
    assert answer.json["status"] == status
    assert answer.json["detail"]


def test_an_index_nobody_asked_for_is_a_problem_document(ask):
    answer = ask("/api/values/999983")
    assert (answer.status, answer.headers.get_content_type()) == (404, PROBLEM)


def test_pages_are_html(ask, production):
    production.value(7)
    for path, status in {"/": 200, "/values/7": 200, "/otherpage": 200, "/nowhere": 404, "/values/999983": 404}.items():
        answer = ask(path)
        assert (answer.status, answer.headers.get_content_type()) == (status, "text/html"), path
        assert "Fibsite" in answer.text


def test_pages_and_json_are_compressed_once_for_those_who_take_it(ask):
    for path in ("/", "/otherpage", "/api/schema"):
        plain, packed = ask(path), ask(path, headers={"Accept-Encoding": "gzip, br"})
        assert plain.headers["Content-Encoding"] is None
        assert packed.headers.get_all("Content-Encoding") == ["gzip"], path
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert len(packed.body) < len(plain.body) / 2
        assert gzip.decompress(packed.body)[:20] == plain.body[:20]


@pytest.fixture
def static_paths(ask):
    """What the pages name."""
    found = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', ask("/").text + ask("/api/docs").text))
    assert len(found) > 3
    return found


def test_static_files_have_hashes_and_are_kept_for_ever(ask, static_paths):
    for path in static_paths:
        answer = ask(path)
        assert answer.status == 200, path
        assert re.search(r"\.[0-9a-f]{12}\.", path)
        assert answer.headers.get_all("Cache-Control") == ["public, max-age=31536000, immutable"]


def test_static_files_come_compressed_for_those_who_take_it(ask, static_paths):
    (styles,) = (path for path in static_paths if "site" in path and path.endswith(".css"))
    plain, packed = ask(styles), ask(styles, headers={"Accept-Encoding": "gzip"})
    assert plain.headers["Content-Encoding"] is None
    assert packed.headers.get_all("Content-Encoding") == ["gzip"]
    assert packed.headers.get_all("Vary") == ["Accept-Encoding"]
    assert gzip.decompress(packed.body) == plain.body
    assert plain.headers.get_content_type() == "text/css"


def test_a_static_file_that_is_not_there_has_a_page_and_is_not_kept(ask):
    for path in ("/static/nothing.css", "/static/staticfiles.json", "/static/../errors/404.html"):
        answer = ask(path)
        assert (answer.status, answer.headers.get_content_type()) == (404, "text/html"), path
        assert "immutable" not in answer.headers.get("Cache-Control", "")


def test_digits_come_as_they_are_stored_or_plain(ask, million):
    path = f"/api/values/{MILLION}/digits"
    plain, packed = ask(path), ask(path, headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
    assert plain.headers["Content-Encoding"] is None
    assert plain.body == million
    assert packed.headers.get_all("Content-Encoding") == ["zstd"]
    assert packed.headers["Content-Type"].startswith("text/plain")
    assert zstd.decompress(packed.body) == million
    for accepted in ("gzip", "gzip, zstd;q=0", "identity"):
        answer = ask(path, headers={"Accept-Encoding": accepted})
        assert (answer.headers["Content-Encoding"], answer.body) == (None, million), accepted


def test_a_range_is_one_of_the_plain_digits(ask, million):
    path = f"/api/values/{MILLION}/digits"
    ask(path, headers={"Accept-Encoding": "zstd"})
    for accepted in ("zstd", "gzip, zstd", "identity"):
        answer = ask(path, headers={"Accept-Encoding": accepted, "Range": "bytes=-20"})
        assert (answer.status, answer.headers["Content-Encoding"]) == (206, None)
        assert answer.body == million[-20:]
        assert answer.headers["Content-Range"].endswith(f"/{len(million)}")


def test_digits_asked_for_again_come_from_the_cache(ask, production):
    index = 500_000 + next(fresh)
    expected = production.value(index)["digits"]
    path = f"/api/values/{index}/digits"
    for accepted in ("identity", "zstd"):
        answers = [ask(path, headers={"Accept-Encoding": accepted}) for _ in range(2)]
        assert [answer.headers.get_all("X-Cache") for answer in answers] == [["MISS"], ["HIT"]]
        assert answers[0].body == answers[1].body
    assert len(ask(path).body) == expected
    window = [ask(f"{path}?from=10&count=5").body for _ in range(2)]
    assert window == [digits(index)[10:15]] * 2


@pytest.mark.parametrize("path", ["/latest", "/otherpage/now"])
def test_what_all_open_pages_look_at_is_asked_of_web_once_a_second(ask, production, path):
    def seen_twice():
        first, second = ask(path), ask(path)
        # Between the two a second may have ended.
        return second.headers["X-Cache"] == "HIT" and first.headers["ETag"].removeprefix("W/")

    etag = eventually(seen_twice, 10)
    answer = ask(path, headers={"If-None-Match": etag})
    assert (answer.status, answer.body) in {(304, b""), (200, answer.body)}
    index = 30_000 + next(fresh)
    production.value(index)
    eventually(lambda: f"{index:,}" in ask(path).text, 3)
    assert ask(path, headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] == "gzip"


def test_the_picture_of_the_system_tells_how_many_connections_nginx_had(ask):
    found = [re.search(r"<strong>([\d,]+)</strong> connection", ask("/otherpage").text)[1] for _ in range(2)]
    first, second = (int(number.replace(",", "")) for number in found)
    assert first < second
    forged = ask("/otherpage", headers={"X-Connection-Number": "987654321"})
    assert "987,654,321" not in forged.text


def test_digits_that_are_not_there_yet_are_not_cached(ask, production):
    index = 600_000 + next(fresh)
    path = f"/api/values/{index}/digits"
    assert ask(path).status == 404
    production.value(index)
    assert ask(path).status == 200


def test_security_headers_come_exactly_once(ask, production, static_paths):
    production.value(7)
    large = "x" * 300_000
    answers = {path: ask(path) for path in ("/", "/nowhere", "/api", "/api/values/7", "/api/docs", "/livez")}
    answers |= {
        path: ask(path) for path in (*static_paths, "/static/nothing.css", "/api/values/7/digits", "/admin/login/")
    }
    answers |= {"413 JSON": ask("/api/values", large), "413 page": ask("/", large)}
    for name, answer in answers.items():
        for header in SECURITY_HEADERS:
            assert len(answer.headers.get_all(header, [])) == 1, (name, header)
    assert answers["/"].headers.get_all("Strict-Transport-Security") is not None
    for answer in answers.values():
        assert not re.search(r"\d", answer.headers["Server"])


def test_the_request_id_is_in_the_answer_the_access_log_and_the_workers_log(ask, production):
    index = next(fresh)
    answer = ask("/api/values", {"index": index}, headers={"Prefer": "wait=10"})
    request_id = answer.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", request_id)
    (line,) = eventually(lambda: [line for line in production.access_log() if line["request_id"] == request_id])
    assert (line["method"], line["uri"], line["status"]) == ("POST", "/api/values", 200)
    assert (line["client"], line["host"]) == ("203.0.113.1", HOST)
    assert line["upstream"].endswith(":5000")
    computed = [line for line in production.log("worker").splitlines() if f"F({index}) has" in line]
    assert [f"[{request_id}]" in line for line in computed] == [True]


def test_a_request_id_that_a_visitor_sends_is_not_taken(ask):
    theirs = "0123456789abcdef0123456789abcdef"
    assert ask("/api", headers={"X-Request-ID": theirs}).headers["X-Request-ID"] != theirs


def test_every_line_of_the_access_log_is_json_whatever_is_sent(ask, production):
    ask('/%22%0a"\\', headers={"User-Agent": 'a "quoted" \\ agent', "Referer": '"},{"'})
    lines = eventually(lambda: [line for line in production.access_log() if line["agent"] == 'a "quoted" \\ agent'])
    assert lines[0]["referer"] == '"},{"'


def test_the_admin_is_entered_by_https_through_both_proxies(production):
    production.run(
        "web", "env", "DJANGO_SUPERUSER_PASSWORD=a-password-for-tests", "python", "manage.py", "createsuperuser",
        "--noinput", "--username", "admin", "--email", "admin@example.org",
    )  # fmt: skip
    page = production.ask("/admin/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
    given = page.headers.get_all("Set-Cookie")
    form = f"csrfmiddlewaretoken={token}&username=admin&password=a-password-for-tests&next=/admin/"
    browser = {"Cookie": given[0].partition(";")[0], "Origin": f"https://{HOST}"}
    refused = production.ask("/admin/login/", form, headers={**browser, "Origin": "https://elsewhere.example.org"})
    assert refused.status == 403
    entered = production.ask("/admin/login/", form, headers=browser)
    assert (entered.status, entered.headers["Location"]) == (302, "/admin/")
    given += entered.headers.get_all("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in given} >= {"csrftoken", "sessionid"}
    assert all("; Secure" in cookie for cookie in given)
    cookies = "; ".join(cookie.partition(";")[0] for cookie in given)
    assert "Site administration" in production.ask("/admin/", headers={"Cookie": cookies}).text


def test_a_page_asked_for_without_https_is_asked_for_again_with_it(ask):
    answer = ask("/otherpage", headers={"X-Forwarded-Proto": "http"})
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{HOST}/otherpage")


def test_a_spoofed_host_is_refused_and_health_is_answered_under_any(ask):
    for host in ("evil.example.org", "10.1.2.3", f"{HOST}.evil.example.org"):
        assert ask("/", headers={"Host": host}).status == 400
        assert ask("/", headers={"Host": HOST, "X-Forwarded-Host": host}).status == 200
        assert ask("/livez", headers={"Host": host, "X-Forwarded-Proto": "http"}).json == {"status": "ok"}
        assert ask("/readyz", headers={"Host": host, "X-Forwarded-Proto": "http"}).status == 200


def test_a_body_too_large_is_refused_as_json_and_as_a_page(ask):
    for path, form in {"/api/values": PROBLEM, "/": "text/html", "/admin/login/": "text/html"}.items():
        answer = ask(path, "index=" + "7" * 300_000)
        assert (answer.status, answer.headers.get_content_type()) == (413, form)
    assert ask("/api/values", "x" * 300_000).json["status"] == 413


def test_too_many_posts_from_one_address_are_refused_and_no_get(ask):
    with ThreadPoolExecutor(8) as pool:  # faster than the limit, on a busy machine, too
        posts = list(pool.map(lambda _: ask("/api/values", {"index": 7}, address="198.51.100.1"), range(150)))
    refused = [answer for answer in posts if answer.status == 429]
    assert 0 < len(refused) < 150
    assert {answer.status for answer in posts} <= {200, 202, 429}
    assert refused[0].headers.get_content_type() == PROBLEM
    assert refused[0].headers["Retry-After"]
    assert refused[0].json["status"] == 429
    burst = [ask("/", "index=7", address="198.51.100.1") for _ in range(60)]
    pages = [answer for answer in burst if answer.status == 429]
    assert {page.headers.get_content_type() for page in pages} == {"text/html"}
    assert {ask("/api/values/7", address="198.51.100.1").status for _ in range(150)} == {200}
    assert ask("/api/values", {"index": 7}, address="198.51.100.2").status in {200, 202}


def test_an_upgrade_reaches_web(ask):
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "x" * 22,
    }
    # Nothing here speaks it yet, so that it is answered as an ordinary request.
    assert ask("/otherpage", headers=headers).status == 200


def test_a_connection_is_kept_for_many_requests(production):
    with closing(http.client.HTTPConnection("127.0.0.1", production.port, timeout=10)) as connection:
        sockets = set()
        for _ in range(20):
            connection.request("GET", "/api", headers=production.headers)
            connection.getresponse().read()
            sockets.add(connection.sock)
    assert len(sockets) == 1


def test_headers_too_large_are_refused(ask):
    assert ask("/", headers={"X-Large": "x" * 20_000}).status == 400
