"""Units and tags of the accounts of an organization, which only `gatewatch accounts sync` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import structs

from gatewatch.aws.organizations import list_accounts, organization_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_organizations import OrganizationsClient

    from gatewatch.aws.organizations import OrganizationAccount


def described_accounts(client: OrganizationsClient) -> tuple[OrganizationAccount, ...]:
    """List all accounts with their units and tags. Raises `OrganizationError` with a remedy."""
    try:
        units = dict(_units(client))
        return tuple(
            structs.replace(each, ou=units.get(each.id, ""), tags=_tags(client, each.id) if each.is_active else {})
            for each in list_accounts(client)
        )
    except (ClientError, BotoCoreError) as error:
        raise organization_error(error) from error


def _units(client: OrganizationsClient) -> Iterator[tuple[str, str]]:
    """The path of the unit of every account, by a walk through the tree: fewer calls than one for each account."""
    waiting = [(root["Id"], "") for page in client.get_paginator("list_roots").paginate() for root in page["Roots"]]
    while waiting:
        parent, path = waiting.pop()
        for accounts in client.get_paginator("list_accounts_for_parent").paginate(ParentId=parent):
            yield from ((account["Id"], path or "/") for account in accounts["Accounts"])
        for page in client.get_paginator("list_organizational_units_for_parent").paginate(ParentId=parent):
            # A slash in a name is no step of a path.
            waiting += [
                (unit["Id"], f"{path}/{unit['Name'].replace('/', '_')}") for unit in page["OrganizationalUnits"]
            ]


def _tags(client: OrganizationsClient, account: str) -> dict[str, str]:
    pages = client.get_paginator("list_tags_for_resource").paginate(ResourceId=account)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
