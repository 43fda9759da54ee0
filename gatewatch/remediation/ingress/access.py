"""Set arithmetic of rules: intersection, and whether several rules together cover another one.

The contents of a prefix list or a referenced group are not read, so each of them equals itself only.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.ingress import AnyGroup, OwnGroup, Permit, PermittedPeer
from gatewatch.model.network import ALL_PROTOCOLS, address_bounds
from gatewatch.model.security_group import CidrPeer, GroupPeer, IcmpType, Peer, PortRange, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.model.security_group import SecurityGroupRule

_ALL = -1


class Access(Struct, frozen=True, gc=False):
    """What a rule allows, without its id and description: traffic and peer."""

    traffic: Traffic
    peer: Peer


def access_of(rule: SecurityGroupRule) -> Access | None:
    """Return what a rule allows; None when its traffic or peer could not be read."""
    return Access(rule.traffic, rule.peer) if rule.peer is not None and rule.traffic.protocol is not None else None


def permitted_parts(access: Access, permits: tuple[Permit, ...], group_id: str) -> Iterator[Access]:
    """Yield the parts of an access that permits allow in a group, up to one that is the whole access."""
    for traffic, permitted in _permitted_traffic(access.traffic, permits):
        peer = _permitted_peer(access.peer, permitted, group_id)
        if peer is not None:
            part = Access(traffic, peer)
            yield part
            if part == access:
                return


@lru_cache(maxsize=4096)
def _permitted_traffic(traffic: Traffic, permits: tuple[Permit, ...]) -> tuple[tuple[Traffic, PermittedPeer], ...]:
    """Return the parts of a traffic that permits allow, each with its peer. Cached: groups share most ports."""
    parts = ((_intersect_traffic(traffic, permit.traffic), permit.peer) for permit in permits)
    return tuple((part, peer) for part, peer in parts if part is not None)


def _permitted_peer(peer: Peer, permit: PermittedPeer, group_id: str) -> Peer | None:
    if isinstance(permit, AnyGroup):
        return peer if isinstance(peer, GroupPeer) and not peer.foreign else None
    return _intersect_peers(peer, GroupPeer(group_id) if isinstance(permit, OwnGroup) else permit)


def intersection(one: Access, other: Access) -> Access | None:
    """Return what both allow; None when that is nothing."""
    traffic = _intersect_traffic(one.traffic, other.traffic)
    if traffic is None:
        return None
    peer = _intersect_peers(one.peer, other.peer)
    return None if peer is None else Access(traffic, peer)


def _intersect_peers(one: Peer, other: Peer) -> Peer | None:
    if isinstance(one, CidrPeer) and isinstance(other, CidrPeer):
        (version, first, last), (other_version, other_first, other_last) = (
            address_bounds(one.cidr),
            address_bounds(other.cidr),
        )
        if version != other_version or last < other_first or other_last < first:
            return None
        return one if last - first <= other_last - other_first else other
    return one if one == other else None


def _intersect_traffic(one: Traffic, other: Traffic) -> Traffic | None:
    if other.protocol == ALL_PROTOCOLS or one == other:
        return one
    if one.protocol == ALL_PROTOCOLS:
        return other
    if one.protocol != other.protocol:
        return None
    if one.ports and other.ports:
        return _intersect_ports(one.protocol, one.ports, other.ports)
    return _intersect_icmp(one.protocol, one.icmp, other.icmp) if one.icmp and other.icmp else None


def _intersect_ports(protocol: str | None, one: PortRange, other: PortRange) -> Traffic | None:
    first, last = max(one.first, other.first), min(one.last, other.last)
    return Traffic(protocol, ports=PortRange(first, last)) if first <= last else None


def _intersect_icmp(protocol: str | None, one: IcmpType, other: IcmpType) -> Traffic | None:
    kind = _intersect_icmp_field(one.type, other.type)
    code = _intersect_icmp_field(one.code, other.code)
    return None if kind is None or code is None else Traffic(protocol, icmp=IcmpType(kind, code))


def _intersect_icmp_field(one: int, other: int) -> int | None:
    if other in {one, _ALL}:
        return one
    return other if one == _ALL else None


def is_covered(access: Access, by: Iterable[Access]) -> bool:
    """Whether the others, alone or together, allow all of an access."""
    parts = []
    for each in by:
        if _is_disjoint(access.traffic, each.traffic):
            continue
        part = intersection(access, each)
        if part == access:
            return True
        if part is not None:
            parts.append(part)
    return bool(parts) and all(_peer_covered(access.peer, slice_) for slice_ in _by_traffic(access.traffic, parts))


def _is_disjoint(one: Traffic, other: Traffic) -> bool:
    """Return whether two protocols or port ranges have nothing in common; a quick check before the intersection."""
    first, second = one.ports, other.ports
    if one.protocol != other.protocol:
        return one.protocol != ALL_PROTOCOLS != other.protocol
    return first is not None and second is not None and (first.last < second.first or second.last < first.first)


def _by_traffic(traffic: Traffic, parts: Sequence[Access]) -> Iterator[list[Peer]]:
    """Yield the allowed peers of each port range in which they are the same."""
    if traffic.ports is None:
        yield [part.peer for part in parts if part.traffic == traffic]
        return
    ranges = [(part.traffic.ports, part.peer) for part in parts if part.traffic.ports]
    starts = {traffic.ports.first, *(ports.first for ports, _ in ranges), *(ports.last + 1 for ports, _ in ranges)}
    for start in sorted(each for each in starts if traffic.ports.covers(each)):
        yield [peer for ports, peer in ranges if ports.covers(start)]


def _peer_covered(peer: Peer, by: Sequence[Peer]) -> bool:
    if not isinstance(peer, CidrPeer):
        return peer in by
    _, first, last = address_bounds(peer.cidr)
    for _, start, end in sorted(address_bounds(each.cidr) for each in by if isinstance(each, CidrPeer)):
        if start > first:
            return False
        first = max(first, end + 1)
    return first > last


def minimal_cover(wanted: Iterable[Access], existing: Iterable[Access] = ()) -> tuple[Access, ...]:
    """Return a minimal subset of `wanted` that, together with `existing`, allows the same."""
    kept = list(dict.fromkeys(wanted))
    others = list(existing) if kept else []
    for each in list(kept):
        if is_covered(each, [*others, *(other for other in kept if other != each)]):
            kept.remove(each)
    return tuple(kept)
