"""AWS as the tests of the deployment have it: a simulator on loopback, and the project's own scripts against it."""

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3

from conftest import ROOT, eventually
from tests.containers.stack import ENVIRONMENT as BARE

ACCOUNT = "123456789012"
REGION = "eu-central-1"
STACK = "64bit Amazon Linux 2023 v4.9.0 running Docker"
ENVIRONMENT = "fibsite-production"
DUMMY = {"AWS_ACCESS_KEY_ID": "rehearsal", "AWS_SECRET_ACCESS_KEY": "rehearsal"}


class Simulator:
    """The simulator as a process of its own, and a client's way to it. It has one stack at most."""

    def __init__(self, log: Path, instance: str, **variables: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        self.log = log
        self.environment = {
            # Nothing of the machine's own AWS configuration, no way to the real one, and nothing that compose would prefer
            # to what an instance has in its .env.
            **BARE,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **DUMMY,
            **variables,
        }
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.deploy.simulator", "--port", str(port)],
                cwd=ROOT, env={**self.environment, "SIMULATED_INSTANCE": instance}, stdout=output, stderr=output,
            )  # fmt: skip
        eventually(self.answers, 60)

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return urllib.request.urlopen(f"{self.endpoint}/moto-api/", timeout=5).status == 200
        except OSError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def client(self, service: str, region: str = REGION):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id="rehearsal",
            aws_secret_access_key="rehearsal",
        )

    def control(self, path: str, body: bytes = b"") -> None:
        """Ask the simulator itself: `reset` forgets everything, `reset-auth` says after how many calls rights count."""
        request = urllib.request.Request(
            f"{self.endpoint}/moto-api/{path}", body, {"Content-Type": "text/plain"}, method="POST"
        )
        urllib.request.urlopen(request, timeout=10).read()

    def forget(self) -> None:
        """Begin anew, with nothing in it and no rights asked for."""
        self.control("reset-auth", b"inf")
        self.control("reset")

    def create_environment(self) -> None:
        """Create the application and the environment alone, which takes no time."""
        self.forget()
        beanstalk = self.client("elasticbeanstalk")
        beanstalk.create_application(ApplicationName="fibsite")
        beanstalk.create_environment(
            ApplicationName="fibsite",
            EnvironmentName=ENVIRONMENT,
            CNAMEPrefix="fibsite-rehearsal",
            SolutionStackName=STACK,
        )

    def create_stack(self, **parameters: str) -> dict[str, str]:
        """Create deploy/stack.yaml in a network of its own and return the physical id of each resource."""
        self.forget()
        ec2, stacks = self.client("ec2"), self.client("cloudformation")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
                "SubnetId"
            ]
            for number, zone in enumerate("ab")
        ]
        given = {
            "VpcId": vpc,
            "SubnetIds": ",".join(subnets),
            "SolutionStackName": STACK,
            "CnamePrefix": "fibsite-rehearsal",
            **parameters,
        }
        stacks.create_stack(
            StackName="fibsite",
            TemplateBody=(ROOT / "deploy" / "stack.yaml").read_text(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        (stack,) = stacks.describe_stacks(StackName="fibsite")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE", stack
        found = stacks.describe_stack_resources(StackName="fibsite")["StackResources"]
        # moto lists a resource whose condition is false, too, without a name.
        return {
            resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "")
            for resource in found
            if "LogicalResourceId" in resource
        }

    def options(self) -> dict[tuple[str, str], str]:
        """Return the environment's option settings."""
        (settings,) = self.client("elasticbeanstalk").describe_configuration_settings(
            ApplicationName="fibsite", EnvironmentName=ENVIRONMENT
        )["ConfigurationSettings"]
        return {(one["Namespace"], one["OptionName"]): one["Value"] for one in settings["OptionSettings"]}

    def running(self) -> tuple[str, str, str]:
        (found,) = self.client("elasticbeanstalk").describe_environments(EnvironmentNames=[ENVIRONMENT])["Environments"]
        return found["Status"], found["Health"], found["VersionLabel"]

    def deploy(
        self, command: str, *arguments: object, timeout: float = 30, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run deploy/deploy.py; an empty variable is unset."""
        environment = {name: value for name, value in {**self.environment, **variables}.items() if value}
        script = [
            sys.executable,
            ROOT / "deploy" / "deploy.py",
            command,
            "--interval",
            "0.1",
            "--timeout",
            str(timeout),
        ]
        script += map(str, arguments)
        return subprocess.run(
            script, env=environment, capture_output=True, text=True, timeout=60 + 3 * timeout, check=False
        )
