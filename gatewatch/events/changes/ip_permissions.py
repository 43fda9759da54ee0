"""Reads EC2's `IpPermission` and `SecurityGroupRule` parameters into traffic and peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.events.changes.normalization import (
    Fields,
    NotANumberError,
    as_account_id,
    as_list,
    as_number,
    as_text,
    first_present,
    lower_keys,
)
from gatewatch.model.network import ICMP_PROTOCOLS, MAX_PORT, PORT_PROTOCOLS, cidr_peer, protocol_name
from gatewatch.model.security_group import (
    UNKNOWN_TRAFFIC,
    Direction,
    GroupPeer,
    IcmpType,
    Peer,
    PortRange,
    PrefixListPeer,
    SecurityGroupRule,
    Traffic,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ALL = -1
_MAX_ICMP = 255


class ReadTraffic(Struct, frozen=True, gc=False):
    traffic: Traffic
    understood: bool


class ReadPeer(Struct, frozen=True, gc=False):
    """A peer and the description that belongs to it; `peer` None when it could not be read."""

    peer: Peer | None
    description: str | None = None


_ITEM_KEYS = frozenset(
    {
        "ipprotocol",
        "fromport",
        "toport",
        "ipranges",
        "ipv6ranges",
        "groups",
        "useridgrouppairs",
        "prefixlistids",
    }
)
_NOT_READ = ReadTraffic(UNKNOWN_TRAFFIC, understood=False)


def read_traffic(fields: Fields) -> ReadTraffic:
    """Read protocol and ports of an `IpPermission` or of a rule. Absent ports mean all; EC2 ignores them for `-1`."""
    name = as_text(fields.get("ipprotocol"))
    protocol = protocol_name(name) if name else None
    if protocol is None:
        return _NOT_READ
    try:
        start, end = as_number(fields.get("fromport")), as_number(fields.get("toport"))
    except NotANumberError:
        return ReadTraffic(Traffic(protocol), protocol not in PORT_PROTOCOLS | ICMP_PROTOCOLS)
    if protocol in PORT_PROTOCOLS:
        return _with_ports(protocol, start, end)
    return (
        _with_icmp(protocol, start, end)
        if protocol in ICMP_PROTOCOLS
        else ReadTraffic(Traffic(protocol), understood=True)
    )


def _with_ports(protocol: str, start: int | None, end: int | None) -> ReadTraffic:
    first_port = 0 if start is None or start == _ALL else start
    last_port = MAX_PORT if end is None or end == _ALL else end
    if not 0 <= first_port <= last_port <= MAX_PORT:
        return ReadTraffic(Traffic(protocol), understood=False)
    return ReadTraffic(Traffic(protocol, ports=PortRange(first_port, last_port)), understood=True)


def _with_icmp(protocol: str, start: int | None, end: int | None) -> ReadTraffic:
    """ICMP has its type in `FromPort` and its code in `ToPort`."""
    kind = _ALL if start is None else start
    code = _ALL if end is None or kind == _ALL else end
    if not (_ALL <= kind <= _MAX_ICMP and _ALL <= code <= _MAX_ICMP):
        return ReadTraffic(Traffic(protocol), understood=False)
    return ReadTraffic(Traffic(protocol, icmp=IcmpType(kind, code)), understood=True)


def read_peers(item: Fields, account_id: str) -> Iterator[ReadPeer]:
    """Yield every peer of an `IpPermission`: IPv4, IPv6, groups, prefix lists, in this order."""
    for entry in as_list(item.get("ipranges")):
        yield _cidr(entry, "cidrip", "cidripv4")
    for entry in as_list(item.get("ipv6ranges")):
        yield _cidr(entry, "cidripv6")
    for entry in as_list(first_present(item, "groups", "useridgrouppairs")):
        yield _group(entry, account_id)
    for entry in as_list(item.get("prefixlistids")):
        yield _prefix_list(entry)
    for name, value in item.items():
        if name not in _ITEM_KEYS and isinstance(value, dict | list):
            yield from (ReadPeer(None) for _ in as_list(value))  # an unknown kind of peer


def _cidr(entry: Any, *names: str) -> ReadPeer:
    if isinstance(entry, str):
        return ReadPeer(cidr_peer(entry))
    if not isinstance(entry, dict):
        return ReadPeer(None)
    cidr = as_text(first_present(entry, *names))
    return ReadPeer(cidr_peer(cidr) if cidr else None, as_text(entry.get("description")))


def _group(entry: Any, account_id: str) -> ReadPeer:
    if not isinstance(entry, dict):
        return ReadPeer(None)
    owner = as_account_id(first_present(entry, "userid", "groupownerid"))
    peer = group_peer(as_text(entry.get("groupid")), as_text(entry.get("groupname")), owner, account_id)
    return ReadPeer(peer, as_text(entry.get("description")))


def _prefix_list(entry: Any) -> ReadPeer:
    if isinstance(entry, str):
        return ReadPeer(PrefixListPeer(entry))
    if not isinstance(entry, dict):
        return ReadPeer(None)
    name = as_text(entry.get("prefixlistid"))
    return ReadPeer(PrefixListPeer(name) if name else None, as_text(entry.get("description")))


def group_peer(group_id: str | None, group_name: str | None, owner: str | None, account_id: str) -> GroupPeer | None:
    """Return a group by id, with its owner when that is another account; by owner and name when there is no id."""
    foreign = owner is not None and owner != account_id
    if group_id:
        return GroupPeer(group_id, owner if foreign else None, foreign)
    return GroupPeer(group_name, owner or account_id, foreign) if group_name else None


def read_single_peer(rule: Fields, account_id: str) -> ReadPeer | None:
    """Read the peer of a `SecurityGroupRule` of a response or of ModifySecurityGroupRules; None when absent."""
    description = as_text(rule.get("description"))
    if (cidr := as_text(first_present(rule, "cidripv4", "cidripv6", "cidrip"))) is not None:
        return ReadPeer(cidr_peer(cidr), description)
    if (prefix_list := as_text(rule.get("prefixlistid"))) is not None:
        return ReadPeer(PrefixListPeer(prefix_list), description)
    if isinstance(referenced := rule.get("referencedgroupinfo"), dict):
        return ReadPeer(_group(referenced, account_id).peer, description)
    if (referenced_id := as_text(rule.get("referencedgroupid"))) is not None:
        return ReadPeer(group_peer(referenced_id, None, None, account_id), description)
    return None


def read_described_rule(rule: Mapping[str, Any], account_id: str) -> SecurityGroupRule:
    """Read one rule of DescribeSecurityGroupRules; an unreadable peer or protocol is None."""
    fields = lower_keys(dict(rule))
    traffic, peer = read_traffic(fields), read_single_peer(fields, account_id)
    return SecurityGroupRule(
        rule_id=rule.get("SecurityGroupRuleId"),
        direction=Direction.EGRESS if rule.get("IsEgress") else Direction.INGRESS,
        traffic=traffic.traffic,
        peer=peer.peer if peer and traffic.understood else None,
        description=rule.get("Description") or None,
    )
