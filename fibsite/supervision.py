"""supervisord, configured and steered: it runs the processes of `manage.py serve` and restarts one that dies."""

import shlex
import signal
import subprocess
import sys
import time
from configparser import RawConfigParser
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Error, ServerProxy

from django.conf import settings
from supervisor.xmlrpc import SupervisorTransport

from fibsite.embedded import EmbeddedError, tethered, wait_until

SUPERVISORD = (sys.executable, "-m", "supervisor.supervisord")


@dataclass(frozen=True)
class Program:
    """A process to keep running: its command line, the signal that stops it, and the group it stops with."""

    name: str
    command: list[str]
    stop_signal: str
    group: str


class Supervisor:
    """One supervisord in a session of its own, its files in `folder`, its programs in the project's."""

    def __init__(
        self,
        folder: Path,
        sockets: Path,
        programs: list[Program],
        *,
        environment: dict[str, str],
        verbose: bool,
    ) -> None:
        self.folder = folder
        self.socket = sockets / "supervisor.sock"
        self.programs = programs
        self.verbose = verbose
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None

    def log(self, name: str) -> Path:
        return self.folder / "log" / f"{name}.log"

    def configuration(self, account: str | None) -> RawConfigParser:
        """Return supervisord's configuration; every program waits until `run` starts it."""
        parser = RawConfigParser()
        parser["supervisord"] = {
            "nodaemon": "true",
            "logfile": escape(self.log("supervisor")),
            "pidfile": escape(self.folder / "supervisor.pid"),
            **({"user": account} if account else {}),
        }
        parser["unix_http_server"] = {"file": escape(self.socket), "chmod": "0700"}
        parser["rpcinterface:supervisor"] = {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        }
        groups: dict[str, list[str]] = {}
        for program in self.programs:
            groups.setdefault(program.group, []).append(program.name)
            # supervisord expands this one option twice.
            output = "/dev/stdout" if self.verbose else escape(escape(self.log(program.name)))
            parser[f"program:{program.name}"] = {
                "command": escape(shlex.join(program.command)),
                "autostart": "false",
                "autorestart": "true",
                "startsecs": "1",
                "startretries": "5",
                "stopsignal": program.stop_signal,
                # Three groups stop one after the other: together below the ten seconds that Ctrl-C may take.
                "stopwaitsecs": "5" if program.group == "application" else "2",
                "killasgroup": "true",
                "redirect_stderr": "true",
                "stdout_logfile": output,
                "stdout_logfile_maxbytes": "0" if self.verbose else "10MB",
                "stdout_logfile_backups": "1",
            }
        # Stopped from the highest priority down, each group after the one before it has ended.
        for priority, (group, names) in enumerate(groups.items()):
            parser[f"group:{group}"] = {"programs": ",".join(names), "priority": str(priority)}
        return parser

    def start(self, account: str | None) -> None:
        self.folder.joinpath("log").mkdir(parents=True, exist_ok=True)
        file = self.folder / "supervisor.conf"
        with file.open("w") as stream:
            self.configuration(account).write(stream)
        with self.log("supervisord").open("wb") as output:
            words = None if self.verbose else output
            self.process = subprocess.Popen(  # noqa: S603 our own arguments
                tethered("TERM", *SUPERVISORD, "--configuration", file),
                env=self.environment,
                cwd=settings.BASE_DIR,
                start_new_session=True,  # Ctrl-C reaches `serve` alone, which stops everything in order
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
            )

    def wait(self, seconds: float = 10) -> None:
        """Wait until it takes commands; EmbeddedError, with its words, when it ends instead."""
        wait_until(self.given_up, seconds, "supervisord", self.require_running)

    def require_running(self) -> None:
        if self.process is None or self.process.poll() is not None:
            words = self.log("supervisord").read_text(errors="replace").strip().splitlines()
            raise EmbeddedError(" ".join(["The supervisor died, and everything with it.", *words[:1]]))

    def run(self, *groups: str) -> None:
        """Start all programs of the groups."""
        with self.connect() as supervisord:
            for group in groups:
                supervisord.supervisor.startProcessGroup(group, False)  # noqa: FBT003 wait

    def given_up(self) -> list[str]:
        """Return the programs that failed to start so often that they are not tried any more."""
        with self.connect() as supervisord:
            states: Any = supervisord.supervisor.getAllProcessInfo()
        return [process["name"] for process in states if process["statename"] == "FATAL"]

    def stop(self, seconds: float) -> None:
        """Stop everything in order; what has not stopped after `seconds` is killed with supervisord itself."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def stop_leftover(self, seconds: float = 15) -> bool:
        """Stop a supervisord that an earlier run left behind, with all its programs; False when there is none."""
        try:
            with self.connect() as supervisord:
                supervisord.supervisor.shutdown()
        except (OSError, HTTPException, Error):
            return False
        deadline = time.monotonic() + seconds
        while self.socket.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        return True

    def connect(self) -> ServerProxy:
        """Return a connection to supervisord, to be closed by `with`."""
        return ServerProxy("http://localhost", transport=SupervisorTransport(None, None, f"unix://{self.socket}"))


def escape(path: object) -> str:
    """Return a text as supervisord's configuration takes it: it reads %(name)s as a variable."""
    return str(path).replace("%", "%%")
