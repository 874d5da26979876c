"""deploy/stack.yaml, created in the simulator: every resource is there, wired as it should be, and its names agree."""

import json
import re

import pytest
import yaml

from conftest import ROOT
from tests.deploy.options import HOOKS_ALONE, KNOWN, PROPERTIES, SECRETS

pytestmark = pytest.mark.xdist_group("simulator")

CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/0"
EVERYTHING = {"GitHubRepository": "me/fibsite", "CreateDeployUser": "true", "HostNames": "fib.example.org"}
BALANCED = {"EnvironmentType": "LoadBalanced", "CertificateArn": CERTIFICATE}
ONLY_BALANCED = {"BalancerGroup", "DoorFromBalancer"}
MEMBERS = [{"Fn::GetAtt": ["MembersGroup", "GroupId"]}]
ONLY_SINGLE = {"DoorFromWorld"}


class Short(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, which this reads as their arguments."""


Short.add_multi_constructor(
    "!",
    lambda loader, _, node: (
        loader.construct_yaml_str(node)
        if isinstance(node, yaml.ScalarNode)
        else loader.construct_sequence(node, deep=True)
    ),
)


@pytest.fixture(scope="module")
def template():
    return yaml.load((ROOT / "deploy/stack.yaml").read_text(), Short)


@pytest.fixture(scope="module", params=["single", "balanced"])
def stack(request, simulator):
    """The simulator with the stack in it, and the physical id of each resource."""
    balanced = request.param == "balanced"
    resources = simulator.create_stack(**EVERYTHING, **(BALANCED if balanced else {}))
    return simulator, resources, balanced


def test_every_resource_of_the_template_is_there_and_none_was_passed_over(stack, template):
    simulator, resources, balanced = stack
    absent = ONLY_SINGLE if balanced else ONLY_BALANCED
    assert resources.keys() == template["Resources"].keys() - absent
    # What moto does not know it leaves out with a line in its log, and says that all is well.
    assert "No Moto" not in simulator.log.read_text()


def test_postgres_is_encrypted_backed_up_and_reachable_by_members_alone(stack, template):
    simulator, resources, _ = stack
    (database,) = simulator.client("rds").describe_db_instances(DBInstanceIdentifier=resources["Database"])[
        "DBInstances"
    ]
    assert (database["Engine"], database["DBName"], database["MasterUsername"]) == ("postgres", "fibsite", "fibsite")
    assert database["StorageEncrypted"] is True
    assert database["PubliclyAccessible"] is False
    assert database["BackupRetentionPeriod"] == 7
    # moto leaves the groups out.
    assert template["Resources"]["Database"]["Properties"]["VPCSecurityGroups"] == MEMBERS
    assert template["Resources"]["Cache"]["Properties"]["SecurityGroupIds"] == MEMBERS
    assert len(database["DBSubnetGroup"]["Subnets"]) == 2
    assert template["Resources"]["Database"]["DeletionPolicy"] == "Snapshot"
    assert template["Resources"]["Database"]["UpdateReplacePolicy"] == "Snapshot"


def test_the_cache_has_tls_a_token_and_no_cluster_mode(stack, template):
    simulator, resources, _ = stack
    (cache,) = simulator.client("elasticache").describe_replication_groups(ReplicationGroupId=resources["Cache"])[
        "ReplicationGroups"
    ]
    assert cache["TransitEncryptionEnabled"] is True
    assert cache["AtRestEncryptionEnabled"] is True
    assert cache["AuthTokenEnabled"] is True
    assert cache["ClusterEnabled"] is False
    parameters = template["Resources"]["CacheParameters"]["Properties"]["Properties"]
    assert parameters == {"maxmemory-policy": "volatile-lru", "cluster-enabled": "no"}


def test_secrets_have_letters_and_digits_alone(stack):
    simulator, resources, _ = stack
    secrets = simulator.client("secretsmanager")
    found = [
        secrets.get_secret_value(SecretId=resources[name])["SecretString"]
        for name in ("DatabasePassword", "CachePassword", "WebSecretKey")
    ]
    assert len(set(found)) == 3
    assert all(re.fullmatch("[A-Za-z0-9]{40,64}", secret) for secret in found)


def parsed(document):
    """Return a policy document; moto gives the text of a Python dictionary for one, which is YAML by chance."""
    return yaml.safe_load(document) if isinstance(document, str) else document


def ingress(simulator, group):
    """Return (port, from where) of each rule of a security group."""
    (found,) = simulator.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return {
        (rule["FromPort"], rule["ToPort"], source)
        for rule in found["IpPermissions"]
        for source in [
            *(pair["GroupId"] for pair in rule["UserIdGroupPairs"]),
            *(one["CidrIp"] for one in rule["IpRanges"]),
        ]
    }


def test_the_world_reaches_the_door_and_nothing_else(stack):
    simulator, resources, balanced = stack
    members, door = resources["MembersGroup"], resources["DoorGroup"]
    assert ingress(simulator, members) == {(5432, 5432, members), (6379, 6379, members)}
    if balanced:
        balancer = resources["BalancerGroup"]
        assert ingress(simulator, balancer) == {(80, 80, "0.0.0.0/0"), (443, 443, "0.0.0.0/0")}
        assert ingress(simulator, door) == {(80, 80, balancer)}
    else:
        assert ingress(simulator, door) == {(80, 80, "0.0.0.0/0")}


def test_the_environment_is_wired_to_the_other_resources(stack):
    simulator, resources, balanced = stack
    options = simulator.options()
    launch = "aws:autoscaling:launchconfiguration"
    assert options[launch, "SecurityGroups"] == f"{resources['MembersGroup']},{resources['DoorGroup']}"
    assert options[launch, "IamInstanceProfile"] == resources["InstanceProfile"]
    (database,) = simulator.client("rds").describe_db_instances()["DBInstances"]
    (cache,) = simulator.client("elasticache").describe_replication_groups()["ReplicationGroups"]
    endpoint = cache["NodeGroups"][0]["PrimaryEndpoint"]
    assert options[PROPERTIES, "PGHOST"] == database["Endpoint"]["Address"]
    assert options[PROPERTIES, "PGPORT"] == "5432"
    assert options[PROPERTIES, "REDIS_HOST"] == endpoint["Address"]
    assert options[PROPERTIES, "REDIS_PORT"] == "6379"
    assert options[PROPERTIES, "REDIS_TLS"] == "true"
    assert options[SECRETS, "PGPASSWORD"] == resources["DatabasePassword"]
    assert options[SECRETS, "REDIS_PASSWORD"] == resources["CachePassword"]
    assert options[SECRETS, "SECRET_KEY"] == resources["WebSecretKey"]
    own = "fibsite-rehearsal.eu-central-1.elasticbeanstalk.com"
    assert options[PROPERTIES, "ALLOWED_HOSTS"] == f"{own},fib.example.org"
    assert options[PROPERTIES, "HTTPS"] == ("true" if balanced else "false")
    policy = options["aws:elasticbeanstalk:command", "DeploymentPolicy"]
    assert policy == ("RollingWithAdditionalBatch" if balanced else "AllAtOnce")
    assert options.get(("aws:elbv2:listener:443", "SSLCertificateArns")) == (CERTIFICATE if balanced else None)
    balancers = {option for option in options if option[0].startswith(("aws:elbv2", "aws:autoscaling:asg"))}
    assert bool(balancers) == balanced


def test_no_option_would_be_taken_for_a_variable(stack):
    simulator, *_ = stack
    assert [value for value in simulator.options().values() if "$" in value or "\n" in value] == []


def option_settings(template):
    """Return (namespace, name) of each option setting of the template and of .ebextensions."""
    found = set()
    for option in template["Resources"]["Environment"]["Properties"]["OptionSettings"]:
        one = option[1] if isinstance(option, list) else option
        found.add((one["Namespace"], one["OptionName"]))
    for path in sorted((ROOT / ".ebextensions").iterdir()):
        assert re.fullmatch(r"[0-9]{2}-[a-z-]+\.config", path.name)
        content = yaml.safe_load(path.read_text())
        assert content.keys() == {"option_settings"}, f"{path.name}: resources belong into deploy/stack.yaml"
        for namespace, options in content["option_settings"].items():
            assert all(isinstance(value, str) for value in options.values()), f"{path.name}: Beanstalk takes strings"
            found |= {(namespace, name) for name in options}
    return found


def test_option_settings_are_ones_that_beanstalk_knows(template):
    unknown = {
        (namespace, name)
        for namespace, name in option_settings(template)
        if namespace not in {PROPERTIES, SECRETS} and name not in KNOWN.get(namespace, ())
    }
    assert unknown == set()


def test_what_the_environment_sets_the_compose_file_reads(template):
    compose = (ROOT / "deploy/docker-compose.yml").read_text()
    parsed = yaml.safe_load(compose)
    read = set(re.findall(r"\$\{([A-Z_]+)", compose))
    read |= {
        name
        for service in parsed["services"].values()
        for name, value in service.get("environment", {}).items()
        if value is None
    }
    set_here = {name for namespace, name in option_settings(template) if namespace in {PROPERTIES, SECRETS}}
    assert set_here - read == set()
    hooks = "".join(path.read_text() for path in (ROOT / ".platform").rglob("*.sh"))
    named = {name for name in re.findall(r"\$\{?:?([A-Z][A-Z_]+)", hooks) if name != "HTTP_PORT"}
    assert named - set_here == HOOKS_ALONE


def test_what_the_compose_file_hands_on_the_settings_read():
    handed = {
        name
        for service in yaml.safe_load((ROOT / "deploy/docker-compose.yml").read_text())["services"].values()
        for name in service.get("environment", {})
    }
    readers = [
        ROOT / "fibsite/settings.py",
        ROOT / "fibsite/gunicorn_conf.py",
        ROOT / "docker/nginx/routing.conf.template",
    ]
    text = "".join(path.read_text() for path in readers)
    assert {name for name in handed if name not in text} == set()


def test_the_pipeline_may_deploy_from_the_main_branch_alone(stack):
    simulator, resources, _ = stack
    iam = simulator.client("iam")
    role = iam.get_role(RoleName=resources["DeployRole"])["Role"]
    (statement,) = parsed(role["AssumeRolePolicyDocument"])["Statement"]
    assert statement["Principal"] == {"Federated": resources["GitHubProvider"]}
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": "repo:me/fibsite:ref:refs/heads/main",
        }
    }
    (attached,) = iam.list_attached_role_policies(RoleName=resources["DeployRole"])["AttachedPolicies"]
    assert attached["PolicyArn"] == resources["DeployPolicy"]


def test_nobody_may_deploy_unless_it_is_asked_for(simulator):
    resources = simulator.create_stack()
    assert not {"DeployRole", "DeployUser", "GitHubProvider"} & resources.keys()


def test_the_instance_reads_the_secrets_and_no_other(stack):
    simulator, resources, _ = stack
    policy = simulator.client("iam").get_role_policy(RoleName=resources["InstanceRole"], PolicyName="instance")
    statements = parsed(policy["PolicyDocument"])["Statement"]
    assert "*" not in json.dumps([statement["Action"] for statement in statements])
    assert [statement["Sid"] for statement in statements if statement["Resource"] == "*"] == ["OpenSessions"]
    (secrets,) = (statement for statement in statements if statement["Sid"] == "ReadSecrets")
    assert secrets["Resource"] == [resources[name] for name in ("DatabasePassword", "CachePassword", "WebSecretKey")]
