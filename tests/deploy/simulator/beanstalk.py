"""
What moto lacks of Elastic Beanstalk, as far as a deployment needs it.

moto decodes requests and encodes answers by botocore's own description of the service, so that a parameter or an answer of
a wrong form cannot slip in. What an update does is ours. It runs the command in SIMULATED_INSTANCE with VERSION_LABEL set,
as Beanstalk has an instance deploy a version, and goes by its exit status:

    0  the version runs; the health becomes green a look later, as the real one does
    2  the version runs, and its health is red
    3  it failed, and Beanstalk itself put the earlier version back, as with immutable deployments
    otherwise it failed: the earlier version is still the environment's, and the instance is in neither state
"""

import base64
import io
import os
import subprocess
import threading
import zipfile
from typing import Any

import yaml
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.elasticbeanstalk.exceptions import InvalidParameterValueError
from moto.elasticbeanstalk.responses import EBResponse
from moto.elasticbeanstalk.utils import make_arn
from moto.s3.models import s3_backends

HEALTH = {0: "Yellow", 2: "Red", 3: "Green"}
SAMPLE = "Sample Application"
create_application = EBResponse.create_application
create_environment_of_moto = EBResponse.create_environment
authorize = EBResponse._authenticate_and_authorize_normal_action


class Beanstalk(EBResponse):
    """The operations; each is put into moto's own class by install()."""

    def state(self) -> Any:
        """Return this region's backend, with our lists beside moto's."""
        backend = self.elasticbeanstalk_backend
        for name, empty in {"versions": {}, "settings": {}, "of_release": {}, "events": [], "logs": {}}.items():
            if name not in vars(backend):
                setattr(backend, name, empty)
        return backend

    def _authenticate_and_authorize_normal_action(self, resource="*"):
        authorize(self, self.resource())

    def resource(self) -> str:
        """Return the name by which a policy allows this request, where moto asks for * alone."""
        application, label = self._get_param("ApplicationName"), self._get_param("VersionLabel")
        environments = self._get_param("EnvironmentNames") or [self._get_param("EnvironmentName")]
        if environments[0]:
            kind, path = "environment", f"{application or 'fibsite'}/{environments[0]}"
        elif label or self._get_action() == "DescribeApplicationVersions":
            kind, path = "applicationversion", f"{application}/{label or '*'}"
        else:
            return "*"
        return make_arn(self.region, self.current_account, kind, path)

    def environment(self) -> Any:
        wanted = self._get_param("EnvironmentName")
        for environment in self.elasticbeanstalk_backend.describe_environments():
            if environment.environment_name == wanted:
                return environment
        raise InvalidParameterValueError(f"No Environment found for EnvironmentName = '{wanted}'.")

    def tell(self, environment: Any, message: str, severity: str = "INFO", label: str | None = None) -> None:
        self.state().events.append(
            {
                "EventDate": utcnow(),
                "Message": message,
                "ApplicationName": environment.application_name,
                "EnvironmentName": environment.environment_name,
                "VersionLabel": label or "",
                "Severity": severity,
            }
        )

    def stored(self, source: dict[str, str]) -> bytes | None:
        """Return a bundle, None when it is not in S3."""
        s3 = s3_backends[self.current_account][self.partition]
        try:
            return s3.get_object(source["S3Bucket"], source["S3Key"]).value
        except Exception:  # noqa: BLE001 moto raises one of several
            return None

    def create_storage_location(self) -> ActionResult:
        bucket = f"elasticbeanstalk-{self.region}-{self.current_account}"
        s3 = s3_backends[self.current_account][self.partition]
        if bucket not in s3.buckets:
            s3.create_bucket(bucket, self.region)
        return ActionResult({"S3Bucket": bucket})

    def create_application_version(self) -> ActionResult:
        application, label = self._get_param("ApplicationName"), self._get_param("VersionLabel")
        state = self.state()
        if application not in state.applications:
            raise InvalidParameterValueError(f"No Application named '{application}' found.")
        if (application, label) in state.versions:
            raise InvalidParameterValueError(f"Application Version {label} already exists.")
        source = self._get_param("SourceBundle")
        content = self.stored(source)
        if content is None:
            place = f"Bucket: {source['S3Bucket']}  Key: {source['S3Key']}"
            raise InvalidParameterValueError(f"Unable to download from S3 location ({place}).")
        version = {
            "ApplicationName": application,
            "VersionLabel": label,
            "Description": self._get_param("Description"),
            "SourceBundle": source,
            "DateCreated": utcnow(),
            "DateUpdated": utcnow(),
            "Status": "PROCESSED" if options_of_release(content) is not None else "FAILED",
        }
        state.versions[application, label] = version
        return ActionResult({"ApplicationVersion": version})

    def describe_application_versions(self) -> ActionResult:
        application, labels = self._get_param("ApplicationName"), self._get_param("VersionLabels")
        found = [
            version
            for (owner, label), version in self.state().versions.items()
            if owner == application and (not labels or label in labels)
        ]
        return ActionResult({"ApplicationVersions": found})

    def create_environment(self) -> ActionResult:
        made = create_environment_of_moto(self)
        environment = self.environment()
        environment.environment_id = "e-rehearsal00"
        environment.solution_stack_name = self._get_param("SolutionStackName")
        environment.cname = f"{self._get_param('CNAMEPrefix')}.{self.region}.elasticbeanstalk.com"
        environment.version_label, environment.health = SAMPLE, "Green"
        options = self._get_param("OptionSettings") or []
        self.state().settings[environment.environment_name] = {
            (option["Namespace"], option["OptionName"]): option["Value"] for option in options
        }
        self.tell(environment, f"Successfully launched environment: {environment.environment_name}")
        return made

    def describe_environments(self) -> ActionResult:
        application, names = self._get_param("ApplicationName"), self._get_param("EnvironmentNames")
        found = []
        for environment in self.elasticbeanstalk_backend.describe_environments():
            if (names and environment.environment_name not in names) or (
                application and environment.application_name != application
            ):
                continue
            found.append(described(environment))
            if environment.status == "Ready" and environment.health == "Yellow":
                environment.health = "Green"
        return ActionResult({"Environments": found})

    def update_environment(self) -> ActionResult:
        environment, label = self.environment(), self._get_param("VersionLabel")
        state = self.state()
        name = environment.environment_name
        if environment.status != "Ready":
            raise InvalidParameterValueError(
                f"Environment named {name} is in an invalid state for this operation. Must be Ready."
            )
        for option in self._get_param("OptionSettings") or []:
            state.settings[name][option["Namespace"], option["OptionName"]] = option["Value"]
        if label is None:
            return ActionResult(described(environment))
        version = state.versions.get((environment.application_name, label))
        if version is None:
            raise InvalidParameterValueError(f"No Application Version named '{label}' found.")
        environment.status, environment.health = "Updating", "Grey"
        self.tell(environment, "Environment update is starting.", label=label)
        content = self.stored(version["SourceBundle"])
        # What is set on the environment itself takes precedence over what a release brings along.
        state.of_release[name] = (options_of_release(content) if content else None) or {}
        threading.Thread(target=self.update, args=(environment, label), daemon=True).start()
        return ActionResult(described(environment))

    def update(self, environment: Any, label: str) -> None:
        done = subprocess.run(
            os.environ["SIMULATED_INSTANCE"], shell=True, env={**os.environ, "VERSION_LABEL": label},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        self.state().logs[environment.environment_name] = done.stdout
        if done.returncode in {0, 2}:
            environment.version_label = label
            self.tell(environment, "New application version was deployed to running EC2 instances.", label=label)
        else:
            last = (done.stdout.strip() or "nothing was said").splitlines()[-1]
            message = (
                f"[Instance: i-rehearsal] Command failed on instance. Return code: {done.returncode} Output: {last}."
            )
            self.tell(environment, message, "ERROR", label)
            message = "Failed to deploy application." if done.returncode != 3 else "Deployment rolled back."
            self.tell(environment, message, "ERROR", label)
        environment.health = HEALTH.get(done.returncode, "Red")
        environment.status = "Ready"

    def describe_events(self) -> ActionResult:
        wanted = {name: self._get_param(name) for name in ("EnvironmentName", "VersionLabel", "Severity")}
        found = [
            event
            for event in reversed(self.state().events)
            if all(value is None or event[name] == value for name, value in wanted.items())
        ]
        return ActionResult({"Events": found})

    def describe_configuration_settings(self) -> ActionResult:
        environment = self.environment()
        name = environment.environment_name
        options = {**self.state().of_release.get(name, {}), **self.state().settings[name]}
        settings = {
            "ApplicationName": environment.application_name,
            "EnvironmentName": name,
            "SolutionStackName": environment.solution_stack_name,
            "OptionSettings": [
                {"Namespace": namespace, "OptionName": option, "Value": value}
                for (namespace, option), value in options.items()
            ],
        }
        return ActionResult({"ConfigurationSettings": [settings]})

    def request_environment_info(self) -> EmptyResult:
        self.state().asked = utcnow()
        return EmptyResult()

    def retrieve_environment_info(self) -> ActionResult:
        environment, state = self.environment(), self.state()
        if "asked" not in vars(state):
            return ActionResult({"EnvironmentInfo": []})
        log = state.logs.get(environment.environment_name, "")
        # A real one leads to S3 and is signed, which moto cannot check while rights count.
        link = "data:text/plain;base64," + base64.b64encode(log.encode()).decode()
        info = {"InfoType": "tail", "Ec2InstanceId": "i-rehearsal", "SampleTimestamp": state.asked, "Message": link}
        return ActionResult({"EnvironmentInfo": [info]})


def options_of_release(content: bytes) -> dict[tuple[str, str], str] | None:
    """Return the option settings of a bundle's .ebextensions, None when Beanstalk could not read the bundle."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as bundle:
            names = bundle.namelist()
            files = [yaml.safe_load(bundle.read(name)) for name in sorted(names) if name.startswith(".ebextensions/")]
    except (zipfile.BadZipFile, yaml.YAMLError):
        return None
    if "docker-compose.yml" not in names:
        return None
    return {
        (namespace, option): value
        for file in files
        for namespace, options in file["option_settings"].items()
        for option, value in options.items()
    }


def described(environment: Any) -> dict[str, Any]:
    return {
        "ApplicationName": environment.application_name,
        "EnvironmentName": environment.environment_name,
        "EnvironmentId": environment.environment_id,
        "EnvironmentArn": environment.environment_arn,
        "SolutionStackName": environment.solution_stack_name,
        "VersionLabel": environment.version_label,
        "CNAME": environment.cname,
        "Status": environment.status,
        "Health": environment.health,
        "HealthStatus": {"Green": "Ok", "Yellow": "Warning", "Red": "Severe"}.get(environment.health, "Pending"),
        "DateCreated": environment.date_created,
        "DateUpdated": environment.date_updated,
    }


def install() -> None:
    for name, member in vars(Beanstalk).items():
        if not name.startswith("__"):
            setattr(EBResponse, name, member)
