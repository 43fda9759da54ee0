"""The accounts of the organization, for those who may ask: its management account, and a delegated administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_organizations import OrganizationsClient

ACTIVE = "ACTIVE"
_MAY_NOT_ASK = frozenset({"AccessDeniedException", "AWSOrganizationsNotInUseException"})
_WHO_MAY = "use credentials of the management account or of a delegated administrator"


class OrganizationError(GatewatchError):
    """The organization does not answer, or not to this account."""


class Member(Struct, frozen=True):
    """An account; `joined` in seconds since 1970, 0 when Organizations does not say."""

    id: str
    name: str
    state: str
    joined: int = 0

    @property
    def is_active(self) -> bool:
        return self.state == ACTIVE


def members(client: OrganizationsClient) -> Iterator[Member]:
    """All of them, closed ones as well. A page may be empty and still have a next one."""
    for page in client.get_paginator("list_accounts").paginate():
        for account in page["Accounts"]:
            joined = account.get("JoinedTimestamp")
            # `Status` retires in September 2026, `State` takes its place (botocore organizations, Account).
            state = account.get("State") or account.get("Status", "")
            seconds = int(joined.timestamp()) if joined else 0
            yield Member(account["Id"], account.get("Name", ""), state, seconds)


def active_members(client: OrganizationsClient) -> tuple[Member, ...] | None:
    """None where there is no organization, or where this account may not ask."""
    try:
        return tuple(member for member in members(client) if member.is_active)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _MAY_NOT_ASK:
            return None
        raise


def listed_members(client: OrganizationsClient) -> tuple[Member, ...]:
    """All of them, or `OrganizationError` with what to do."""
    try:
        return tuple(members(client))
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "no answer")
        raise OrganizationError(f"the organization cannot be asked ({code}); {_WHO_MAY}") from error
    except BotoCoreError as error:
        raise OrganizationError(f"the organization cannot be asked: {error}") from error
