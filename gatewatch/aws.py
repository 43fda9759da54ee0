"""Sessions and clients: the only code that makes one. Each client is made when it is first needed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import botocore.session
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_cloudtrail import CloudTrailClient
    from types_boto3_config import ConfigServiceClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_events import EventBridgeClient
    from types_boto3_iam import IAMClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_organizations import OrganizationsClient
    from types_boto3_rds import RDSClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient
    from types_boto3_ssm import SSMClient
    from types_boto3_sts import STSClient

# A function has seconds, not minutes: better a quick error that the queue retries than a slow one.
_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
# What stands between a yes and its row in the ledger, or in front of every message, answers in milliseconds.
_QUICK = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
# What a message can do without is asked for once, and not waited for.
_BRIEF = Config(connect_timeout=0.5, read_timeout=0.5, retries={"mode": "standard", "total_max_attempts": 1})


class Session(Protocol):
    """What is needed of a session: boto3's, or the one below."""

    def client(self, service_name: Any, *, config: Config | None = None) -> Any: ...

    def get_partition_for_region(self, region_name: str) -> str: ...


class CoreSession:
    """boto3's own core. `import boto3` also loads what moves files to S3: a fifth of a cold start, for nothing."""

    def __init__(self, region: str | None = None, credentials: tuple[str, str, str] | None = None) -> None:
        self._core = botocore.session.Session()
        if region:
            self._core.set_config_variable("region", region)
        if credentials:
            self._core.set_credentials(*credentials)

    def client(self, service_name: Any, *, config: Config | None = None) -> Any:
        return self._core.create_client(service_name, config=config)

    def get_partition_for_region(self, region_name: str) -> str:
        return str(self._core.get_partition_for_region(region_name))


class Aws:
    """The AWS of one function: region and credentials from its environment."""

    def __init__(self, session: Session | None = None) -> None:
        self._session = session or CoreSession()

    @cached_property
    def sqs(self) -> SQSClient:
        return self._session.client("sqs", config=_QUICK)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return self._session.client("dynamodb", config=_QUICK)

    @cached_property
    def brief_dynamodb(self) -> DynamoDBClient:
        return self._session.client("dynamodb", config=_BRIEF)

    @cached_property
    def ssm(self) -> SSMClient:
        return self._session.client("ssm", config=_QUICK)

    @cached_property
    def secretsmanager(self) -> SecretsManagerClient:
        return self._session.client("secretsmanager", config=_QUICK)

    @cached_property
    def sns(self) -> SNSClient:
        return self._session.client("sns", config=_QUICK)

    @cached_property
    def ec2(self) -> EC2Client:
        return self._session.client("ec2", config=_CONFIG)

    @cached_property
    def config(self) -> ConfigServiceClient:
        return self._session.client("config", config=_CONFIG)

    @cached_property
    def rds(self) -> RDSClient:
        return self._session.client("rds", config=_CONFIG)

    @cached_property
    def cloudtrail(self) -> CloudTrailClient:
        return self._session.client("cloudtrail", config=_CONFIG)

    @cached_property
    def sts(self) -> STSClient:
        return self._session.client("sts", config=_CONFIG)

    @cached_property
    def organizations(self) -> OrganizationsClient:
        return self._session.client("organizations", config=_CONFIG)

    @cached_property
    def iam(self) -> IAMClient:
        return self._session.client("iam", config=_CONFIG)

    @cached_property
    def events(self) -> EventBridgeClient:
        return self._session.client("events", config=_CONFIG)

    @cached_property
    def functions(self) -> LambdaClient:
        return self._session.client("lambda", config=_CONFIG)

    def partition(self, region: str) -> str:
        return self._session.get_partition_for_region(region)

    def assumed(self, role_arn: str, region: str, session_name: str) -> Aws:
        """The AWS of another account, by a role there that trusts this one. Not refreshed: an invocation is short."""
        answer = self.sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name)["Credentials"]
        credentials = (answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
        return Aws(CoreSession(region, credentials))


def iam_of_members(aws: Aws, region: str, role: str) -> Callable[[str], IAMClient]:
    """IAM of the account with an id, by the role of this name there."""
    partition = aws.partition(region)
    return lambda account_id: (
        aws.assumed(f"arn:{partition}:iam::{account_id}:role/{role}", region, "gatewatch-access-keys").iam
    )
