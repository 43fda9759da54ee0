"""What rules let in, as sets: what two of them have in common, and whether some cover another whole.

An `Access` is a rule without its name: traffic × peer. A prefix list or a group is a set nobody can look into, so
it only ever equals itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.ingress import AnyGroup, OwnGroup, Permit
from gatewatch.model.network import ALL_PROTOCOLS, covered, network_of
from gatewatch.model.security_group import CidrPeer, GroupPeer, IcmpType, Peer, PortRange, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.model.security_group import SecurityGroupRule

_ALL = -1


class Access(Struct, frozen=True):
    traffic: Traffic
    peer: Peer


def access_of(rule: SecurityGroupRule) -> Access | None:
    """None for a rule of which traffic or peer could not be read."""
    return Access(rule.traffic, rule.peer) if rule.peer is not None and rule.traffic.protocol is not None else None


def permitted(access: Access, permit: Permit, group_id: str) -> Access | None:
    """The part of an access that a permit allows in a group."""
    peer = _permitted_peer(access.peer, permit.peer, group_id)
    traffic = _common_traffic(access.traffic, permit.traffic)
    return Access(traffic, peer) if peer is not None and traffic is not None else None


def _permitted_peer(peer: Peer, permit: Peer | AnyGroup | OwnGroup, group_id: str) -> Peer | None:
    if isinstance(permit, AnyGroup):
        return peer if isinstance(peer, GroupPeer) and not peer.foreign else None
    return _common_peer(peer, GroupPeer(group_id) if isinstance(permit, OwnGroup) else permit)


def common(one: Access, other: Access) -> Access | None:
    peer = _common_peer(one.peer, other.peer)
    traffic = _common_traffic(one.traffic, other.traffic)
    return Access(traffic, peer) if peer is not None and traffic is not None else None


def _common_peer(one: Peer, other: Peer) -> Peer | None:
    if isinstance(one, CidrPeer) and isinstance(other, CidrPeer):
        first, second = network_of(one), network_of(other)
        if first.version != second.version or not first.overlaps(second):
            return None
        return one if first.prefixlen >= second.prefixlen else other
    return one if one == other else None


def _common_traffic(one: Traffic, other: Traffic) -> Traffic | None:
    if other.protocol == ALL_PROTOCOLS or one == other:
        return one
    if one.protocol == ALL_PROTOCOLS:
        return other
    if one.protocol != other.protocol:
        return None
    if one.ports and other.ports:
        return _common_ports(one.protocol, one.ports, other.ports)
    return _common_icmp(one.protocol, one.icmp, other.icmp) if one.icmp and other.icmp else None


def _common_ports(protocol: str | None, one: PortRange, other: PortRange) -> Traffic | None:
    first, last = max(one.first, other.first), min(one.last, other.last)
    return Traffic(protocol, ports=PortRange(first, last)) if first <= last else None


def _common_icmp(protocol: str | None, one: IcmpType, other: IcmpType) -> Traffic | None:
    kind = _common_number(one.type, other.type)
    code = _common_number(one.code, other.code)
    return None if kind is None or code is None else Traffic(protocol, icmp=IcmpType(kind, code))


def _common_number(one: int, other: int) -> int | None:
    if other in {one, _ALL}:
        return one
    return other if one == _ALL else None


def is_covered(access: Access, by: Iterable[Access]) -> bool:
    """Whether all of an access is let in by the others, alone or together."""
    parts = [part for each in by if (part := common(access, each)) is not None]
    return all(_peer_covered(access.peer, slice_) for slice_ in _by_traffic(access.traffic, parts))


def _by_traffic(traffic: Traffic, parts: Sequence[Access]) -> Iterator[list[Peer]]:
    """Who is let in, for each stretch of ports on which that does not change."""
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
    return covered(network_of(each) for each in by if isinstance(each, CidrPeer)) == network_of(peer).num_addresses


def least(wanted: Iterable[Access], beside: Iterable[Access] = ()) -> tuple[Access, ...]:
    """As few of the wanted as let in the same, given what stands beside them anyway."""
    kept = list(dict.fromkeys(wanted))
    standing = list(beside)
    for each in list(kept):
        if is_covered(each, [*standing, *(other for other in kept if other != each)]):
            kept.remove(each)
    return tuple(kept)
