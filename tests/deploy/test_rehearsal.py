"""
The whole way once, without a cloud: images, registry, bundle, Beanstalk, instance, visitors.

Everything that runs is real but Beanstalk and the instance's agent, which are played (simulator/, instance.py), and RDS and
ElastiCache, for which a Postgres and a Redis stand in, with TLS, the generated passwords and the names from the stack.
"""

import http.server
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from calculator.fibonacci import digits
from conftest import ROOT, eventually
from tests.containers import engine
from tests.containers.stack import ENVIRONMENT, Stack, copy_of_the_project, docker, meanwhile
from tests.deploy.authority import write_certificates
from tests.deploy.aws import Simulator
from tests.deploy.instance import PLAIN, PORT

pytestmark = pytest.mark.xdist_group("containers")

PROJECT = f"fibsite-deploy-{os.getpid()}"
NETWORK = f"{PROJECT}_default"
HOST = "fibsite-rehearsal.eu-central-1.elasticbeanstalk.com"
REGISTRY = "127.0.0.1:5000"
began = time.monotonic()


@contextmanager
def step(name):
    """Tell how long a step took; `pytest -s` shows it."""
    started = time.monotonic()
    yield
    print(f"{time.monotonic() - began:6.1f} s  {name} ({time.monotonic() - started:.1f} s)", flush=True)


@pytest.fixture(scope="module")
def registry():
    """An image registry on loopback: the one that runs, the one that CI brings along, or a container."""
    engine.start()
    if not answers(f"http://{REGISTRY}/v2/"):
        if engine.ENGINE.exists():
            subprocess.run([engine.ENGINE, "registry"], check=True, capture_output=True)
        else:
            docker(
                "run",
                "--detach",
                "--rm",
                "--name",
                f"{PROJECT}-registry",
                "--publish",
                f"{REGISTRY}:5000",
                "registry:3",
            )
        eventually(lambda: answers(f"http://{REGISTRY}/v2/"))
    yield f"{REGISTRY}/{PROJECT}/fibsite"
    docker("rm", "--force", f"{PROJECT}-registry", check=False)


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=5).status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rehearsal")
    instance = f"{shlex.quote(sys.executable)} -m tests.deploy.instance {shlex.quote(str(folder / 'instance'))}"
    started = Simulator(folder / "log", instance, PLAYED_PROJECT=PROJECT)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def stack(simulator, registry, tmp_path_factory):
    """The stack, and in its network a Postgres and a Redis under the names that it gives RDS and ElastiCache."""
    with step("the stack is created"):
        resources = simulator.create_stack()
    options = {name: value for (_, name), value in simulator.options().items()}
    folder = tmp_path_factory.mktemp("tls")
    certificates = write_certificates(folder, options["PGHOST"], options["REDIS_HOST"])
    with serving(folder) as address:
        # What is different here from a real instance: whose authorities sign, and where the host's files are.
        given = {
            "CERTIFICATES_URL": f"{address}/{certificates.name}",
            "CERTIFICATES": str(folder / "fetched" / "certificates.pem"),
            "REDIS_CA_CERTS": "/certificates.pem",
            "HEALTHD_FOLDER": str(folder / "healthd"),
            **({} if PORT == "80" else {"HTTP_PORT": PORT}),
        }
        simulator.client("elasticbeanstalk").update_environment(
            EnvironmentName="fibsite-production",
            OptionSettings=[{"Namespace": PLAIN, "OptionName": name, "Value": value} for name, value in given.items()],
        )
        labels = (f"com.docker.compose.project={PROJECT}", "com.docker.compose.network=default")
        docker("network", "create", *(part for label in labels for part in ("--label", label)), NETWORK)
        try:
            with step("Postgres and Redis run, with TLS and the generated passwords"):
                start_servers(simulator, resources, options, folder)
            yield given
        finally:
            docker("compose", "--project-name", PROJECT, "down", "--timeout", "2", check=False)
            docker("rm", "--force", "--volumes", f"{PROJECT}-postgres", f"{PROJECT}-redis", check=False)
            docker("network", "rm", NETWORK, check=False)
            images = docker("images", "--quiet", "--filter", f"reference={registry}-*").split()
            docker("rmi", "--force", *images, check=False)


@contextmanager
def serving(folder):
    """Serve a folder over HTTP on loopback, as RDS publishes its authorities."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def start_servers(simulator, resources, options, folder):
    secrets = simulator.client("secretsmanager")
    password, token = (
        secrets.get_secret_value(SecretId=resources[name])["SecretString"]
        for name in ("DatabasePassword", "CachePassword")
    )
    # Postgres takes its key only when nobody else can read it.
    start = (
        "install -o postgres -m 600 /tls/postgres.key /tmp/server.key && exec docker-entrypoint.sh postgres"
        " -c ssl=on -c ssl_cert_file=/tls/postgres.pem -c ssl_key_file=/tmp/server.key"
    )
    docker(
        "run", "--detach", "--name", f"{PROJECT}-postgres", "--network", NETWORK, "--network-alias", options["PGHOST"],
        "--volume", f"{folder}:/tls:ro", "--env", "POSTGRES_USER=fibsite", "--env", "POSTGRES_DB=fibsite",
        "--env", f"POSTGRES_PASSWORD={password}", "--entrypoint", "/bin/bash", "postgres:18", "-c", start,
    )  # fmt: skip
    docker(
        "run", "--detach", "--name", f"{PROJECT}-redis", "--network", NETWORK, "--network-alias", options["REDIS_HOST"],
        "--volume", f"{folder}:/tls:ro", "redis:8.0", "redis-server", "--port", "0", "--tls-port", "6379",
        "--tls-cert-file", "/tls/redis.pem", "--tls-key-file", "/tls/redis.key", "--tls-auth-clients", "no",
        "--requirepass", token, "--maxmemory-policy", "volatile-lru", "--save", "",
    )  # fmt: skip
    ready = ["exec", f"{PROJECT}-postgres", "pg_isready", "--host", "127.0.0.1", "--username", "fibsite"]
    eventually(lambda: "accepting" in docker(*ready, check=False), 60)


class Release:
    """Makes releases of a source tree and deploys them, by the scripts that the pipeline calls."""

    def __init__(self, source, simulator, prefix, folder):
        self.source, self.simulator, self.prefix, self.folder = source, simulator, prefix, folder

    def make(self, label):
        """Build, push, forget the local images, and return their names and the bundle's path."""
        images, bundle = self.folder / f"{label}.json", self.folder / f"{label}.zip"
        with step(f"{label}: built and pushed"):
            self.script("push.py", "--prefix", self.prefix, "--tag", label, "--output", images)
        for image in docker(
            "images", "--filter", f"reference={self.prefix}-*:{label}", "--format", "{{.Repository}}:{{.Tag}}"
        ).split():
            # One in which nothing changed is the one that runs, and stays.
            docker("rmi", image, check=False)
        with step(f"{label}: bundled"):
            print(self.script("bundle.py", "--images", images, "--output", bundle))
        return json.loads(images.read_text()), bundle

    def script(self, name, *arguments):
        command = [sys.executable, self.source / "deploy" / name, *map(str, arguments)]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def deploy(self, *arguments):
        with step(f"deploy.py {' '.join(map(str, arguments))}"):
            done = self.simulator.deploy(*arguments, timeout=200)
        print(done.stdout + done.stderr + self.simulator.deploy("logs").stdout)
        return done


def is_here(image):
    return bool(docker("image", "inspect", "--format", "{{.Id}}", image, check=False))


def seen_by(site):
    """Return every index that the site lists."""
    return {value["number"] for value in site.ask("/api/values/all").json}


def add_migration(source):
    """Give a source tree a further migration, which makes a table `rehearsed`, whatever the newest one is called."""
    folder = source / "calculator" / "migrations"
    newest = max(path.stem for path in folder.glob("[0-9]*.py"))
    (folder / f"{int(newest[:4]) + 1:04}_rehearsed.py").write_text(
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        f"    dependencies = [('calculator', '{newest}')]\n"
        "    operations = [migrations.RunSQL('CREATE TABLE rehearsed (n int)', 'DROP TABLE rehearsed')]\n"
    )


def query(sql):
    return docker(
        "exec", f"{PROJECT}-postgres", "psql", "--username", "fibsite", "--tuples-only", "--no-align", "--command", sql
    )


def container(service):
    labels = (f"com.docker.compose.project={PROJECT}", f"com.docker.compose.service={service}")
    return docker("ps", "--quiet", *(part for label in labels for part in ("--filter", f"label={label}")))


def environment_of(service):
    return json.loads(docker("inspect", "--format", "{{json .Config.Env}}", container(service)))


def expect_sound_containers(site, health_log_folder):
    """Everybody has what is meant for them, all connections have TLS, and Beanstalk's health agent is told."""
    assert site.ask("/readyz").json["status"] == "ok"
    assert query("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE client_port > 0") == "t"
    assert not [line for line in environment_of("worker") if line.startswith(("PG", "SECRET"))]
    assert [line for line in environment_of("web") if line.startswith("PGPASSWORD=")]
    (health_log,) = health_log_folder.iterdir()
    assert re.fullmatch(r"application\.log\.\d{4}-\d\d-\d\d-\d\d", health_log.name)
    assert re.search(r'^[0-9.]+"/api/values"20[02]"[0-9.]+"[0-9.]+"', health_log.read_text(), re.MULTILINE)


def test_releases_are_deployed_replaced_and_put_back_and_no_index_is_lost(stack, simulator, registry, tmp_path):
    source = copy_of_the_project(tmp_path / "source")
    release = Release(source, simulator, registry, tmp_path)
    site = Stack("deploy", (), ROOT, headers={"Host": HOST})
    site.port = int(PORT)
    fresh = count(1_000)
    asked = set()

    def ask():
        index = next(fresh)
        answer = site.ask("/api/values", {"index": index})
        if answer.status in {200, 202}:
            asked.add(index)
        return answer.status

    first, bundle = release.make("r1")
    assert not any(map(is_here, first.values()))
    done = release.deploy("deploy", bundle, "--label", "r1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert simulator.running() == ("Ready", "Green", "r1")
    assert all(map(is_here, first.values()))

    with step("visitors are answered through port 80"):
        assert site.value(100)["value"] == str(digits(100), "ascii")
        asked.add(100)
        assert {ask() for _ in range(20)} <= {200, 202}
    expect_sound_containers(site, Path(stack["HEALTHD_FOLDER"]))

    add_migration(source)
    second, bundle = release.make("r2")
    with meanwhile(ask, 0.05) as statuses:
        eventually(lambda: len(statuses) > 5)
        done = release.deploy("deploy", bundle, "--label", "r2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert simulator.running() == ("Ready", "Green", "r2")
    assert query("SELECT count(*) FROM rehearsed") == "0"
    assert asked <= seen_by(site)
    assert second["APP_IMAGE"] != first["APP_IMAGE"]
    assert not is_here(first["APP_IMAGE"]), "the image of the earlier release was not removed"

    with (source / "fibsite" / "wsgi.py").open("a") as wsgi:
        wsgi.write('\nraise RuntimeError("broken on purpose")\n')
    _, bundle = release.make("r3")
    with meanwhile(ask, 0.05):
        done = release.deploy("deploy", bundle, "--label", "r3")
    assert done.returncode == 1
    assert "r3 was not taken, r2 runs" in done.stderr
    assert "r2 runs again" in done.stderr
    assert simulator.running() == ("Ready", "Green", "r2")
    assert asked <= seen_by(site)

    done = release.deploy("rollback", "r1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert simulator.running() == ("Ready", "Green", "r1")
    assert asked <= seen_by(site)
    with step(f"all {len(asked)} indices acknowledged meanwhile are there, and are computed"):
        for index in sorted(asked)[-20:]:
            assert site.value(index)["state"] == "done"


def test_compose_takes_a_dollar_in_the_env_file_for_a_variable(tmp_path):
    """Why no generated secret and no parameter of the stack may have one: Beanstalk writes .env without quotes."""
    (tmp_path / ".env").write_text("PLAIN=abc123\nDOLLAR=a$b\n")
    (tmp_path / "docker-compose.yml").write_text("services: {one: {image: one, environment: [PLAIN, DOLLAR]}}\n")
    done = docker("compose", "config", "--format", "json", cwd=tmp_path)
    assert json.loads(done)["services"]["one"]["environment"] == {"PLAIN": "abc123", "DOLLAR": "a"}
