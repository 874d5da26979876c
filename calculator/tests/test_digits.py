"""The digits endpoint: whole and in part, compressed and not, to browsers and to caches."""

import io
import sys

import pytest
from rest_framework.test import APIClient

from calculator import tasks, values
from calculator.fibonacci import digits
from calculator.models import SeenIndex

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.django_db(transaction=True)

# 1,253,926 digits: two pieces, the second begins at 1,000,000.
LONG = 6_000_000
BORDER = values.DIGITS_PER_PIECE
PATH = f"/api/values/{LONG}/digits"


@pytest.fixture(scope="session")
def long_digits():
    decimal = digits(LONG)
    assert len(decimal) == 1_253_926
    return decimal


@pytest.fixture
def decimal(long_digits):
    """The digits of F(6,000,000), with the value there."""
    store(LONG, long_digits)
    return long_digits


def store(index, decimal=None):
    values.store(index, decimal or digits(index), 0.001)
    tasks.request(index)


def get(path=PATH, **headers):
    return APIClient().get(path, headers=headers)


def test_the_digits_are_plain_text_and_nothing_else(decimal):
    response = get()
    assert response.status_code == 200
    assert response.streaming
    assert response.getvalue() == decimal
    sha256 = values.read(LONG).sha256
    assert {
        name: response[name] for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control", "Accept-Ranges")
    } == {
        "Content-Type": "text/plain; charset=us-ascii",
        "Content-Length": "1253926",
        "ETag": f'"{sha256}"',
        "Cache-Control": "public, max-age=31536000, immutable",
        "Accept-Ranges": "bytes",
    }
    assert response["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in response
    assert "Content-Disposition" not in response
    assert not response.cookies


@pytest.mark.parametrize(("index", "text"), [(0, b"0"), (1, b"1"), (7, b"13"), (50, b"12586269025")])
def test_small_values_have_digits_too(index, text):
    store(index)
    response = get(f"/api/values/{index}/digits")
    assert (response.getvalue(), response["Content-Length"]) == (text, str(len(text)))


# --- compressed


@pytest.mark.parametrize(
    "accepted", ["zstd", "gzip, deflate, br, zstd", "ZSTD;Q=0.5", "gzip;q=1.0 , zstd ; q = 0.001, *;q=0", "zstd;q=1"]
)
def test_zstd_is_sent_as_stored_when_accepted(decimal, accepted):
    response = get(**{"Accept-Encoding": accepted})
    body = response.getvalue()
    assert response.status_code == 200
    assert (response["Content-Encoding"], response["Vary"]) == ("zstd", "Accept-Encoding")
    assert int(response["Content-Length"]) == len(body) == values.read(LONG).stored_bytes
    assert len(body) < len(decimal) / 2
    assert response["Content-Type"] == "text/plain; charset=us-ascii"
    # Two frames: the first ends before the body does.
    decompressor = zstd.ZstdDecompressor()
    assert decompressor.decompress(body) == decimal[:BORDER]
    assert decompressor.unused_data
    assert zstd.decompress(body) == decimal
    assert zstd.ZstdFile(io.BytesIO(body)).read() == decimal


@pytest.mark.parametrize(
    "accepted",
    ["", "identity", "gzip, br", "zstd;q=0", "zstd; q=0.000", "gzip, ZSTD;Q=0.0", "*", "xzstd", "zstd2"],
)
def test_digits_are_sent_plain_when_zstd_is_not_accepted(decimal, accepted):
    response = get(**{"Accept-Encoding": accepted})
    assert "Content-Encoding" not in response
    assert response["Vary"] == "Accept-Encoding"
    assert response.getvalue() == decimal


def test_plain_and_compressed_digits_have_different_etags(decimal):
    assert get()["ETag"] != get(**{"Accept-Encoding": "zstd"})["ETag"]


# --- ranges


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=500000-500099", 500_000, 500_099),
        ("bytes=999990-1000009", 999_990, 1_000_009),
        ("bytes=999999-999999", 999_999, 999_999),
        ("bytes=1000000-1000000", 1_000_000, 1_000_000),
        ("bytes=1000000-", 1_000_000, 1_253_925),
        ("bytes=0-", 0, 1_253_925),
        ("bytes=-10", 1_253_916, 1_253_925),
        ("bytes=-9999999", 0, 1_253_925),
        ("bytes=1253925-1253925", 1_253_925, 1_253_925),
        ("bytes=1253900-999999999999999999", 1_253_900, 1_253_925),
        ("Bytes = 5 - 9", 5, 9),
    ],
)
def test_a_range_is_that_part_of_the_digits(decimal, asked, first, last):
    response = get(Range=asked, **{"Accept-Encoding": "zstd"})
    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {first}-{last}/1253926"
    assert response["Content-Length"] == str(last - first + 1)
    assert "Content-Encoding" not in response
    assert response["ETag"] == get()["ETag"]
    assert response.getvalue() == decimal[first : last + 1]


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-9,20-29",
        "bytes=0-9, 20-29",
        "bytes=9-0",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=1.5-2",
        "bytes=+1-2",
        "bytes=--1",
        "bytes=٠-٩",
        "digits=0-9",
        "0-9",
        "bytes=0-9;",
        "bytes=0-" + "9" * 5_000,
    ],
)
def test_several_ranges_and_malformed_ones_are_answered_with_the_whole(decimal, asked):
    response = get(Range=asked)
    assert response.status_code == 200
    assert "Content-Range" not in response
    assert response.getvalue() == decimal


@pytest.mark.parametrize("asked", ["bytes=1253926-", "bytes=1253926-1253927", "bytes=999999999999999999-", "bytes=-0"])
def test_a_range_beyond_the_digits_cannot_be_satisfied(decimal, asked):
    response = get(Range=asked)
    assert response.status_code == 416
    assert response["Content-Range"] == "bytes */1253926"
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    assert "1,253,926 digits" in response.json()["detail"]


def test_a_range_is_answered_if_the_digits_are_still_the_same(decimal):
    etag = get()["ETag"]
    assert get(Range="bytes=0-9", **{"If-Range": etag}).status_code == 206


@pytest.mark.parametrize("condition", ['"x"', 'W/"{}"', '"{}-zstd"', "Wed, 21 Oct 2026 07:28:00 GMT", "{}"])
def test_a_range_of_other_digits_is_answered_with_the_whole(decimal, condition):
    condition = condition.format(values.read(LONG).sha256)
    response = get(Range="bytes=0-9", **{"If-Range": condition})
    assert response.status_code == 200
    assert response.getvalue() == decimal


# --- conditions


@pytest.mark.parametrize("condition", ["{}", "W/{}", '"x", {}', '"x",W/{} , "y"', "*"])
@pytest.mark.parametrize("accepted", ["zstd", "identity"])
def test_digits_that_the_client_has_are_not_sent_again(decimal, condition, accepted):
    headers = {"Accept-Encoding": accepted}
    etag = get(**headers)["ETag"]
    response = get(**headers, **{"If-None-Match": condition.format(etag)})
    assert response.status_code == 304
    assert response.content == b""
    assert (response["ETag"], response["Vary"]) == (etag, "Accept-Encoding")
    assert "immutable" in response["Cache-Control"]
    assert "Content-Disposition" not in response


@pytest.mark.parametrize("condition", ['"x"', "x", "", '"{}-0-10"', "{}"])
def test_digits_that_the_client_has_not_are_sent(decimal, condition):
    response = get(**{"If-None-Match": condition.format(values.read(LONG).sha256)})
    assert response.status_code == 200


def test_a_condition_comes_before_a_range(decimal):
    etag = get()["ETag"]
    assert get(Range="bytes=0-9", **{"If-None-Match": etag}).status_code == 304


def test_a_precondition_that_fails_is_a_problem(decimal):
    etag = get()["ETag"]
    assert get(**{"If-Match": etag}).status_code == 200
    response = get(**{"If-Match": '"x"'})
    assert response.status_code == 412
    assert etag in response.json()["detail"]


# --- HEAD


@pytest.mark.parametrize("accepted", ["zstd", "identity"])
def test_head_tells_all_but_the_digits(decimal, accepted):
    asked = {"Accept-Encoding": accepted, "X-Request-ID": "0" * 32}
    head = APIClient().head(PATH, headers=asked)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers == get(**asked).headers


def test_head_knows_no_ranges(decimal):
    head = APIClient().head(PATH, headers={"Range": "bytes=0-9"})
    assert (head.status_code, head["Content-Length"]) == (200, "1253926")


# --- windows


@pytest.mark.parametrize(
    ("query", "first", "stop"),
    [
        ("from=0&count=10", 0, 10),
        ("from=5", 5, 1_253_926),
        ("count=7", 0, 7),
        ("from=999995&count=10", 999_995, 1_000_005),
        ("from=1000000&count=1", 1_000_000, 1_000_001),
        ("from=1253920&count=1000", 1_253_920, 1_253_926),
        ("from=1253925", 1_253_925, 1_253_926),
        ("from=3&count=0", 3, 3),
        ("count=0", 0, 0),
        ("from=1000000&count=0", 1_000_000, 1_000_000),
        ("count=999999999999999999", 0, 1_253_926),
        ("from=007&count=01", 7, 8),
    ],
)
def test_a_window_is_that_part_of_the_digits(decimal, query, first, stop):
    response = get(f"{PATH}?{query}", **{"Accept-Encoding": "zstd"})
    assert response.status_code == 200
    assert response.getvalue() == decimal[first:stop]
    assert response["Content-Length"] == str(stop - first)
    assert response["ETag"] == f'"{values.read(LONG).sha256}-{first}-{stop}"'
    assert "immutable" in response["Cache-Control"]
    assert "Content-Encoding" not in response


def test_a_window_is_not_cut_by_a_range(decimal):
    response = get(f"{PATH}?from=10&count=5", Range="bytes=0-1")
    assert (response.status_code, response.getvalue()) == (200, decimal[10:15])


def test_a_window_has_an_etag_to_be_remembered_by(decimal):
    etag = get(f"{PATH}?from=10&count=5")["ETag"]
    assert get(f"{PATH}?from=10&count=5", **{"If-None-Match": etag}).status_code == 304
    assert get(f"{PATH}?from=10&count=6", **{"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ("from=-1", "from", "a whole number from 0 on"),
        ("from=", "from", "a whole number from 0 on"),
        ("from=x", "from", "a whole number from 0 on"),
        ("from=1.5", "from", "a whole number from 0 on"),
        ("from=%D9%A7", "from", "a whole number from 0 on"),
        ("from=7%0A", "from", "a whole number from 0 on"),
        ("from=" + "9" * 5_000, "from", "of at most 18 digits"),
        ("count=-1", "count", "a whole number from 0 on"),
        ("count=x", "count", "a whole number from 0 on"),
        ("from=5&count=1e3", "count", "a whole number from 0 on"),
        ("from=1253926", "from", "has 1,253,926 digits, counted from 0: there is none at 1,253,926"),
        ("from=1253926&count=0", "from", "there is none at 1,253,926"),
    ],
)
def test_a_window_that_is_none_is_refused_by_name(decimal, query, field, says):
    response = get(f"{PATH}?{query}")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert says in response.json()["detail"]
    assert [error["field"] for error in response.json()["errors"]] == [field]


# --- downloads


@pytest.mark.parametrize("query", ["download", "download=1", "from=5&count=5&download"])
def test_a_download_has_a_name(decimal, query):
    response = get(f"{PATH}?{query}")
    assert response["Content-Disposition"] == f'attachment; filename="fibonacci-{LONG}.txt"'


def test_part_of_a_download_has_its_name(decimal):
    response = get(f"{PATH}?download", Range="bytes=1000000-")
    assert response.status_code == 206
    assert response["Content-Disposition"] == f'attachment; filename="fibonacci-{LONG}.txt"'


def test_an_error_is_not_a_download(decimal):
    assert "Content-Disposition" not in get(f"{PATH}?download", Range="bytes=9999999-")


# --- not there


def test_a_value_that_is_not_computed_yet_has_no_digits():
    tasks.request(7)
    response = get("/api/values/7/digits?download")
    assert response.status_code == 409
    assert response["Content-Type"] == "application/problem+json"
    assert response["Retry-After"] == "1"
    assert response["Cache-Control"] == "no-store"
    assert response.json()["detail"] == "F(7) is not computed yet: it is queued."
    assert response.json()["state"] == "queued"


def test_digits_can_be_waited_for(worker):
    tasks.request(1000)
    response = get("/api/values/1000/digits", Prefer="wait=10")
    assert response.status_code == 200
    assert response.getvalue() == digits(1000)


def test_a_failed_value_has_no_digits_and_nothing_to_wait_for():
    SeenIndex.objects.record(7)
    values.fail(7, "It needs more memory than the worker has.", task="t")
    response = get("/api/values/7/digits")
    assert response.status_code == 409
    assert "Retry-After" not in response
    assert response.json()["detail"] == "F(7) could not be computed. It needs more memory than the worker has."


@pytest.mark.parametrize("lost", ["digits:0", "digits:1", "digits"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [("", {}), ("", {"Accept-Encoding": "zstd"}), ("?from=0&count=1000005", {}), ("", {"Range": "bytes=5-1000005"})],
)
def test_digits_that_vanish_are_computed_again(decimal, queued, lost, query, headers):
    values.connection().hdel(f"fib:{LONG}", lost)
    if lost == "digits:1":  # noticed after the first piece is on its way: the answer ends early, as it must
        with pytest.raises(values.DigitsGoneError):
            get(PATH + query, **headers).getvalue()
        return
    response = get(PATH + query, **headers)
    assert response.status_code == 409
    assert response["Retry-After"] == "1"
    assert response.json()["state"] == "queued"
    assert queued("heavy") + queued("quick") == 1


def test_vanished_digits_are_there_again_on_the_next_look(worker, eventually):
    store(1000)
    values.connection().hdel("fib:1000", "digits:0")
    assert get("/api/values/1000/digits").status_code == 409
    assert eventually(lambda: (r := get("/api/values/1000/digits")).status_code == 200 and r.getvalue()) == digits(1000)


def test_digits_that_are_away_with_redis_are_calmly_refused(redis_away):
    SeenIndex.objects.record(7)
    response = get("/api/values/7/digits")
    assert (response.status_code, response.json()["state"]) == (409, "waiting")


def test_digits_that_redis_fails_to_give_are_calmly_refused(api, settings):
    store(1000)
    # A user of Redis who may read the state and not the digits: the failure comes between the two.
    commands = ["+hmget", "+ping", "+select", "+client", "+hello"]
    values.connection().acl_setuser("onlooker", enabled=True, nopass=True, keys=["*"], commands=commands)
    url = settings.VALUES_URL
    try:
        settings.VALUES_URL = url.replace("unix://", "unix://onlooker:any@")
        values.connection.cache_clear()
        response = get("/api/values/1000/digits")
        assert (response.status_code, response.json()["state"]) == (409, "waiting")
        response = get("/api/values/1000")
        assert (response.status_code, response.json()["state"]) == (202, "waiting")
    finally:
        settings.VALUES_URL = url
        values.connection.cache_clear()
    assert get("/api/values/1000/digits").getvalue() == digits(1000)


def test_only_the_pieces_of_a_window_are_read(decimal):
    values.connection().hdel(f"fib:{LONG}", "digits:0")
    assert get(f"{PATH}?from=1000000&count=9").getvalue() == decimal[1_000_000:1_000_009]
