"""A running compose project, as the tests of containers use it: its containers, and its one door."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from itertools import count
from pathlib import Path

from conftest import ROOT, eventually

# Every service but the one-shot migration.
OURS = ("nginx", "frontend", "web", "worker")
SERVERS = ("postgres", "redis")
# Nothing of what tests/servers.py sets may reach compose, which fills its files in from the environment.
ENVIRONMENT = {
    name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG") if name in os.environ
}
HOST = "fib.example.org"
# No test asks for an index that another one asked for.
fresh = count(1_000)


def docker(*command, check=True, environment=ENVIRONMENT, cwd=ROOT, timeout=300):
    """Run a docker command and return its standard output; fail with everything it said."""
    done = subprocess.run(
        ["docker", *command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert not check or done.returncode == 0, f"docker {' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@dataclass
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Stack:
    """A compose project under a name and a port of its own."""

    def __init__(self, name, files, folder, headers=None, **variables):
        self.project = f"fibsite-test-{name}-{os.getpid()}"
        self.port = free_port()
        self.folder = folder
        self.headers = headers or {}
        self.files = [part for file in files for part in ("--file", str(file))]
        self.environment = {**ENVIRONMENT, **{key: value.format(port=self.port) for key, value in variables.items()}}

    def compose(self, *command, check=True, **variables):
        # No .env that happens to lie there.
        options = ["--env-file", os.devnull, "--project-name", self.project, *self.files]
        environment = {**self.environment, **variables}
        return docker("compose", *options, *command, check=check, environment=environment, cwd=self.folder)

    def up(self, *options, **variables):
        """Bring it to what its files and `options` say, and return the seconds until everything was healthy."""
        began = time.monotonic()
        self.compose("up", "--no-build", "--wait", "--wait-timeout", "120", *options, **variables)
        # A web that was recreated has another address, which nginx finds out within two seconds; only what is not read
        # alone fails until then.
        eventually(lambda: self.ask("/api/values", {}).status == 400)
        return time.monotonic() - began

    def down(self):
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "2", check=False)

    def containers(self, service):
        """Return the ids of a service's running containers."""
        return self.compose("ps", "--quiet", "--status", "running", service).split()

    def container(self, service):
        (found,) = self.containers(service)
        return found

    def run(self, service, *command, **options):
        """Run a command inside a service's container and return what it printed."""
        return docker("exec", self.container(service), *command, **options)

    def log(self, service):
        """Return what all containers of a service wrote to standard output."""
        return "\n".join(docker("logs", container) for container in self.compose("ps", "--quiet", service).split())

    def is_whole(self):
        """Tell whether there is one healthy container of each service, and no other."""
        label = f"label=com.docker.compose.project={self.project}"
        state = '{{.Label "com.docker.compose.service"}} {{.Status}}'
        running = docker("ps", "--filter", label, "--format", state).splitlines()
        healthy = [line.split()[0] for line in running if line.endswith("(healthy)")]
        return len(running) == len(healthy) and sorted(healthy) == sorted(OURS + SERVERS)

    def access_log(self):
        return [json.loads(line) for line in self.log("nginx").splitlines()]

    def ask(self, path, body=None, *, address="203.0.113.1", headers=()):
        """
        Send a request to the published port, as a load balancer in front of it would, and return the answer.

        `body`: a dictionary goes as JSON, a string as a form.
        """
        sent = {"X-Forwarded-For": address, **self.headers}
        if isinstance(body, dict):
            sent["Content-Type"], body = "application/json", json.dumps(body)
        elif isinstance(body, str):
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("GET" if body is None else "POST", path, body, {**sent, **dict(headers)})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def value(self, index, wait=10):
        """Ask for an index, again while a web restarts, and return its resource when it is done."""
        eventually(lambda: self.ask("/api/values", {"index": index}).status in {200, 202})
        return eventually(lambda: self.done(index, wait), 60)

    def done(self, index, wait=0):
        answer = self.ask(f"/api/values/{index}", headers={"Prefer": f"wait={wait}"} if wait else {})
        return answer.json if answer.status == 200 and answer.json["state"] == "done" else None


def inspect(container, template):
    """Return what a Go template finds in a container's description, read as JSON."""
    return json.loads(docker("inspect", "--format", f"{{{{json {template}}}}}", container))


def address(container):
    (network,) = inspect(container, ".NetworkSettings.Networks").values()
    return network["IPAddress"]


def processes(container):
    """Return (uid, pid, command) of each process that descends from the container's first; health checks do not."""
    lines = docker("top", container, "-eo", "uid,pid,ppid,args").splitlines()[1:]
    family = {inspect(container, ".State.Pid")}
    found = []
    for uid, pid, parent, command in (line.split(maxsplit=3) for line in lines):
        if int(pid) in family or int(parent) in family:
            family.add(int(pid))
            found.append((int(uid), int(pid), command))
    return found


def kill(container):
    """End a container's first process, and with it all, as the kernel does when memory is short: nobody asked for it."""
    # `docker kill` would count as asked for, and the engine would not start it again.
    script = f"kill -9 {inspect(container, '.State.Pid')}"
    docker("run", "--rm", "--pid", "host", "--user", "0", "--entrypoint", "/bin/bash", "postgres:18", "-c", script)


def peak_memory(container):
    """Return the most bytes a container's processes and file cache took, and its limit."""
    paths = ("/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes")
    said = docker("exec", container, "cat", *paths, check=False)
    return int(re.findall(r"\d+", said)[0]), inspect(container, ".HostConfig.Memory")


@contextmanager
def meanwhile(action, pause):
    """Call `action` again and again in a thread of its own; yields the list of what it returned, or raised."""
    results = []
    stop = threading.Event()

    def repeat():
        while not stop.is_set():
            try:
                results.append(action())
            except (OSError, http.client.HTTPException) as error:
                results.append(error)
            stop.wait(pause)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield results
    finally:
        stop.set()
        thread.join()


@contextmanager
def no_failed_get(stack, *, cut=False):
    """
    Read pages all the while, as a visitor does, and expect each to be there; yields the list of what came.

    cut: allow answers that had begun when their sender was killed, and break off visibly.
    """
    with meanwhile(
        lambda: [stack.ask(path).status for path in ("/", "/api/values/all", "/api/values/7")], 0.01
    ) as seen:
        yield seen
    failed = [
        result
        for result in seen
        if result != [200, 200, 200] and not (cut and isinstance(result, http.client.IncompleteRead))
    ]
    assert not failed, [*failed, *(line for line in stack.access_log()[-10 * len(seen) :] if line["status"] >= 500)]


def eventually_more(seen):
    before = len(seen)
    eventually(lambda: len(seen) > before + 20)


def mend(stack):
    """Make a stack again what its files say."""
    if not stack.is_whole():
        stack.compose("--profile", "heavy", "rm", "--stop", "--force", "worker-heavy")
        stack.up("--scale", "web=1", "--scale", "worker=1")


def copy_of_the_project(folder: Path):
    """Copy what a commit of the working tree would have, so that it can be changed."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)  # with its mode
    return folder
