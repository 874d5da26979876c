import stat
import subprocess
import sys
import tempfile

import pytest

from fibsite import embedded
from fibsite.embedded import EmbeddedError, Postgres, Valkey, socket_folder, tethered, wait_until


@pytest.fixture
def private(monkeypatch, tmp_path):
    """As root under a folder that nobody else may enter."""
    monkeypatch.setattr(embedded, "SHARED_HOME", tmp_path / "shared")
    monkeypatch.setattr(embedded, "is_reachable", lambda path: False)
    return Postgres(tmp_path / "data")


@pytest.fixture
def reachable():
    """A folder that Postgres's account can pass through, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="fibsite-test-") as name:
        folder = embedded.Path(name)
        folder.chmod(0o711)
        yield folder


def test_a_folder_is_reachable_only_through_open_folders(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not embedded.is_reachable(closed / "file")
    assert embedded.is_reachable(embedded.Path("/usr/bin/env"))


@pytest.mark.skipif("os.geteuid() != 0", reason="only root runs Postgres as somebody else")
def test_where_others_cannot_go_the_binaries_are_copied_once_and_run(private):
    binaries = private.binaries
    assert binaries.is_relative_to(embedded.SHARED_HOME)
    done = subprocess.run([binaries / "initdb", "--version"], capture_output=True, text=True, check=True)
    assert "(PostgreSQL) 18" in done.stdout
    assert stat.S_IMODE((binaries / "initdb").stat().st_mode) == 0o755
    again = Postgres(private.folder)
    assert again.binaries == binaries
    assert [path.name for path in embedded.SHARED_HOME.iterdir()] == [binaries.parents[2].name]


@pytest.mark.skipif("os.geteuid() != 0", reason="only root runs Postgres as somebody else")
def test_where_others_cannot_go_the_data_is_behind_a_link_that_stays(private):
    private.folder.mkdir()
    data = private.data
    assert data.is_relative_to(embedded.SHARED_HOME)
    assert (private.folder / "postgres").readlink() == data
    assert Postgres(private.folder).data == data


def test_a_server_that_does_not_start_is_reported_with_the_last_error():
    def refuse():
        raise ConnectionRefusedError("refused by nobody")

    with pytest.raises(EmbeddedError, match="Thing did not start within 0 seconds: refused by nobody"):
        wait_until(refuse, 0, "Thing", bool)


def test_a_long_path_gets_a_short_socket_folder_that_is_private_and_always_the_same(tmp_path):
    long = tmp_path / ("x" * 100)
    folder = socket_folder(long)
    try:
        assert len(str(folder)) <= embedded.LONGEST_SOCKET_FOLDER
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert socket_folder(long) == folder != socket_folder(tmp_path / "y")
    finally:
        folder.rmdir()


def test_a_socket_folder_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(EmbeddedError, match="belongs to somebody else"):
        socket_folder(tmp_path / "link")


def test_a_data_folder_that_cannot_be_made_is_reported_in_postgres_own_words(reachable):
    postgres = Postgres(reachable)
    postgres.own(postgres.data)
    (postgres.data / "something").touch()
    with pytest.raises(EmbeddedError, match="exists but is not empty"):
        postgres.prepare()


def test_stopping_what_is_not_there_is_harmless(reachable):
    Postgres(reachable).stop_leftover()
    Valkey(reachable).stop_leftover()


def test_what_an_earlier_run_left_behind_is_stopped(reachable):
    postgres, valkey = Postgres(reachable), Valkey(reachable)
    processes = []
    for server in (postgres, valkey):
        server.prepare()
        processes.append(subprocess.Popen(server.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        server.wait()
        server.stop_leftover()
    assert [process.wait(20) for process in processes] == [0, 0]


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's parent death signal")
def test_a_tethered_process_ends_with_its_parent_however_that_ends(eventually):
    command = tethered("TERM", "sleep", "60")
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, time; p = subprocess.Popen({command}); print(p.pid); time.sleep(60)"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    child = int(parent.stdout.readline())
    parent.stdout.close()
    status = embedded.Path(f"/proc/{child}/stat")
    eventually(lambda: "(sleep)" in status.read_text())
    parent.kill()
    parent.wait()
    eventually(lambda: not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z")
