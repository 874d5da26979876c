import logging
import re

import pytest
from django.test import Client

from calculator import tasks
from conftest import start_worker

pytestmark = pytest.mark.django_db(transaction=True)

REQUEST_ID = "0123456789abcdef0123456789abcdef"


def test_a_request_id_comes_back_and_reaches_the_workers_log(tmp_path, eventually):
    worker = start_worker(tmp_path / "log")
    try:
        asked = {"X-Request-ID": REQUEST_ID, "Prefer": "wait=10"}
        response = Client().post("/api/values", {"index": 54_321}, "application/json", headers=asked)
        assert response["X-Request-ID"] == REQUEST_ID
        line = rf"calculator\.tasks \[{REQUEST_ID}\] F\(54321\) has 11353 digits"

        eventually(lambda: re.search(line, (tmp_path / "log").read_text()))
    finally:
        worker.terminate()
        worker.wait(30)


@pytest.mark.parametrize("given", [None, "no id", "x" * 4000])
def test_a_request_without_a_proper_id_gets_one(given):
    response = Client().get("/api", headers={} if given is None else {"X-Request-ID": given})
    assert re.fullmatch("[0-9a-f]{32}", response["X-Request-ID"])


def test_what_is_logged_beside_a_request_has_no_id(caplog):
    logging.getLogger(tasks.__name__).warning("beside")
    assert "beside" in caplog.text
