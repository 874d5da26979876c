#!/usr/bin/env python3
"""
Deploy a release to Elastic Beanstalk, follow it live, and put the earlier one back when it fails.

    deploy.py deploy BUNDLE --label 1a2b3c   upload the bundle and release it
    deploy.py status                         what runs, and the versions there are
    deploy.py logs                           the last lines of every instance's logs
    deploy.py rollback LABEL                 release an earlier version again

The region and the credentials come from the environment or the AWS configuration, as for the AWS command line.
The exit status is 0 when the wanted version runs and is healthy, 1 when it does not, 2 when the call was wrong.
"""

import argparse
import os
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

import bundle

# What boto3 raises itself, and what to do about it.
ADVICE: dict[type[BotoCoreError], str] = {
    NoCredentialsError: "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    NoRegionError: "there is no region: set AWS_REGION or give --region",
    ProfileNotFound: "AWS_PROFILE names a profile that is not in the AWS configuration",
}
# The codes of answers that refuse the caller, and what to do about it.
REFUSALS = {
    "AccessDenied": "these credentials may not do this: deploy/stack.yaml's DeployPolicy lists what a deployment needs",
    "ExpiredToken": "the credentials have expired: get new ones",
    "InvalidClientTokenId": "AWS does not know these credentials",
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID",
    "UnrecognizedClientException": "AWS does not know these credentials",
}


# How long a version that runs may take to become healthy; Beanstalk's health lags a few minutes behind.
SETTLE_SECONDS = 300


class DeployError(Exception):
    """The deployment did not happen, or did not succeed; the message says why."""


class Beanstalk:
    """One environment, and the application that it belongs to."""

    def __init__(self, options: argparse.Namespace) -> None:
        session = boto3.Session(region_name=options.region)
        self.api = session.client("elasticbeanstalk")
        self.s3 = session.client("s3")
        self.region: str = self.api.meta.region_name
        self.application: str = options.application
        self.name: str = options.environment
        self.interval: float = options.interval
        self.began = time.monotonic()

    def say(self, message: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        print(f"{minutes:02}:{seconds:02} {message}", flush=True)

    def environment(self) -> dict[str, Any]:
        found: list[dict[str, Any]] = self.api.describe_environments(
            ApplicationName=self.application, EnvironmentNames=[self.name], IncludeDeleted=False
        )["Environments"]
        if not found:
            raise DeployError(
                f"there is no environment {self.name} of the application {self.application} in {self.region}: is it in "
                "another region (--region), or has it another name (--environment)?"
            )
        return found[0]

    def ready_environment(self) -> dict[str, Any]:
        found = self.environment()
        if found["Status"] != "Ready":
            raise DeployError(
                f"{self.name} is busy ({found['Status']}): somebody deploys, or Beanstalk updates it; try again when "
                "`deploy.py status` says Ready"
            )
        return found

    def versions(self, *labels: str) -> list[dict[str, Any]]:
        """Return the application's versions, the newest first; only those with these labels if there are any."""
        wanted = {"VersionLabels": list(labels)} if labels else {}
        found: list[dict[str, Any]] = self.api.describe_application_versions(
            ApplicationName=self.application, **wanted
        )["ApplicationVersions"]
        return sorted(found, key=lambda version: version["DateCreated"], reverse=True)

    def upload(self, path: Path, label: str) -> dict[str, str]:
        """Store a bundle in Beanstalk's own bucket and return its place."""
        bucket: str = self.api.create_storage_location()["S3Bucket"]
        key = f"{self.application}/{label}.zip"
        with path.open("rb") as content:
            self.s3.put_object(Bucket=bucket, Key=key, Body=content)
        self.say(f"uploaded {path.stat().st_size:,} bytes to s3://{bucket}/{key}")
        return {"S3Bucket": bucket, "S3Key": key}

    def create_version(self, label: str, place: dict[str, str], description: str, deadline: float) -> None:
        self.api.create_application_version(
            ApplicationName=self.application,
            VersionLabel=label,
            Description=description,
            SourceBundle=place,
            Process=True,  # Beanstalk reads .ebextensions now, and not in the middle of the deployment
        )
        while (status := self.versions(label)[0]["Status"]) in {"PROCESSING", "UNPROCESSED", "BUILDING"}:
            if time.monotonic() > deadline:
                raise DeployError(f"Beanstalk has not read the version {label} in time (it is {status})")
            time.sleep(self.interval)
        if status != "PROCESSED":
            raise DeployError(f"Beanstalk refuses the bundle of {label}: {'; '.join(self.errors(label)) or status}")
        self.say(f"the version {label} is there")

    def errors(self, label: str) -> list[str]:
        events = self.api.describe_events(ApplicationName=self.application, VersionLabel=label, Severity="ERROR")
        return [event["Message"] for event in events["Events"]]

    def release(self, label: str, timeout: float) -> None:
        """
        Have a version that exists run, and follow it until it does. DeployError with the reason when it does not.

        Ready alone would not do: Beanstalk is ready again, too, after it has put the earlier version back.
        """
        events = Events(self)
        self.api.update_environment(ApplicationName=self.application, EnvironmentName=self.name, VersionLabel=label)
        deadline = time.monotonic() + timeout
        found = self.look(events)
        # Before the first event an answer may be one of before, and ready for that reason.
        while found["Status"] != "Ready" or not events.begun:
            if time.monotonic() > deadline:
                raise DeployError(f"{label} was not there after {timeout:.0f} seconds: {events.reason(found)}")
            time.sleep(self.interval)
            found = self.look(events)
        if found.get("VersionLabel") != label:
            raise DeployError(f"{label} was not taken, {found.get('VersionLabel')} runs: {events.reason(found)}")
        deadline = min(deadline, time.monotonic() + SETTLE_SECONDS)
        while events.failures or found.get("Health") != "Green":
            # A failure that Beanstalk told of does not heal; a health that is not yet green may become it.
            if events.failures or time.monotonic() > deadline:
                health = found.get("Health")
                raise DeployError(f"{label} runs and is not healthy ({health}): {events.reason(found)}")
            time.sleep(self.interval)
            found = self.look(events)

    def look(self, events: "Events") -> dict[str, Any]:
        """Return the environment, and show what is new."""
        found = self.environment()
        # Afterwards, so that what led to this state is among them.
        events.show()
        state = f"{found['Status']}, {found.get('VersionLabel')}, {found.get('Health')}"
        if state != events.state:
            self.say(state)
            events.state = state
        return found

    def put_back(self, label: str | None, failed: str, timeout: float) -> str:
        """Release the version that ran before, and return what became of it as a sentence's end."""
        if label is None or label == failed:
            return "there is no earlier version to put back"
        self.say(f"putting {label} back")
        deadline = time.monotonic() + timeout
        while self.environment()["Status"] != "Ready":
            if time.monotonic() > deadline:
                return f"the environment stayed busy, so that {label} could not be put back"
            time.sleep(self.interval)
        try:
            # Even where it seems to run: Beanstalk may have stopped half-way, with the failed one on some instances.
            self.release(label, timeout)
        except (DeployError, ClientError) as error:
            return f"and {label} could not be put back: {error}"
        return f"{label} runs again"


class Events:
    """What Beanstalk tells of an environment from now on."""

    def __init__(self, beanstalk: Beanstalk) -> None:
        self.beanstalk = beanstalk
        self.begun = False
        self.failures: list[str] = []
        self.state = ""
        # Not by the time: this machine's clock is not Beanstalk's.
        self.seen = {self.key(event) for event in self.newest()}

    @staticmethod
    def key(event: dict[str, Any]) -> tuple[Any, str]:
        return event["EventDate"], event["Message"]

    def newest(self) -> list[dict[str, Any]]:
        answer = self.beanstalk.api.describe_events(
            ApplicationName=self.beanstalk.application, EnvironmentName=self.beanstalk.name, MaxRecords=100
        )
        found: list[dict[str, Any]] = answer["Events"]
        return found

    def show(self) -> None:
        """Show the events that are new, and keep those that are errors."""
        for event in reversed(self.newest()):
            if self.key(event) not in self.seen:
                self.seen.add(self.key(event))
                self.begun = True
                self.beanstalk.say(f"{event['Severity']:5} {event['Message']}")
                if event["Severity"] in {"ERROR", "FATAL"}:
                    self.failures.append(event["Message"])

    def reason(self, environment: dict[str, Any]) -> str:
        return "; ".join(self.failures) or f"its health is {environment.get('HealthStatus')}"


def deploy(options: argparse.Namespace) -> None:
    bundle.check(options.bundle)
    beanstalk = Beanstalk(options)
    before = beanstalk.ready_environment().get("VersionLabel")
    if beanstalk.versions(options.label):
        raise DeployError(
            f"the version {options.label} exists already, and versions never change: release it with "
            f"`deploy.py rollback {options.label}`, or give another --label"
        )
    beanstalk.say(f"{beanstalk.name} in {beanstalk.region} runs {before}")
    if options.dry_run:
        beanstalk.say(
            f"would upload {options.bundle}, make the version {options.label} and release it; nothing was done"
        )
        return
    place = beanstalk.upload(options.bundle, options.label)
    beanstalk.create_version(options.label, place, options.description, time.monotonic() + options.timeout)
    release(beanstalk, options.label, before, options.timeout)


def rollback(options: argparse.Namespace) -> None:
    beanstalk = Beanstalk(options)
    before = beanstalk.ready_environment().get("VersionLabel")
    if not beanstalk.versions(options.label):
        newest = ", ".join(version["VersionLabel"] for version in beanstalk.versions()[:10])
        raise DeployError(f"there is no version {options.label}; there are {newest or 'none'}")
    beanstalk.say(f"{beanstalk.name} in {beanstalk.region} runs {before}")
    if options.dry_run:
        beanstalk.say(f"would release {options.label}; nothing was done")
        return
    release(beanstalk, options.label, before, options.timeout)


def release(beanstalk: Beanstalk, label: str, before: str | None, timeout: float) -> None:
    try:
        beanstalk.release(label, timeout)
    except DeployError as error:
        raise DeployError(f"{error}\ndeploy: {beanstalk.put_back(before, label, timeout)}") from error
    beanstalk.say(f"{label} runs and is healthy: http://{beanstalk.environment().get('CNAME', '')}/")


def status(options: argparse.Namespace) -> None:
    beanstalk = Beanstalk(options)
    found = beanstalk.environment()
    for name in ("EnvironmentName", "Status", "Health", "HealthStatus", "VersionLabel", "CNAME", "SolutionStackName"):
        print(f"{name:18} {found.get(name, '')}")
    for version in beanstalk.versions()[:10]:
        mark = "*" if version["VersionLabel"] == found.get("VersionLabel") else " "
        print(
            f"{mark} {version['DateCreated']:%Y-%m-%d %H:%M} {version['VersionLabel']} {version.get('Description', '')}"
        )


def logs(options: argparse.Namespace) -> None:
    beanstalk = Beanstalk(options)
    beanstalk.ready_environment()
    # A link is a new one each time; those of earlier calls stay for a while.
    seen = {info["SampleTimestamp"] for info in tails(beanstalk)}
    beanstalk.api.request_environment_info(EnvironmentName=beanstalk.name, InfoType="tail")
    deadline = time.monotonic() + options.timeout
    while not (new := [info for info in tails(beanstalk) if info["SampleTimestamp"] not in seen]):
        if time.monotonic() > deadline:
            raise DeployError(f"no instance sent its logs within {options.timeout:.0f} seconds")
        time.sleep(options.interval)
    for info in new:
        print(f"===== {info['Ec2InstanceId']}")
        # The message is a link to the instance's log in Beanstalk's bucket, signed for a few minutes.
        with urllib.request.urlopen(info["Message"], timeout=30) as log:  # noqa: S310
            print(log.read().decode(errors="replace"))


def tails(beanstalk: Beanstalk) -> list[dict[str, Any]]:
    answer = beanstalk.api.retrieve_environment_info(EnvironmentName=beanstalk.name, InfoType="tail")
    found: list[dict[str, Any]] = answer["EnvironmentInfo"]
    return found


def parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--application", default="fibsite", help="of Beanstalk (default: %(default)s)")
    common.add_argument("--environment", default="fibsite-production", help="of Beanstalk (default: %(default)s)")
    common.add_argument("--region", help="(default: AWS_REGION, or the AWS configuration)")
    common.add_argument("--timeout", type=float, default=1200, help="seconds to wait (default: %(default)s)")
    common.add_argument("--interval", type=float, default=5, help="seconds between two looks (default: %(default)s)")
    dry = argparse.ArgumentParser(add_help=False)
    dry.add_argument("--dry-run", action="store_true", help="check everything, change nothing")

    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    add = commands.add_parser("deploy", parents=[common, dry], help="upload a bundle and release it")
    add.add_argument("bundle", type=Path, help="the zip that deploy/bundle.py made")
    add.add_argument("--label", required=True, help="the new version's name, such as the commit")
    add.add_argument("--description", default="", help="the new version's description")
    add.set_defaults(run=deploy)
    add = commands.add_parser("status", parents=[common], help="show what runs, and the versions there are")
    add.set_defaults(run=status)
    add = commands.add_parser("logs", parents=[common], help="show the last lines of the logs")
    add.set_defaults(run=logs)
    add = commands.add_parser("rollback", parents=[common, dry], help="release an earlier version again")
    add.add_argument("label", help="the version's name; `status` lists them")
    add.set_defaults(run=rollback)
    return made


def main() -> None:
    # GitHub's and Travis's runners set one of the two names, boto3 reads the other.
    if region := os.environ.get("AWS_REGION"):
        os.environ.setdefault("AWS_DEFAULT_REGION", region)
    options = parser().parse_args()
    try:
        options.run(options)
    except (DeployError, bundle.BundleError) as error:
        sys.exit(f"deploy: {error}")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        advice = next((text for name, text in REFUSALS.items() if code.startswith(name)), None)
        message = error.response["Error"].get("Message") or code
        sys.exit(f"deploy: {error.operation_name}: {message}" + (f"\ndeploy: {advice}" if advice else ""))
    except EndpointConnectionError as error:
        sys.exit(f"deploy: {error}; is the region right?")
    except BotoCoreError as error:
        sys.exit(f"deploy: {next((text for kind, text in ADVICE.items() if isinstance(error, kind)), error)}")
    except OSError as error:
        sys.exit(f"deploy: {error}")
    except KeyboardInterrupt:
        sys.exit("deploy: interrupted; a deployment that has begun goes on: `deploy.py status` shows it")


if __name__ == "__main__":
    main()
