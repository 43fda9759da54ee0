"""The AWS clients of an account. Every client is created here, at its first use."""

from __future__ import annotations

from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from gatewatch.aws.roles import assume_role_credentials, role_arn
from gatewatch.aws.sessions import CoreSession, LazyClient

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

    from gatewatch.aws.roles import Credentials
    from gatewatch.aws.sessions import Session

# Lambda functions run for seconds: a fast error that SQS retries is better than a slow success.
_STANDARD = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
# For calls before or after every message (queue, ledger, secrets): they normally answer within milliseconds.
_FAST = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
# For messages to people: a repetition inside botocore would be a copy that nobody counts, and a late answer is none.
_ONE_ATTEMPT = Config(connect_timeout=1, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 1})
# For optional context of a message: one attempt, half a second.
_SHORT_TIMEOUT = Config(connect_timeout=0.5, read_timeout=0.5, retries={"mode": "standard", "total_max_attempts": 1})
# For optional context from another account or Region, with its longer round trip.
_LOOKUP = Config(connect_timeout=0.7, read_timeout=1.2, retries={"mode": "standard", "total_max_attempts": 1})


# For files read side by side: as many connections as threads of `s3.read_ahead`.
_BULK = Config(
    connect_timeout=3, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5}, max_pool_connections=16
)


class Aws:
    """The AWS clients of one process. Region and credentials come from its environment unless a session is given."""

    def __init__(self, session: Session | None = None) -> None:
        self._session = session or CoreSession()
        self._lock = Lock()

    def _lazy_client(self, service: str, config: Config) -> Any:
        return LazyClient(lambda: self._session.client(service, config=config), self._lock)

    @cached_property
    def sqs(self) -> SQSClient:
        return self._lazy_client("sqs", _FAST)

    @cached_property
    def sqs_short_timeout(self) -> SQSClient:
        return self._lazy_client("sqs", _SHORT_TIMEOUT)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return self._lazy_client("dynamodb", _FAST)

    @cached_property
    def dynamodb_short_timeout(self) -> DynamoDBClient:
        return self._lazy_client("dynamodb", _SHORT_TIMEOUT)

    @cached_property
    def ssm(self) -> SSMClient:
        return self._lazy_client("ssm", _FAST)

    @cached_property
    def secretsmanager(self) -> SecretsManagerClient:
        return self._lazy_client("secretsmanager", _FAST)

    @cached_property
    def sns(self) -> SNSClient:
        return self._lazy_client("sns", _ONE_ATTEMPT)

    @cached_property
    def ec2(self) -> EC2Client:
        return self._lazy_client("ec2", _STANDARD)

    @cached_property
    def config(self) -> ConfigServiceClient:
        return self._lazy_client("config", _STANDARD)

    @cached_property
    def rds(self) -> RDSClient:
        return self._lazy_client("rds", _STANDARD)

    @cached_property
    def cloudtrail(self) -> CloudTrailClient:
        return self._lazy_client("cloudtrail", _STANDARD)

    @cached_property
    def sts(self) -> STSClient:
        return self._lazy_client("sts", _STANDARD)

    @cached_property
    def sts_short_timeout(self) -> STSClient:
        return self._lazy_client("sts", _LOOKUP)

    @cached_property
    def organizations(self) -> OrganizationsClient:
        return self._lazy_client("organizations", _STANDARD)

    @cached_property
    def iam(self) -> IAMClient:
        return self._lazy_client("iam", _STANDARD)

    @cached_property
    def events(self) -> EventBridgeClient:
        return self._lazy_client("events", _STANDARD)

    @cached_property
    def events_one_attempt(self) -> EventBridgeClient:
        return self._lazy_client("events", _ONE_ATTEMPT)

    @cached_property
    def ses(self) -> SESClient:
        return self._lazy_client("ses", _STANDARD)

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        return self._lazy_client("cloudwatch", _STANDARD)

    @cached_property
    def lambda_(self) -> LambdaClient:
        return self._lazy_client("lambda", _STANDARD)

    @cached_property
    def s3control(self) -> Any:
        """Untyped, as those below: their type stubs are not a dependency."""
        return self._lazy_client("s3control", _STANDARD)

    @cached_property
    def elb(self) -> Any:
        """Classic Load Balancers."""
        return self._lazy_client("elb", _STANDARD)

    @cached_property
    def elbv2(self) -> Any:
        return self._lazy_client("elbv2", _STANDARD)

    @cached_property
    def ram(self) -> Any:
        return self._lazy_client("ram", _STANDARD)

    @cached_property
    def identitystore(self) -> Any:
        return self._lazy_client("identitystore", _FAST)

    @cached_property
    def securityhub(self) -> Any:
        return self._lazy_client("securityhub", _STANDARD)

    @cached_property
    def s3(self) -> Any:
        return self._lazy_client("s3", _BULK)

    @cached_property
    def stepfunctions(self) -> Any:
        """Untyped, as `securityhub`."""
        return self._lazy_client("stepfunctions", _STANDARD)

    def partition(self, region: str) -> str:
        return self._session.get_partition_for_region(region)

    def member_ec2_client(self, credentials: Credentials, region: str) -> EC2Client:
        """Return an EC2 client for another account. One session loads the EC2 service model only once."""
        client: EC2Client = self._member_client("ec2", credentials, region)
        return client

    def member_ram_client(self, credentials: Credentials, region: str) -> Any:
        """Return a client of Resource Access Manager for another account."""
        return self._member_client("ram", credentials, region)

    def _member_client(self, service: str, credentials: Credentials, region: str) -> Any:
        with self._lock:
            return self._session.client(
                service,
                config=_LOOKUP,
                region_name=region,
                aws_access_key_id=credentials.access_key,
                aws_secret_access_key=credentials.secret_key,
                aws_session_token=credentials.token,
            )

    def assume_role(self, arn: str, region: str, session_name: str) -> Aws:
        """Return the clients of another account by a role there. The credentials are not refreshed."""
        made = assume_role_credentials(self.sts, arn, session_name)
        return Aws(CoreSession(region, (made.access_key, made.secret_key, made.token)))


def member_iam_clients(aws: Aws, region: str, role: str) -> Callable[[str], IAMClient]:
    """Return a function from account id to the IAM client of that account, by the role of this name there."""
    partition = aws.partition(region)
    return lambda account_id: (
        aws.assume_role(role_arn(partition, account_id, role), region, "gatewatch-access-keys").iam
    )
