"""Sessions and clients: the only code that makes one. Each client is made when something is first asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import botocore.session
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_cloudtrail import CloudTrailClient
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_config import ConfigServiceClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_events import EventBridgeClient
    from types_boto3_iam import IAMClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_organizations import OrganizationsClient
    from types_boto3_rds import RDSClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_ses import SESClient
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
# The same of another account, perhaps on the other side of the world.
_LOOK = Config(connect_timeout=0.7, read_timeout=1.2, retries={"mode": "standard", "total_max_attempts": 1})


class Session(Protocol):
    """What is needed of a session: boto3's, or the one below."""

    def client(self, service_name: Any, *, config: Config | None = None, **place: Any) -> Any: ...

    def get_partition_for_region(self, region_name: str) -> str: ...


class CoreSession:
    """boto3's own core. `import boto3` also loads what moves files to S3: a fifth of a cold start, for nothing."""

    def __init__(self, region: str | None = None, credentials: tuple[str, str, str] | None = None) -> None:
        self._core = botocore.session.Session()
        if region:
            self._core.set_config_variable("region", region)
        if credentials:
            self._core.set_credentials(*credentials)

    def client(self, service_name: Any, *, config: Config | None = None, **place: Any) -> Any:
        return self._core.create_client(service_name, config=config, **place)

    def get_partition_for_region(self, region_name: str) -> str:
        return str(self._core.get_partition_for_region(region_name))


class _Later:
    """Stands for a client until something is asked of it: to make one takes longer than to handle an event.

    Threads that ask at once wait for each other, because a session is not safe to share while it makes a client.
    """

    def __init__(self, make: Callable[[], Any], lock: Lock) -> None:
        self._make = make
        self._lock = lock
        self._client: Any = None

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._make()
        answer = getattr(self._client, name)
        setattr(self, name, answer)  # asked for here only once
        return answer


@dataclass(frozen=True, repr=False)
class Credentials:
    """Of a role that was assumed; `until` in seconds since 1970."""

    access_key: str
    secret_key: str
    token: str
    until: float


class Aws:
    """The AWS of one function: region and credentials from its environment."""

    def __init__(self, session: Session | None = None) -> None:
        self._session = session or CoreSession()
        self._lock = Lock()

    def _later(self, service: str, config: Config) -> Any:
        return _Later(lambda: self._session.client(service, config=config), self._lock)

    @cached_property
    def sqs(self) -> SQSClient:
        return self._later("sqs", _QUICK)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return self._later("dynamodb", _QUICK)

    @cached_property
    def brief_dynamodb(self) -> DynamoDBClient:
        return self._later("dynamodb", _BRIEF)

    @cached_property
    def ssm(self) -> SSMClient:
        return self._later("ssm", _QUICK)

    @cached_property
    def secretsmanager(self) -> SecretsManagerClient:
        return self._later("secretsmanager", _QUICK)

    @cached_property
    def sns(self) -> SNSClient:
        return self._later("sns", _QUICK)

    @cached_property
    def ec2(self) -> EC2Client:
        return self._later("ec2", _CONFIG)

    @cached_property
    def config(self) -> ConfigServiceClient:
        return self._later("config", _CONFIG)

    @cached_property
    def rds(self) -> RDSClient:
        return self._later("rds", _CONFIG)

    @cached_property
    def cloudtrail(self) -> CloudTrailClient:
        return self._later("cloudtrail", _CONFIG)

    @cached_property
    def sts(self) -> STSClient:
        return self._later("sts", _CONFIG)

    @cached_property
    def brief_sts(self) -> STSClient:
        return self._later("sts", _LOOK)

    @cached_property
    def organizations(self) -> OrganizationsClient:
        return self._later("organizations", _CONFIG)

    @cached_property
    def iam(self) -> IAMClient:
        return self._later("iam", _CONFIG)

    @cached_property
    def events(self) -> EventBridgeClient:
        return self._later("events", _CONFIG)

    @cached_property
    def ses(self) -> SESClient:
        return self._later("ses", _CONFIG)

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        return self._later("cloudwatch", _CONFIG)

    @cached_property
    def functions(self) -> LambdaClient:
        return self._later("lambda", _CONFIG)

    def partition(self, region: str) -> str:
        return self._session.get_partition_for_region(region)

    def ec2_of(self, credentials: Credentials, region: str) -> EC2Client:
        """EC2 as another account sees it, by this session: it reads AWS's description of EC2 once for all of them."""
        with self._lock:
            client: EC2Client = self._session.client(
                "ec2",
                config=_LOOK,
                region_name=region,
                aws_access_key_id=credentials.access_key,
                aws_secret_access_key=credentials.secret_key,
                aws_session_token=credentials.token,
            )
        return client

    def assumed(self, role_arn: str, region: str, session_name: str) -> Aws:
        """The AWS of another account, by a role there that trusts this one. Not refreshed: an invocation is short."""
        answer = self.sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name)["Credentials"]
        credentials = (answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
        return Aws(CoreSession(region, credentials))


def credentials_of(sts: STSClient, role_arn: str, session_name: str) -> Credentials:
    answer = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name)["Credentials"]
    until = answer["Expiration"].timestamp()
    return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"], until)


def iam_of_members(aws: Aws, region: str, role: str) -> Callable[[str], IAMClient]:
    """IAM of the account with an id, by the role of this name there."""
    partition = aws.partition(region)
    return lambda account_id: (
        aws.assumed(f"arn:{partition}:iam::{account_id}:role/{role}", region, "gatewatch-access-keys").iam
    )
