import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from calculator import memory
from calculator.fibonacci import decimal_digits, digits
from calculator.management.commands import fibonacci

ROOT = Path(__file__).resolve().parents[2]


def manage(*arguments, **more):
    """Run the command as a user does, on a machine without any server or setting."""
    environment = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error"}
    command = [sys.executable, "manage.py", "fibonacci", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False, **more)


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["7"], "13\n"),
        (["0", "1", "50"], "0\n1\n12586269025\n"),
        (["100000", "7", "--digits"], "20899\n2\n"),
        (["7", "1000000000000000000000007", "--mod", "1000"], "13\n513\n"),
        ([" 7 "], "13\n"),
    ],
)
def test_it_prints_one_line_for_each_index(capfdbinary, arguments, printed):
    call_command("fibonacci", *arguments)
    assert capfdbinary.readouterr().out.decode() == printed


def test_it_needs_no_server_and_no_setting_and_prints_any_number_of_digits():
    done = manage("100000")
    assert (done.returncode, done.stdout, done.stderr) == (0, digits(100_000) + b"\n", b"")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["abc"], "N is a whole number from 0 on, in digits alone, not “abc”."),
        (["-1"], "not “-1”"),
        (["7", ""], "not “”"),
        (["1e3"], "not “1e3”"),
        (["٣"], "not “٣”"),
        (["9" * 50 + "x"], "not “" + "9" * 40 + "…”"),
        (["7", "--mod", "0"], "M is a whole number from 1 on"),
        (["7", "--mod", "x"], "M is a whole number from 1 on"),
        (["1000000001"], "N is at most 1,000,000,000 without --mod or --digits."),
        (["7", "--output", "/nonexistent/file"], "/nonexistent/file cannot be written: No such file or directory."),
        (["7", "--output", "/"], "/ cannot be written: Is a directory."),
    ],
)
def test_bad_input_is_a_clear_error(arguments, words):
    with pytest.raises(CommandError, match=None) as caught:
        call_command("fibonacci", *arguments)
    assert words in str(caught.value)


def test_bad_input_ends_with_status_1_and_one_line():
    done = manage("abc")
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "CommandError: N is a whole number from 0 on, in digits alone, not “abc”."
    ]


def test_mod_and_digits_exclude_each_other():
    done = manage("7", "--mod", "5", "--digits")
    assert done.returncode == 2
    assert b"not allowed with" in done.stderr


def test_the_output_file_is_written_whole_and_announced(tmp_path, capfd):
    file = tmp_path / "number"
    call_command("fibonacci", "1000", "--output", str(file))
    assert file.read_bytes() == digits(1000) + b"\n"
    assert f"Wrote {file}" in capfd.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ["number"]


def test_a_failure_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    file = tmp_path / "number"
    file.write_text("kept")

    def need_too_much(*_):
        raise MemoryError

    monkeypatch.setattr(fibonacci.fibonacci, "digits", need_too_much)
    with pytest.raises(CommandError, match="more memory than there is"):
        call_command("fibonacci", "7", "--output", str(file))
    assert file.read_text() == "kept"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_device_can_be_the_output():
    call_command("fibonacci", "7", "--output", "/dev/null")


def test_wrong_digits_are_not_printed(monkeypatch, capfd):
    monkeypatch.setattr(decimal_digits, "fast_doubling", lambda n, threads: b"14")
    monkeypatch.setattr(decimal_digits, "by_gmp", lambda n: b"14")
    with pytest.raises(CommandError, match="failed its check"):
        call_command("fibonacci", "400000")
    assert capfd.readouterr().out == ""


def test_a_reader_that_has_enough_is_no_error():
    done = subprocess.run(
        f"{sys.executable} manage.py fibonacci 1000000 1000000 1000000 | head -c 5",
        shell=True, cwd=ROOT, capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (b"19532", b"")


def in_a_terminal(command):
    """Run a shell command in a terminal of 100 columns and return what it shows."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    environment = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error", "LC_ALL": "C.UTF-8"}
    process = subprocess.Popen(
        ["sh", "-c", command], cwd=ROOT, env=environment, stdout=there, stderr=there, stdin=there
    )
    os.close(there)
    shown = b""
    with suppress(OSError):  # Linux says so when the other end is closed
        while chunk := os.read(here, 65_536):
            shown += chunk
    os.close(here)
    assert process.wait(60) == 0
    return shown.decode()


def test_a_terminal_shows_how_far_it_is(tmp_path):
    shown = in_a_terminal(f"{sys.executable} manage.py fibonacci 500000000 --output {tmp_path}/number")
    percents = [int(percent) for percent in re.findall(r"F\(500,000,000\) +(\d+)%", shown)]
    assert len(percents) >= 3
    assert percents == sorted(percents)
    assert "to go" in shown
    assert "104,493,820 digits in " in shown
    assert "of memory." in shown


@pytest.mark.parametrize("command", ["{} | head -c 9", "{} 2>&1 | tail -c 9"])
def test_a_pipe_shows_no_bar(command):
    shown = in_a_terminal(command.format(f"{sys.executable} manage.py fibonacci 300000000"))
    assert len(shown.strip()) in {8, 9}
    assert shown.strip().isdigit()


def test_what_cannot_fit_is_refused_with_what_it_needs(monkeypatch):
    monkeypatch.setattr(memory, "memory_limit", lambda: 10**8)
    with pytest.raises(CommandError) as caught:
        call_command("fibonacci", "1000000000")
    assert str(caught.value) == (
        "F(1,000,000,000) is too large for this machine. It needs 1.2 GB of memory, and there are 100.0 MB in all."
    )
