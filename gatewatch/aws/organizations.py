"""Accounts of the organization. Only its management account and delegated administrators may list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.aws.error_codes import error_code
from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_organizations import OrganizationsClient

ACTIVE = "ACTIVE"
_NOT_PERMITTED_CODES = frozenset({"AccessDeniedException", "AWSOrganizationsNotInUseException"})
_TRANSIENT_CODES = frozenset({"ServiceException", "ThrottlingException", "TooManyRequestsException"})
_REMEDY = "use credentials of the management account or of a delegated administrator"


class OrganizationError(GatewatchError):
    """Organizations cannot be queried, or not by this account."""


class OrganizationAccount(Struct, frozen=True):
    """`joined` is in seconds since 1970, 0 when Organizations does not return it.

    `ou` is the path of its unit, such as /Workloads/Prod, and empty like `tags` when they were not asked for.
    """

    id: str
    name: str
    state: str
    joined: int = 0
    ou: str = ""
    tags: dict[str, str] = {}

    @property
    def is_active(self) -> bool:
        return self.state == ACTIVE


def list_accounts(client: OrganizationsClient) -> Iterator[OrganizationAccount]:
    """List all accounts, including closed ones. The paginator handles empty pages with a next token."""
    for page in client.get_paginator("list_accounts").paginate():
        for account in page["Accounts"]:
            joined = account.get("JoinedTimestamp")
            # `Status` retires in September 2026, `State` takes its place (botocore organizations, Account).
            state = account.get("State") or account.get("Status", "")
            seconds = int(joined.timestamp()) if joined else 0
            yield OrganizationAccount(account["Id"], account.get("Name", ""), state, seconds)


def active_accounts(client: OrganizationsClient) -> tuple[OrganizationAccount, ...] | None:
    """Return None where there is no organization, or where this account may not list it."""
    try:
        return tuple(member for member in list_accounts(client) if member.is_active)
    except ClientError as error:
        if error_code(error) in _NOT_PERMITTED_CODES:
            return None
        raise


def list_accounts_or_raise(client: OrganizationsClient) -> tuple[OrganizationAccount, ...]:
    """List all accounts. Raises `OrganizationError` with a remedy."""
    try:
        return tuple(list_accounts(client))
    except (ClientError, BotoCoreError) as error:
        raise organization_error(error) from error


def organization_error(error: Exception) -> OrganizationError:
    """Return what to raise for an error of botocore, with a remedy."""
    code = error_code(error)
    remedy = "try again in some minutes" if code in _TRANSIENT_CODES else _REMEDY
    return OrganizationError(f"the organization cannot be listed ({code}); {remedy}")
