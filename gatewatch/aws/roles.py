"""Roles of other accounts and their temporary credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_sts import STSClient


@dataclass(frozen=True, repr=False)
class Credentials:
    """Temporary credentials of an assumed role. `expires_at` is in seconds since 1970."""

    access_key: str
    secret_key: str
    token: str
    expires_at: float


def role_arn(partition: str, account_id: str, role: str) -> str:
    """Return the ARN of a role. `role` is its path and name, as after `:role/`."""
    return f"arn:{partition}:iam::{account_id}:role/{role}"


def assume_role_credentials(sts: STSClient, arn: str, session_name: str) -> Credentials:
    """Assume a role. Raises botocore's `ClientError` or `BotoCoreError`."""
    response = sts.assume_role(RoleArn=arn, RoleSessionName=session_name)["Credentials"]
    expires_at = response["Expiration"].timestamp()
    return Credentials(response["AccessKeyId"], response["SecretAccessKey"], response["SessionToken"], expires_at)
