"""Security groups that an account shares by AWS Resource Access Manager, so that interfaces of others may have them.

A group that was never shared has interfaces of its own account only (VPC user guide, "Share security groups").
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_OVER = frozenset({"FAILED", "DISASSOCIATED"})
_GROUP = ":security-group/"


def read_shared_groups(ram: Any) -> dict[str, tuple[str, ...]]:
    """Return the groups of an account and Region that are shared, with the principals of their shares, by group id.

    A principal is the id of an account or the ARN of an organization, a part of one, a role or a user. One request
    while no group is shared. Raises botocore's errors.
    """
    shares: dict[str, set[str]] = defaultdict(set)
    for each in _associations(ram, associationType="RESOURCE"):
        if _GROUP in each["associatedEntity"]:
            shares[each["associatedEntity"].rpartition("/")[2]].add(each["resourceShareArn"])
    if not shares:
        return {}
    principals: dict[str, set[str]] = defaultdict(set)
    for each in _associations(ram, associationType="PRINCIPAL"):
        principals[each["resourceShareArn"]].add(each["associatedEntity"])
    return {
        group_id: tuple(sorted({principal for arn in arns for principal in principals.get(arn, ())}))
        for group_id, arns in shares.items()
    }


def is_shared(ram: Any, group_arn: str) -> bool:
    """Return whether a group is in a share. Raises botocore's errors."""
    return any(True for _ in _associations(ram, associationType="RESOURCE", resourceArn=group_arn))


def _associations(ram: Any, **request: str) -> Iterator[dict[str, Any]]:
    for page in ram.get_paginator("get_resource_share_associations").paginate(**request):
        yield from (each for each in page["resourceShareAssociations"] if each.get("status") not in _OVER)
