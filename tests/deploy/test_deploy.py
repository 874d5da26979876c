"""deploy/deploy.py against the simulator: what it says, what it leaves, and with which status it ends."""

import re
import subprocess
import sys
import time

import pytest

from conftest import ROOT, eventually
from tests.deploy.aws import ENVIRONMENT, Simulator

pytestmark = pytest.mark.xdist_group("simulator")


@pytest.fixture
def launched(simulator) -> Simulator:
    """The simulator with a new environment."""
    simulator.create_environment()
    return simulator


@pytest.fixture
def running(launched, bundle) -> Simulator:
    """The version v1 runs in it."""
    done = launched.deploy("deploy", bundle, "--label", "v1")
    assert done.returncode == 0, done.stderr
    return launched


def test_a_release_is_followed_until_it_runs_and_is_healthy(launched, bundle):
    done = launched.deploy("deploy", bundle, "--label", "v1", "--description", "the first")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line[6:] for line in done.stdout.splitlines()]
    told = [
        f"{ENVIRONMENT} in eu-central-1 runs Sample Application",
        "the version v1 is there",
        "INFO  Environment update is starting.",
        "INFO  New application version was deployed to running EC2 instances.",
        "Ready, v1, Yellow",
        "Ready, v1, Green",
        "v1 runs and is healthy: http://fibsite-rehearsal.eu-central-1.elasticbeanstalk.com/",
    ]
    assert set(told) <= set(lines)
    assert lines.index("Ready, v1, Yellow") < lines.index("Ready, v1, Green")
    assert all(re.match(r"\d\d:\d\d ", line) for line in done.stdout.splitlines())
    assert launched.running() == ("Ready", "Green", "v1")
    assert "v1 the first" in launched.deploy("status").stdout


def test_events_and_states_are_shown_while_it_goes_on(running, bundle):
    command = [
        sys.executable,
        "-u",
        ROOT / "deploy/deploy.py",
        "deploy",
        bundle,
        "--label",
        "v2-slow",
        "--interval",
        "0.1",
    ]
    with subprocess.Popen(command, env=running.environment, stdout=subprocess.PIPE, text=True) as process:
        line = ""
        while "Updating" not in line:
            line = process.stdout.readline()
            assert line, "it ended before it showed that the environment updates"
        assert process.poll() is None
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_release_that_fails_on_the_instance_is_put_back(running, bundle):
    done = running.deploy("deploy", bundle, "--label", "v2-broken")
    assert done.returncode == 1
    assert "v2-broken was not taken, v1 runs" in done.stderr
    assert "web did not start" in done.stderr
    assert done.stderr.endswith("deploy: v1 runs again\n")
    assert running.running() == ("Ready", "Green", "v1")


def test_a_release_that_beanstalk_itself_put_back_is_no_success(running, bundle):
    done = running.deploy("deploy", bundle, "--label", "v2-reverted")
    assert done.returncode == 1
    assert "v2-reverted was not taken, v1 runs" in done.stderr
    assert "health checks failed" in done.stderr
    assert running.running() == ("Ready", "Green", "v1")


def test_a_release_that_runs_and_is_not_healthy_is_put_back(running, bundle):
    done = running.deploy("deploy", bundle, "--label", "v2-red", timeout=3)
    assert done.returncode == 1
    assert "v2-red runs and is not healthy (Red)" in done.stderr
    assert running.running() == ("Ready", "Green", "v1")


def test_a_release_that_does_not_come_in_time_is_given_up(running, bundle):
    done = running.deploy("deploy", bundle, "--label", "v2-slow", timeout=1.5)
    assert done.returncode == 1
    assert "v2-slow was not there after 2 seconds" in done.stderr
    assert "the environment stayed busy" in done.stderr
    eventually(lambda: running.running()[0] == "Ready")


def test_nothing_to_put_back_is_said(launched, bundle):
    done = launched.deploy("deploy", bundle, "--label", "v1-broken")
    assert done.returncode == 1
    assert "v1-broken was not taken" in done.stderr
    assert "Sample Application could not be put back" in done.stderr


def test_a_busy_environment_is_left_alone(running, bundle):
    beanstalk = running.client("elasticbeanstalk")
    place = {"S3Bucket": "elasticbeanstalk-eu-central-1-123456789012", "S3Key": "fibsite/v1.zip"}
    beanstalk.create_application_version(ApplicationName="fibsite", VersionLabel="v2-slow", SourceBundle=place)
    beanstalk.update_environment(EnvironmentName=ENVIRONMENT, VersionLabel="v2-slow")
    done = running.deploy("deploy", bundle, "--label", "v3")
    assert done.returncode == 1
    assert f"{ENVIRONMENT} is busy (Updating)" in done.stderr
    assert not beanstalk.describe_application_versions(ApplicationName="fibsite", VersionLabels=["v3"])[
        "ApplicationVersions"
    ]
    eventually(lambda: running.running()[0] == "Ready")


def test_a_label_is_never_used_twice(running, bundle):
    done = running.deploy("deploy", bundle, "--label", "v1")
    assert done.returncode == 1
    assert "the version v1 exists already" in done.stderr
    assert "rollback v1" in done.stderr


def test_an_earlier_version_runs_again(running, bundle):
    assert running.deploy("deploy", bundle, "--label", "v2").returncode == 0
    done = running.deploy("rollback", "v1")
    assert done.returncode == 0
    assert running.running() == ("Ready", "Green", "v1")
    assert re.search(r"^  \S+ \S+ v2 $", running.deploy("status").stdout, re.MULTILINE)
    assert re.search(r"^\* \S+ \S+ v1 $", running.deploy("status").stdout, re.MULTILINE)


def test_a_version_whose_bundle_is_gone_is_not_taken(running, bundle):
    assert running.deploy("deploy", bundle, "--label", "v2").returncode == 0
    running.client("s3").delete_object(Bucket="elasticbeanstalk-eu-central-1-123456789012", Key="fibsite/v1.zip")
    done = running.deploy("rollback", "v1")
    assert done.returncode == 1
    assert "v1 was not taken, v2 runs" in done.stderr
    assert "NoSuchKey" in done.stderr
    assert running.running() == ("Ready", "Green", "v2")


def test_an_unknown_version_is_answered_with_those_there_are(running):
    done = running.deploy("rollback", "v0")
    assert (done.returncode, done.stderr) == (1, "deploy: there is no version v0; there are v1\n")


def test_a_dry_run_changes_nothing(running, bundle):
    done = running.deploy("deploy", bundle, "--label", "v2", "--dry-run")
    assert done.returncode == 0
    assert "nothing was done" in done.stdout
    assert "would" in running.deploy("rollback", "v1", "--dry-run").stdout
    versions = running.client("elasticbeanstalk").describe_application_versions(ApplicationName="fibsite")
    assert [version["VersionLabel"] for version in versions["ApplicationVersions"]] == ["v1"]
    stored = running.client("s3").list_objects_v2(
        Bucket="elasticbeanstalk-eu-central-1-123456789012", Prefix="fibsite/"
    )
    assert [one["Key"] for one in stored["Contents"]] == ["fibsite/v1.zip"]


def test_logs_are_those_of_the_instance(running):
    for _ in range(2):
        done = running.deploy("logs")
        assert (done.returncode, done.stdout) == (0, "===== i-rehearsal\nv1 runs\n\n")
        # The links of two calls differ by their time alone.
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "there are no AWS credentials: set AWS_ACCESS_KEY_ID"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "there is no region: set AWS_REGION or give --region"),
        ({"AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": ""}, "in us-west-2: is it in another region (--region)"),
        ({"AWS_PROFILE": "nobody"}, "AWS_PROFILE names a profile that is not in the AWS configuration"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}, "is the region right?"),
    ],
    ids=["credentials", "region", "another region", "profile", "endpoint"],
)
def test_what_is_missing_is_named(launched, bundle, variables, said):
    for arguments in (["status"], ["deploy", bundle, "--label", "v1"], ["rollback", "v1"], ["logs"]):
        done = launched.deploy(*arguments, **variables)
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_another_environment_is_asked_for_by_its_name(launched):
    done = launched.deploy("status", "--environment", "fibsite-staging")
    assert done.returncode == 1
    assert "there is no environment fibsite-staging of the application fibsite in eu-central-1" in done.stderr


def test_a_bundle_that_beanstalk_would_refuse_is_not_uploaded(launched, tmp_path):
    for content in (b"no zip", None):
        path = tmp_path / "bundle.zip"
        path.unlink(missing_ok=True)
        if content:
            path.write_bytes(content)
        done = launched.deploy("deploy", path, "--label", "v1")
        assert done.returncode == 1
        assert f"{path} is no readable zip" in done.stderr
        assert "Traceback" not in done.stderr


def test_help_is_there_for_every_command():
    for command in ([], ["deploy"], ["status"], ["logs"], ["rollback"]):
        done = subprocess.run(
            [sys.executable, ROOT / "deploy/deploy.py", *command, "--help"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0
        assert done.stdout.startswith("usage: deploy.py")
    wrong = subprocess.run(
        [sys.executable, ROOT / "deploy/deploy.py", "destroy"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2
