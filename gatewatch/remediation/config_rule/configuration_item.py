"""Reads the inbound rules, one peer each, of a configuration item or of DescribeSecurityGroups output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.ip_permissions import read_peers, read_traffic
from gatewatch.events.changes.normalization import lower_keys
from gatewatch.model.security_group import Direction, SecurityGroupRule
from gatewatch.remediation.ingress.plan import CurrentRule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def rules_of_group(group: Mapping[str, Any], account_id: str) -> tuple[CurrentRule, ...]:
    """Return the inbound rules of a group. Neither form contains the ids or tags of rules."""
    ingress = next((value for key, value in group.items() if key.lower() == "ippermissions"), None)
    return tuple(rule for permission in lower_keys(ingress or []) for rule in _rules(permission, account_id))


def _rules(permission: dict[str, Any], account_id: str) -> Iterator[CurrentRule]:
    """A configuration item has IPv4 CIDRs twice: as objects in `ipv4Ranges` and as strings in `ipRanges`."""
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
        yield CurrentRule(rule)
