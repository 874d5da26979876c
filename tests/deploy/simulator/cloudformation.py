"""
The resources of deploy/stack.yaml that moto's CloudFormation passes over without a word.

Each is made through the simulator's own API, so that botocore checks the parameters as for any other caller.
"""

import re
from typing import Any

import boto3
from moto.core.common_models import CloudFormationModel

REFERENCE = re.compile(r"\{\{resolve:secretsmanager:(arn:[^{}]*?):SecretString\}\}")


class Made:
    """What moto asks of a resource; the subclasses say how one is made."""

    type = ""
    attributes: tuple[str, ...] = ()

    def __init__(self, physical_id: str, **attributes: str) -> None:
        self.physical_resource_id = physical_id
        self.values = attributes

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> "Made":
        raise NotImplementedError

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.type

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in cls.attributes

    def get_cfn_attribute(self, name: str) -> str:
        return self.values[name.replace(".", "")]

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **_):
        return cls.make(resource_name, cloudformation_json["Properties"], region_name)

    @classmethod
    def update_from_cloudformation_json(cls, original_resource, *_, **__):
        return original_resource

    @classmethod
    def delete_from_cloudformation_json(cls, *_, **__):
        pass

    def is_created(self) -> bool:
        return True


class Secret(Made, CloudFormationModel):
    type = "AWS::SecretsManager::Secret"

    @classmethod
    def make(cls, name, properties, region):
        api = boto3.client("secretsmanager", region_name=region)
        generated = api.get_random_password(**properties["GenerateSecretString"])["RandomPassword"]
        return cls(api.create_secret(Name=name, SecretString=generated, Description=properties["Description"])["ARN"])


class CacheSubnetGroup(Made, CloudFormationModel):
    type = "AWS::ElastiCache::SubnetGroup"

    @classmethod
    def make(cls, name, properties, region):
        boto3.client("elasticache", region_name=region).create_cache_subnet_group(
            CacheSubnetGroupName=name.lower(),
            CacheSubnetGroupDescription=properties["Description"],
            SubnetIds=properties["SubnetIds"],
        )
        return cls(name.lower())


class CacheParameterGroup(Made, CloudFormationModel):
    """moto knows no parameter groups at all, so that one is only kept here."""

    type = "AWS::ElastiCache::ParameterGroup"

    @classmethod
    def make(cls, name, properties, region):
        return cls(name.lower())


class ReplicationGroup(Made, CloudFormationModel):
    type = "AWS::ElastiCache::ReplicationGroup"
    attributes = ("PrimaryEndPoint.Address", "PrimaryEndPoint.Port")

    @classmethod
    def make(cls, name, properties, region):
        secrets = boto3.client("secretsmanager", region_name=region)
        token = REFERENCE.fullmatch(properties["AuthToken"])
        made = boto3.client("elasticache", region_name=region).create_replication_group(
            ReplicationGroupId=name.lower()[:40].strip("-"),
            **{**properties, "AuthToken": secrets.get_secret_value(SecretId=token[1])["SecretString"]},
        )["ReplicationGroup"]
        endpoint = made["NodeGroups"][0]["PrimaryEndpoint"]
        return cls(
            made["ReplicationGroupId"],
            PrimaryEndPointAddress=endpoint["Address"],
            PrimaryEndPointPort=str(endpoint["Port"]),
        )


class Application(Made, CloudFormationModel):
    type = "AWS::ElasticBeanstalk::Application"

    @classmethod
    def make(cls, name, properties, region):
        boto3.client("elasticbeanstalk", region_name=region).create_application(
            ApplicationName=properties["ApplicationName"], ResourceLifecycleConfig=properties["ResourceLifecycleConfig"]
        )
        return cls(properties["ApplicationName"])


class Environment(Made, CloudFormationModel):
    type = "AWS::ElasticBeanstalk::Environment"

    @classmethod
    def make(cls, name, properties, region):
        # moto makes AWS::NoValue in a list None.
        given = filter(None, properties["OptionSettings"])
        options = [{**option, "Value": str(option["Value"])} for option in given]
        boto3.client("elasticbeanstalk", region_name=region).create_environment(
            **{**properties, "OptionSettings": options}
        )
        return cls(properties["EnvironmentName"])


class OIDCProvider(Made, CloudFormationModel):
    type = "AWS::IAM::OIDCProvider"

    @classmethod
    def make(cls, name, properties, region):
        made = boto3.client("iam", region_name=region).create_open_id_connect_provider(
            Url=properties["Url"], ClientIDList=properties["ClientIdList"]
        )
        return cls(made["OpenIDConnectProviderArn"])


def install() -> None:
    """Do nothing: to import this module is enough, moto finds every subclass of its model."""
