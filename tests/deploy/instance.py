"""
An instance of Elastic Beanstalk's Docker platform, played on this machine.

`python -m tests.deploy.instance FOLDER` deploys the version VERSION_LABEL as the platform's agent does, after its
documentation: the bundle from S3 into FOLDER, `.env` beside it from the environment's options, the hooks, and compose. The
engine, the images, the registry, the hooks and the containers are real. With --fetch it stops before the hooks.
"""

import argparse
import io
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import boto3

PROJECT = os.environ.get("PLAYED_PROJECT", "fibsite-deploy")
PLAIN = "aws:elasticbeanstalk:application:environment"
SECRET = "aws:elasticbeanstalk:application:environmentsecrets"
# Where its visitors come in.
PORT = os.environ.get("HTTP_PORT", "80")
# The platform's agent is root.
AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "--non-interactive", "--preserve-env"]
APPLICATION, ENVIRONMENT = "fibsite", "fibsite-production"


def fetch(folder: Path) -> dict[str, str]:
    """Put the version's bundle and its .env into the folder, and return the environment's properties."""
    beanstalk = boto3.client("elasticbeanstalk")
    (version,) = beanstalk.describe_application_versions(
        ApplicationName=APPLICATION, VersionLabels=[os.environ["VERSION_LABEL"]]
    )["ApplicationVersions"]
    place = version["SourceBundle"]
    content = boto3.client("s3").get_object(Bucket=place["S3Bucket"], Key=place["S3Key"])["Body"].read()
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        for entry in bundle.infolist():
            # As unzip does it: with the mode, or no hook would run.
            path = Path(bundle.extract(entry, folder))
            path.chmod(entry.external_attr >> 16 & 0o777)
    (settings,) = beanstalk.describe_configuration_settings(ApplicationName=APPLICATION, EnvironmentName=ENVIRONMENT)[
        "ConfigurationSettings"
    ]
    secrets = boto3.client("secretsmanager")
    properties = {}
    for option in settings["OptionSettings"]:
        if option["Namespace"] == PLAIN:
            properties[option["OptionName"]] = option["Value"]
        elif option["Namespace"] == SECRET:
            properties[option["OptionName"]] = secrets.get_secret_value(SecretId=option["Value"])["SecretString"]
    # Not quoted: what Compose makes of it is Compose's affair.
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    return properties


def run(*command: str, folder: Path, properties: dict[str, str]) -> None:
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **properties}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False,
    )  # fmt: skip
    name = Path(command[-1]).name if command[-1].endswith(".sh") else " ".join(command[3:5])
    print(f"{time.monotonic() - began:5.1f} s  {name}: status {done.returncode}", flush=True)
    if done.returncode:
        # What the platform puts into its logs, and the last line into an event.
        said = subprocess.run(
            ["docker", "compose", f"--project-name={PROJECT}", "logs", "--no-color", "--tail=20"],
            cwd=folder, capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
        sys.exit(f"{said}\n{name}: {done.stdout.strip()}")


def hooks(phase: str, folder: Path, properties: dict[str, str]) -> None:
    for hook in sorted((folder / ".platform" / "hooks" / phase).glob("*")):
        run(*AS_ROOT, str(hook), folder=folder, properties=properties)


def deploy(folder: Path) -> None:
    properties = fetch(folder)

    def compose(*arguments: str) -> None:
        # Without the properties: what the containers get, they get by .env.
        run("docker", "compose", f"--project-name={PROJECT}", *arguments, folder=folder, properties={})

    hooks("prebuild", folder, properties)
    compose("pull", "--quiet")
    hooks("predeploy", folder, properties)
    compose("up", "--detach", "--remove-orphans")
    hooks("postdeploy", folder, properties)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fetch", action="store_true")
    options = parser.parse_args()
    release = options.folder / os.environ["VERSION_LABEL"]
    release.mkdir(parents=True, exist_ok=True)
    (fetch if options.fetch else deploy)(release)
