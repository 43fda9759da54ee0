"""A security group as a configuration item or as DescribeSecurityGroups has it -> its inbound rules, one peer each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.ip_permissions import read_peers, read_traffic
from gatewatch.events.changes.normalization import lowered
from gatewatch.model.security_group import Direction, SecurityGroupRule
from gatewatch.remediation.ingress.plan import Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def rules_of_group(group: Mapping[str, Any], account_id: str) -> tuple[Standing, ...]:
    """Neither form has rule ids or the tags of rules."""
    permissions = lowered(dict(group)).get("ippermissions") or []
    return tuple(rule for permission in permissions for rule in _rules(permission, account_id))


def _rules(permission: dict[str, Any], account_id: str) -> Iterator[Standing]:
    """An item has the IPv4 CIDRs twice: as objects in `ipv4Ranges`, and as mere texts in `ipRanges`."""
    if "ipv4ranges" in permission:
        permission = {**permission, "ipranges": permission["ipv4ranges"]}
        del permission["ipv4ranges"]
    traffic = read_traffic(permission)
    for each in read_peers(permission, account_id):
        rule = SecurityGroupRule(
            direction=Direction.INGRESS,
            traffic=traffic.traffic,
            peer=each.peer if traffic.understood else None,
            description=each.description,
        )
        yield Standing(rule)
