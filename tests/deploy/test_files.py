"""The files of the deployment and the pipeline, as the public linters and schemas see them, and what each calls."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import ROOT

TOOLS = Path(sys.executable).parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
HOOKS = sorted((ROOT / ".platform").rglob("*.sh"))
COMPOSE = ("deploy/docker-compose.yml", "deploy/docker-compose.local.yml", "compose.yaml")
SCHEMA = ("check-jsonschema", "--builtin-schema")
LINTERS = {
    "cfn-lint": ("cfn-lint", "--non-zero-exit-code", "warning", "deploy/stack.yaml"),
    "compose": (*SCHEMA, "vendor.compose-spec", *COMPOSE),
    "workflows": (*SCHEMA, "vendor.github-workflows", *WORKFLOWS),
    "travis": (*SCHEMA, "vendor.travis", ".travis.yml"),
    "zizmor": ("zizmor", "--offline", "--quiet", ".github"),
    "shellcheck": ("shellcheck", *HOOKS),
    "hadolint": ("hadolint", "docker/Dockerfile"),
}
# Steps that a pipeline does by itself: log in to the registry, and prepare its machine for another architecture.
OWN_STEPS = re.compile(r"make [a-z]+( |$)|docker (build|run|buildx) |echo |mkdir ")


@pytest.mark.parametrize("command", LINTERS.values(), ids=LINTERS)
def test_linters_find_nothing(command):
    tool, *arguments = command
    done = subprocess.run([TOOLS / tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def jobs(path):
    return yaml.safe_load(path.read_text())["jobs"]


def test_actions_are_pinned_by_commit():
    used = re.findall(r"uses: (\S+)(.*)", "".join(path.read_text() for path in WORKFLOWS))
    assert len(used) > 8
    for action, comment in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action)
            assert re.fullmatch(r" # v[0-9.]+", comment), f"{action} does not say which version it is"


def test_no_job_may_do_more_than_it_needs():
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {}
        assert "concurrency" in workflow
        for name, job in workflow["jobs"].items():
            expected = {"contents": "read"} | ({"id-token": "write"} if name == "deploy" else {})
            assert job["permissions"] == expected, name


def commands(path):
    """Return every command line of a pipeline's file."""
    if path.name == ".travis.yml":
        scripts = [line for job in jobs_of_travis(path) for line in as_list(job["script"])]
    else:
        scripts = [step["run"] for job in jobs(path).values() for step in job.get("steps", []) if "run" in step]
    return [line for script in scripts for line in script.splitlines() if line.strip()]


def jobs_of_travis(path):
    return yaml.safe_load(path.read_text())["jobs"]["include"]


def as_list(value):
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / ".travis.yml"], ids=lambda path: path.name)
def test_pipelines_call_make_and_nothing_of_their_own(path):
    lines = commands(path)
    assert lines
    assert [line for line in lines if not OWN_STEPS.match(line)] == []
    targets = set(re.findall(r"make ([a-z]+)", "\n".join(lines)))
    makefile = (ROOT / "Makefile").read_text()
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_both_pipelines_check_release_and_deploy():
    for files in (WORKFLOWS, [ROOT / ".travis.yml"]):
        called = {name for path in files for line in commands(path) for name in re.findall(r"make ([a-z]+)", line)}
        assert called >= {"lint", "test", "release", "deploy"}


def test_make_passes_on_what_a_release_is_called():
    done = subprocess.run(
        ["make", "--dry-run", "release", "deploy", "TAG=1a2b3c", "IMAGE_PREFIX=me/fibsite"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = done.stdout.replace("\\\n", "")
    assert '--prefix "me/fibsite" --tag "1a2b3c"' in said
    assert '--platforms "linux/amd64,linux/arm64" --attest' in said
    assert 'deploy.py deploy build/fibsite.zip --label "1a2b3c"' in said


@pytest.fixture
def run_hook(tmp_path):
    def run(name, **variables):
        (hook,) = (path for path in HOOKS if path.name == name)
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **variables}
        return subprocess.run([hook], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def test_certificates_are_kept_when_there_are_no_new_ones(run_hook, tmp_path):
    kept, source = tmp_path / "etc" / "certificates.pem", tmp_path / "source.pem"
    variables = {"CERTIFICATES": str(kept), "CERTIFICATES_URL": source.as_uri()}
    nothing = run_hook("10-certificates.sh", **variables)
    assert nothing.returncode == 1
    assert "no certificates for Postgres" in nothing.stderr
    source.write_text("-----BEGIN CERTIFICATE-----\n")
    assert run_hook("10-certificates.sh", **variables).returncode == 0
    assert kept.read_text() == "-----BEGIN CERTIFICATE-----\n"
    source.write_text("<html>Service unavailable</html>")
    again = run_hook("10-certificates.sh", **variables)
    assert again.returncode == 0
    assert "keeping the certificates of an earlier deployment" in again.stderr
    assert kept.read_text() == "-----BEGIN CERTIFICATE-----\n"
