"""The rules that a call's request or answer names, each as a change: nested, flat, or by rule id."""

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
from gatewatch.events.changes.normalization import Fields, account, first, is_true, listed, text
from gatewatch.model.network import ALL_PROTOCOLS, cidr_peer
from gatewatch.model.security_group import Direction, SecurityGroupRule, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.events.changes.base import ReadCall
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


def rules_answered(call: ReadCall, name: str) -> list[Change]:
    return [_answered_rule(call, rule) for rule in listed(call.answered.get(name))]


def _answered_rule(call: ReadCall, rule: Any) -> Change:
    if not isinstance(rule, dict):
        return call.change(SecurityGroupRule(direction=call.kind.direction), understood=False)
    read = read_single_peer(rule, call.call.account_id) or _NO_PEER
    traffic = read_traffic(rule)
    return call.change(
        SecurityGroupRule(
            rule_id=text(rule.get("securitygroupruleid")),
            direction=_direction(rule) or call.kind.direction,
            traffic=traffic.traffic,
            peer=read.peer,
            description=read.description,
        ),
        group=call.group(text(rule.get("groupid"))),
        understood=traffic.understood and read.peer is not None,
    )


def _direction(rule: Fields) -> Direction | None:
    if rule.get("isegress") is None:
        return None
    return Direction.EGRESS if is_true(rule["isegress"]) else Direction.INGRESS


def rules_asked(call: ReadCall) -> list[Change]:
    """What the request names: nested items, the flat form, or rule ids."""
    nested = [
        change
        for item in listed(call.asked.get("ippermissions"))
        for change in rules_of_permission(call, item, call.outcome)
    ]
    flat = [_flat(call)] if not nested and first(call.asked, *_FLAT) is not None else []
    ids = [
        rule_by_id(call, entry) for entry in listed(first(call.asked, "securitygroupruleids", "securitygroupruleid"))
    ]
    return [*nested, *flat, *ids]


def rules_of_permission(call: ReadCall, item: Any, outcome: Outcome) -> Iterator[Change]:
    """One `ip_permission`: a change per peer; an item without a readable peer is still one change."""
    if not isinstance(item, dict):
        yield call.change(SecurityGroupRule(direction=call.kind.direction), outcome=outcome, understood=False)
        return
    traffic = read_traffic(item)
    peers = list(read_peers(item, call.call.account_id)) or [_NO_PEER]
    for peer in peers:
        yield _requested(call, traffic, peer, outcome)


def _requested(call: ReadCall, traffic: ReadTraffic, read: ReadPeer, outcome: Outcome) -> Change:
    rule = SecurityGroupRule(
        direction=call.kind.direction,
        traffic=traffic.traffic,
        peer=read.peer,
        description=read.description,
    )
    return call.change(rule, outcome=outcome, understood=traffic.understood and read.peer is not None)


def _flat(call: ReadCall) -> Change:
    """Top-level parameters, as SDK callers may pass them; a source group without a protocol means all."""
    source = text(call.asked.get("sourcesecuritygroupname"))
    owner = account(call.asked.get("sourcesecuritygroupownerid"))
    if source:
        peer: ReadPeer = ReadPeer(group_peer(None, source, owner, call.call.account_id))
    else:
        cidr = text(call.asked.get("cidrip"))
        peer = ReadPeer(cidr_peer(cidr) if cidr else None)
    traffic = read_traffic(call.asked)
    if source and call.asked.get("ipprotocol") is None:
        traffic = ReadTraffic(Traffic(ALL_PROTOCOLS), understood=True)
    return _requested(call, traffic, peer, call.outcome)


def rule_by_id(call: ReadCall, entry: Any) -> Change:
    """By rule id the request says nothing about ports or peers; that much is understood."""
    rule_id = text(entry.get("securitygroupruleid") if isinstance(entry, dict) else entry)
    rule = SecurityGroupRule(rule_id=rule_id, direction=call.kind.direction)
    return call.change(rule, understood=rule_id is not None)
