"""Sessions and clients: the only code that makes one. Each client is made when it is first needed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_organizations import OrganizationsClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient
    from types_boto3_ssm import SSMClient

# What stands between a yes and its row in the ledger, or in front of every message, answers in milliseconds.
_QUICK = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})


class Aws:
    """The AWS of one function: region and credentials from its environment."""

    def __init__(self, session: boto3.Session | None = None) -> None:
        self._session = session or boto3.Session()

    @cached_property
    def sqs(self) -> SQSClient:
        return self._session.client("sqs", config=_QUICK)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return self._session.client("dynamodb", config=_QUICK)

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
    def organizations(self) -> OrganizationsClient:
        return self._session.client("organizations", config=_QUICK)
