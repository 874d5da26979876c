"""The whole system on one machine, as `make run` starts it."""

import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from http import HTTPStatus
from http.cookiejar import CookieJar

import pytest

from conftest import ROOT
from tests.served import Served, all_gone, running

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("serve")]


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    yield folder
    link = folder / "postgres"
    if link.is_symlink():
        shutil.rmtree(link.readlink().parent)


@pytest.fixture
def serve(data, eventually):
    started = []

    def start(*arguments, folder=data):
        served = Served(folder, *arguments)
        started.append(served)
        return served.wait_until_ready()

    yield start
    for served in started:
        if served.process.poll() is None:
            family = served.family()
            served.process.terminate()
            served.process.communicate(timeout=15)
            eventually(lambda family=family: all_gone(family))
        served.process.stdout.close()


def test_a_value_asked_for_is_still_known_after_ctrl_c_and_a_restart(serve, data, eventually):
    served = serve()
    assert json.loads(served.open("/readyz"))["status"] == "ok"
    assert served.ask(7)["value"] == "13"
    answer = served.ask(1_000_000)
    assert (answer["state"], answer["digits"]) == ("done", 208_988)
    assert len(served.open("/api/values/1000000/digits")) == 208_988

    family = served.family()
    assert {"postgres", "valkey-server"} <= {process.name() for process in family}
    words = served.stop()
    assert served.process.returncode == 0
    assert "Stopped." in words
    assert "Traceback" not in words
    eventually(lambda: all_gone(family))
    assert not list(data.glob("*-socket/*"))

    again = serve()
    assert json.loads(again.open("/api/values/7"))["value"] == "13"
    assert json.loads(again.open("/api/values/1000000"))["times_requested"] == 1


def test_the_password_printed_at_the_first_run_opens_the_admin_and_is_printed_once(serve):
    served = serve()
    password = re.search(r"user admin, password (\S+)", served.words)[1]
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    page = browser.open(served.url + "/admin/login/").read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    form = f"csrfmiddlewaretoken={token}&username=admin&password={password}&next=/admin/".encode()
    assert "Site administration" in browser.open(served.url + "/admin/login/", form).read().decode()
    served.stop()
    assert "user admin" not in serve().words


def test_the_commands_find_the_running_system_by_its_environment_file(serve, data, eventually):
    served = serve()
    served.ask(7)
    script = f"set -a; . {data}/environment; {sys.executable} manage.py doctor"
    said = []

    def is_healthy():
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"]},
            check=False,
        )
        said.append(done.stdout + done.stderr)
        return done.returncode == 0

    # A worker that has only just started may be too busy to answer.
    eventually(is_healthy, 30)
    assert "WRONG" not in said[-1]
    assert (data / "environment").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's parent death signal")
def test_killing_it_leaves_no_process_and_the_next_run_recovers(serve, eventually):
    served = serve()
    served.ask(7)
    family = served.family()
    served.process.kill()
    served.process.communicate()
    eventually(lambda: all_gone(family), 20)
    assert serve().ask(7)["times_requested"] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's parent death signal")
def test_a_killed_supervisor_takes_everything_with_it_and_is_reported(serve, eventually):
    served = serve()
    served.ask(7)
    family = served.family()
    running(served, "supervisor.supervisord")[0].kill()
    rest, _ = served.process.communicate(timeout=20)
    assert served.process.returncode == 1
    assert "The supervisor died" in rest
    assert "Traceback" not in rest
    eventually(lambda: all_gone(family), 20)
    assert serve().ask(7)["times_requested"] == 2


def test_a_killed_web_process_worker_or_server_is_started_again(serve, eventually):
    served = serve()
    served.ask(7)
    for words in ("gunicorn", "celery", "valkey-server", "postgres"):
        min(running(served, words), key=lambda process: process.create_time()).kill()

        def answers():
            try:
                return served.ask(8, wait=5)["value"] == "21"
            except (urllib.error.URLError, OSError):
                return False

        eventually(answers, 30)

    def times_requested():
        # Each web process finds out by itself that its connections to Postgres are gone, and says 503 until then.
        try:
            return json.loads(served.open("/api/values/7"))["times_requested"]
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return None

    assert eventually(times_requested) == 1


def test_what_is_being_computed_at_ctrl_c_is_computed_after_the_restart(serve, eventually):
    served = serve()
    served.ask(600_000_000, wait=0)
    eventually(lambda: json.loads(served.open("/api/values/600000000"))["state"] == "running")
    served.stop()
    again = serve()
    eventually(lambda: json.loads(again.open("/api/values/600000000"))["state"] == "done", 60)


def test_large_indices_leave_the_processors_to_small_ones(serve):
    served = serve()
    niceness = {
        queue: {process.nice() for process in running(served, f"--queues {queue}")} for queue in ("quick", "heavy")
    }
    assert niceness == {"quick": {0}, "heavy": {10}}


def refused(*arguments):
    """Run serve as it cannot run; return its status and words."""
    command = [sys.executable, "manage.py", "serve", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.strip()


def test_a_taken_port_is_a_clear_error(data):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, words = refused("--data", data, "--port", port)
    assert status == 1
    assert words.startswith(f"CommandError: Cannot listen on 127.0.0.1:{port}: Address already in use; ")
    assert words.endswith("choose another port with --port (make run PORT=9000).")


def test_a_second_run_with_the_same_data_is_a_clear_error(serve, data):
    serve()
    status, words = refused("--data", data, "--port", "0")
    assert status == 1
    assert "Fibsite already runs with the data in" in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "70000"], "a port is a number from 0 to 65535, not 70000"),
        (["--port", "http"], "a port is a number from 0 to 65535, not http"),
        (["--host", "300.1.1.1"], "Cannot listen on 300.1.1.1"),
        (["--data", "/dev/null/x"], "The data folder /dev/null/x cannot be used"),
    ],
)
def test_a_wrong_option_is_a_clear_error(data, arguments, words):
    status, said = refused("--data", data, *arguments)
    assert status in {1, 2}
    assert words in said


def test_a_path_too_long_for_a_socket_and_a_private_folder_above_the_data(serve, tmp_path, eventually):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    folder = private / (" a folder with spaces and %" * 4).strip()
    folder.mkdir()
    try:
        served = serve(folder=folder)
        assert served.ask(7)["value"] == "13"
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        served.stop()
    finally:
        if (folder / "postgres").is_symlink():
            shutil.rmtree((folder / "postgres").readlink().parent)


def test_help_says_what_there_is():
    done = subprocess.run(
        [sys.executable, "manage.py", "serve", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert all(option in done.stdout for option in ("--port", "--host", "--data"))
