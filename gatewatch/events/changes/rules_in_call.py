"""The rules named in a call's request or response, each as a change: nested, flat, or by rule id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.ip_permissions import (
    ReadPeer,
    ReadTraffic,
    group_peer,
    read_peers,
    read_single_peer,
    read_traffic,
)
from gatewatch.events.changes.normalization import (
    PERMISSIONS,
    Fields,
    as_account_id,
    as_list,
    as_text,
    first_present,
    is_true,
    lower_keys,
)
from gatewatch.model.network import ALL_PROTOCOLS, cidr_peer
from gatewatch.model.security_group import Direction, SecurityGroupRule, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.events.changes.base import ParsedCall
    from gatewatch.model.change import Change, Outcome

_FLAT = (
    "cidrip",
    "ipprotocol",
    "fromport",
    "toport",
    "sourcesecuritygroupname",
    "sourcesecuritygroupownerid",
)
_NO_PEER = ReadPeer(None)


def rules_in_response(call: ParsedCall, name: str) -> list[Change]:
    return [_rule_in_response(call, rule) for rule in as_list(call.response_elements.get(name))]


def _rule_in_response(call: ParsedCall, rule: Any) -> Change:
    if not isinstance(rule, dict):
        return call.change(SecurityGroupRule(direction=call.spec.direction), understood=False)
    read = read_single_peer(rule, call.call.account_id) or _NO_PEER
    traffic = read_traffic(rule)
    return call.change(
        SecurityGroupRule(
            rule_id=as_text(rule.get("securitygroupruleid")),
            direction=_direction(rule) or call.spec.direction,
            traffic=traffic.traffic,
            peer=read.peer,
            description=read.description,
        ),
        group=call.group(as_text(rule.get("groupid"))),
        understood=traffic.understood and read.peer is not None,
    )


def _direction(rule: Fields) -> Direction | None:
    if rule.get("isegress") is None:
        return None
    return Direction.EGRESS if is_true(rule["isegress"]) else Direction.INGRESS


def rules_in_request(call: ParsedCall) -> list[Change]:
    """The rules of the request: nested items, the flat form, or rule ids."""
    nested = [
        change
        for item in as_list(lower_keys(call.request_parameters.get(PERMISSIONS)))
        for change in rules_of_permission(call, item, call.outcome)
    ]
    flat = [_flat(call)] if not nested and first_present(call.request_parameters, *_FLAT) is not None else []
    ids = [
        rule_by_id(call, entry)
        for entry in as_list(first_present(call.request_parameters, "securitygroupruleids", "securitygroupruleid"))
    ]
    return [*nested, *flat, *ids]


def rules_of_permission(call: ParsedCall, item: Any, outcome: Outcome) -> Iterator[Change]:
    """Yield a change per peer of one `IpPermission`; an item without a readable peer is still one change."""
    if not isinstance(item, dict):
        yield call.change(SecurityGroupRule(direction=call.spec.direction), outcome=outcome, understood=False)
        return
    traffic = read_traffic(item)
    peers = list(read_peers(item, call.call.account_id)) or [_NO_PEER]
    for peer in peers:
        yield _requested(call, traffic, peer, outcome)


def _requested(call: ParsedCall, traffic: ReadTraffic, read: ReadPeer, outcome: Outcome) -> Change:
    rule = SecurityGroupRule(
        direction=call.spec.direction,
        traffic=traffic.traffic,
        peer=read.peer,
        description=read.description,
    )
    return call.change(rule, outcome=outcome, understood=traffic.understood and read.peer is not None)


def _flat(call: ParsedCall) -> Change:
    """Top-level parameters, as SDK callers may pass them. A source group without a protocol means all protocols."""
    source = as_text(call.request_parameters.get("sourcesecuritygroupname"))
    owner = as_account_id(call.request_parameters.get("sourcesecuritygroupownerid"))
    if source:
        peer: ReadPeer = ReadPeer(group_peer(None, source, owner, call.call.account_id))
    else:
        cidr = as_text(call.request_parameters.get("cidrip"))
        peer = ReadPeer(cidr_peer(cidr) if cidr else None)
    traffic = read_traffic(call.request_parameters)
    if source and call.request_parameters.get("ipprotocol") is None:
        traffic = ReadTraffic(Traffic(ALL_PROTOCOLS), understood=True)
    return _requested(call, traffic, peer, call.outcome)


def rule_by_id(call: ParsedCall, entry: Any) -> Change:
    """A rule named by its id alone: ports and peer are not in the request, which is still understood."""
    rule_id = as_text(entry.get("securitygroupruleid") if isinstance(entry, dict) else entry)
    rule = SecurityGroupRule(rule_id=rule_id, direction=call.spec.direction)
    return call.change(rule, understood=rule_id is not None)
