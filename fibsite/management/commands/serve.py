import fcntl
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from calculator.fibonacci.processors import available_processors

try:
    from fibsite.embedded import EmbeddedError, Postgres, Valkey, socket_folder, tethered
    from fibsite.supervision import Program, Supervisor
except ImportError as error:
    sys.exit(f"fibsite: {error}; `serve` needs: pip install --require-hashes -r requirements/run.txt")

# Ctrl-C is kept within ten seconds.
STOP_SECONDS = 9.0
READY_SECONDS = 60.0
HEAVY_NICENESS = 10


class Command(BaseCommand):
    help = "Run the whole system on this machine: Postgres, Valkey, the site and the workers, until Ctrl-C."
    # The settings of the running system are made here, so those of this process do not count.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
        parser.add_argument(
            "--port", type=port_number, default=8000, help="port to listen on, 0 for a free one (%(default)s)"
        )
        parser.add_argument(
            "--data",
            type=Path,
            default=settings.BASE_DIR / "var",
            help="folder that keeps the data (%(default)s)",
        )

    def handle(self, *, host: str, port: int, data: Path, verbosity: int, **_: Any) -> None:
        try:
            System(host, port, data, verbosity, self.stdout.write).run()
        except EmbeddedError as error:
            raise CommandError(str(error)) from error


class System:
    """The whole system on one machine, for as long as `run` runs."""

    def __init__(self, host: str, port: int, data: Path, verbosity: int, say: Any) -> None:
        self.host, self.say = host, say
        self.data = make_folder(data)
        self.lock = take_lock(self.data / "serve.lock")
        self.postgres = Postgres(self.data)
        self.valkey = Valkey(self.data)
        self.stopping = threading.Event()
        self.port = port or free_port(host)
        self.environment = {
            **os.environ,
            **self.postgres.environment(),
            **self.valkey.environment(),
            "SECRET_KEY": kept_secret(self.data / "secret-key"),
            "ALLOWED_HOSTS": ",".join(dict.fromkeys(["localhost", "127.0.0.1", "[::1]", *names_of(host)])),
            "HTTPS": "false",
            "STATIC_ROOT": str(self.data / "static"),
            "PYTHONUNBUFFERED": "1",
        }
        self.supervisor = Supervisor(
            self.data,
            socket_folder(self.data / "supervisor-socket"),
            self.programs(),
            environment=self.environment,
            verbose=verbosity > 1,
        )

    def programs(self) -> list[Program]:
        gunicorn = [
            sys.executable, "-m", "gunicorn", "--config", "python:fibsite.gunicorn_conf",
            "--bind", f"{bracketed(self.host)}:{self.port}", "--graceful-timeout", "2", "fibsite.wsgi",
        ]  # fmt: skip
        # Large indices take what nobody else wants of the processors, so that small ones do not notice them.
        heavy = ["nice", "-n", str(HEAVY_NICENESS), *worker("heavy", available_processors())]
        return [
            Program("postgres", self.postgres.command(), "INT", "postgres"),
            Program("valkey", self.valkey.command(), "TERM", "valkey"),
            # A queue of its own for each, so that large indices never occupy the last child.
            Program("worker-quick", tethered("QUIT", *worker("quick", 1)), "QUIT", "application"),
            Program("worker-heavy", tethered("QUIT", *heavy), "QUIT", "application"),
            Program("web", tethered("TERM", *gunicorn), "TERM", "application"),
        ]

    def run(self) -> None:
        """Start everything, wait until it is to stop, and stop it; CommandError when it cannot start."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        self.recover()
        require_free(self.host, self.port)
        try:
            self.announce(self.start())
            while not self.stopping.wait(1):
                self.require_running()
        except StoppedError:
            pass  # while it was starting
        finally:
            self.supervisor.stop(STOP_SECONDS)
            for folder in (self.postgres.sockets, self.valkey.socket.parent, self.supervisor.socket.parent):
                with suppress(OSError):  # one that is not empty belongs to a process that was killed
                    folder.rmdir()
            self.lock.close()
        self.say("Stopped.")

    def recover(self) -> None:
        """Stop what a killed run may have left behind, where the kernel did not (see tether.py)."""
        self.supervisor.stop_leftover()
        self.valkey.stop_leftover()
        self.postgres.stop_leftover()

    def start(self) -> str | None:
        """Start the servers, then what needs them; return the admin's password if it was made now."""
        self.postgres.prepare()
        self.valkey.prepare()
        write_private(
            self.data / "environment",
            "".join(f"{name}={shlex.quote(value)}\n" for name, value in self.own_environment().items()),
        )
        self.supervisor.start("root" if os.geteuid() == 0 else None)
        self.supervisor.wait()
        self.supervisor.run("postgres", "valkey")
        static = self.manage("collectstatic", "--noinput", "--verbosity", "0")
        self.postgres.wait(self.require_running)
        self.valkey.wait(self.require_running)
        finished(self.manage("migrate", "--verbosity", "0"))
        password = self.make_admin()
        finished(static)
        self.supervisor.run("application")
        self.wait_until_ready()
        return password

    def make_admin(self) -> str | None:
        """Make the admin's account at the first run, and return its password."""
        made = self.data / "admin-made"
        if made.exists():
            return None
        password = secrets.token_urlsafe(12)
        finished(
            self.manage(
                "createsuperuser", "--noinput", "--username", "admin", "--email", "admin@localhost",
                DJANGO_SUPERUSER_PASSWORD=password,
            )
        )  # fmt: skip
        made.touch()
        return password

    def own_environment(self) -> dict[str, str]:
        return {name: value for name, value in self.environment.items() if os.environ.get(name) != value}

    def manage(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(  # noqa: S603 our own arguments
            tethered("TERM", sys.executable, settings.BASE_DIR / "manage.py", *arguments),
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            with suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"{self.address()}/readyz", timeout=5).close()  # noqa: S310 our own address
                return
            self.require_running()
            time.sleep(0.05)
            if time.monotonic() > deadline:
                message = f"The site did not become ready within {READY_SECONDS:.0f} s. {self.last_words('web')}"
                raise CommandError(message)

    def require_running(self) -> None:
        """Raise CommandError, with the last lines of its log, when a process is given up or supervisord is gone."""
        if self.stopping.is_set():
            raise StoppedError
        self.supervisor.require_running()
        for name in self.supervisor.given_up():
            raise CommandError(f"{name} does not start. {self.last_words(name)}")

    def last_words(self, name: str) -> str:
        log = self.supervisor.log(name)
        lines = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
        return "\n".join([f"The end of {log}:", *lines])

    def announce(self, password: str | None) -> None:
        self.say(f"\nFibsite is ready:  {self.address()}/")
        self.say(f"Its admin:         {self.address()}/admin/")
        if password:
            self.say(f"                   user admin, password {password} (shown only this once)")
        self.say(f"Data and logs:     {self.data}")
        self.say("Ctrl-C stops it.")
        self.say.__self__.flush()

    def address(self) -> str:
        local = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 where a listener on every address is found
        return f"http://{bracketed(local.get(self.host, self.host))}:{self.port}"


class StoppedError(Exception):
    """It was told to stop before it was ready."""


def worker(queue: str, children: int) -> list[str]:
    return [
        sys.executable, "-m", "celery", "--app", "fibsite", "worker", "--queues", queue, "--hostname", f"{queue}@%h",
        "--concurrency", str(children), "--without-gossip", "--without-mingle", "--loglevel", "INFO",
    ]  # fmt: skip


def finished(process: "subprocess.Popen[str]") -> None:
    """Wait for a management command; CommandError with its words when it failed."""
    output, _ = process.communicate()
    if process.returncode:
        raise CommandError(f"{shlex.join(map(str, process.args))} failed:\n{output.strip()}")  # type: ignore[arg-type]


def make_folder(data: Path) -> Path:
    try:
        # Postgres's account must be able to pass through it when this one is root.
        data.mkdir(mode=0o711, parents=True, exist_ok=True)
        return data.resolve(strict=True)
    except OSError as error:
        raise CommandError(f"The data folder {data} cannot be used: {error.strerror}.") from error


def take_lock(file: Path) -> IO[str]:
    """Hold a lock for as long as this process lives; the kernel releases it, so that it is never stale."""
    try:
        lock = file.open("a")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        message = f"Fibsite already runs with the data in {file.parent}: stop it, or choose another folder with --data."
        raise CommandError(message) from None
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
    return lock


def kept_secret(file: Path) -> str:
    if not file.exists():
        write_private(file, secrets.token_urlsafe(50))
    return file.read_text()


def write_private(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)


def port_number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= 65_535:  # noqa: PLR2004
        raise ArgumentTypeError(f"a port is a number from 0 to 65535, not {text}")
    return number


def family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def names_of(host: str) -> list[str]:
    """Return the names a visitor may use; whoever listens on every address is reached by names unknown here."""
    return ["*"] if host in {"0.0.0.0", "::"} else [bracketed(host)]  # noqa: S104


def free_port(host: str) -> int:
    with socket.socket(family(host)) as probe:
        bind(probe, host, 0)
        return int(probe.getsockname()[1])


def require_free(host: str, port: int) -> None:
    with socket.socket(family(host)) as probe:
        # As gunicorn will: a port on which only closed connections linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bind(probe, host, port)


def bind(probe: socket.socket, host: str, port: int) -> None:
    try:
        probe.bind((host, port))
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "choose another port with --port (make run PORT=9000)" if port else "choose another address with --host"
        raise CommandError(f"Cannot listen on {bracketed(host)}:{port}: {reason}; {hint}.") from error
