"""
What the deployment's own policy allows: enough for every command, and no action that is not needed.

The simulator enforces what deploy.py calls, resources included. What Beanstalk does in the caller's name in a real account
it does not do here, so that the statements for that (their Sid begins with Beanstalk) are not proven.
"""

import json

import pytest

from tests.deploy.aws import ENVIRONMENT, Simulator

pytestmark = pytest.mark.xdist_group("simulator")

NEEDED = {
    "elasticbeanstalk:CreateStorageLocation": "deploy",
    "s3:PutObject": "deploy",
    "elasticbeanstalk:CreateApplicationVersion": "deploy",
    "elasticbeanstalk:DescribeApplicationVersions": "deploy",
    "elasticbeanstalk:DescribeEvents": "deploy",
    "elasticbeanstalk:UpdateEnvironment": "deploy",
    "elasticbeanstalk:DescribeEnvironments": "deploy",
    "elasticbeanstalk:RequestEnvironmentInfo": "logs",
    "elasticbeanstalk:RetrieveEnvironmentInfo": "logs",
}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    # An instance without credentials of its own: here only the deployment's count.
    started = Simulator(tmp_path_factory.mktemp("simulator") / "log", 'echo "$VERSION_LABEL runs"')
    yield started
    started.stop()


@pytest.fixture(scope="module")
def policy(simulator):
    """The statements of DeployPolicy for what deploy.py calls itself, as the stack made them."""
    resources = simulator.create_stack(CreateDeployUser="true")
    iam = simulator.client("iam")
    (attached,) = iam.list_attached_user_policies(UserName=resources["DeployUser"])["AttachedPolicies"]
    assert attached["PolicyArn"] == resources["DeployPolicy"]
    version = iam.get_policy_version(PolicyArn=resources["DeployPolicy"], VersionId="v1")["PolicyVersion"]
    statements = version["Document"]["Statement"]
    return [statement for statement in statements if not statement["Sid"].startswith("Beanstalk")]


@pytest.fixture
def user(simulator):
    """A function that makes a user with these statements, has rights count from then on, and returns the keys."""
    simulator.create_environment()
    simulator.client("elasticbeanstalk").create_storage_location()
    iam = simulator.client("iam")

    def make(statements):
        iam.create_user(UserName="deployer")
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName="deployer", PolicyName="deploy", PolicyDocument=document)
        key = iam.create_access_key(UserName="deployer")["AccessKey"]
        simulator.control("reset-auth", b"0")
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    yield make
    simulator.control("reset-auth", b"inf")


def actions(statement):
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


def without(statements, action):
    kept = [{**statement, "Action": [one for one in actions(statement) if one != action]} for statement in statements]
    return [statement for statement in kept if statement["Action"]]


def test_the_policy_allows_what_is_known_to_be_needed_and_no_more(policy):
    assert {action for statement in policy for action in actions(statement)} == NEEDED.keys()


def test_the_policy_is_enough_for_every_command(simulator, policy, user, bundle):
    keys = user(policy)
    for arguments in (
        ["deploy", bundle, "--label", "v1"],
        ["deploy", bundle, "--label", "v2"],
        ["rollback", "v1"],
        ["status"],
        ["logs"],
    ):
        done = simulator.deploy(*arguments, **keys)
        assert done.returncode == 0, (arguments, done.stderr)


@pytest.mark.parametrize("action", NEEDED)
def test_no_action_can_be_left_out(simulator, policy, user, bundle, action):
    keys = user(without(policy, action))
    arguments = ["deploy", bundle, "--label", "v1"] if NEEDED[action] == "deploy" else ["logs"]
    done = simulator.deploy(*arguments, **keys)
    assert done.returncode == 1
    assert action.partition(":")[2] in done.stderr
    assert "deploy/stack.yaml's DeployPolicy lists what a deployment needs" in done.stderr
    assert "Traceback" not in done.stderr


def test_another_environment_may_not_be_touched(simulator, policy, user):
    simulator.client("elasticbeanstalk").create_environment(
        ApplicationName="fibsite", EnvironmentName="fibsite-staging", SolutionStackName="x"
    )
    keys = user(policy)
    assert simulator.deploy("status", "--environment", ENVIRONMENT, **keys).returncode == 0
    refused = simulator.deploy("status", "--environment", "fibsite-staging", **keys)
    assert refused.returncode == 1
    assert "DescribeEnvironments" in refused.stderr


def test_unknown_keys_are_said_to_be_unknown(simulator, user):
    user([{"Effect": "Allow", "Action": "*", "Resource": "*"}])
    done = simulator.deploy("status", AWS_ACCESS_KEY_ID="AKIAUNKNOWN")
    assert done.returncode == 1
    assert "AWS does not know these credentials" in done.stderr
