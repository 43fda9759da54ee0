"""Which addresses a network ACL lets in and answers.

Entries are tried by number, the first that matches decides. A network ACL is stateless: the answer needs an egress
entry for the port that the client chose, which can be any port, not only an ephemeral one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.alerts.reachability.ranges import (
    IPV4,
    NONE,
    Ranges,
    all_addresses,
    intersect,
    ranges_of,
    subtract,
    union,
)
from gatewatch.model.network import ALL_PROTOCOLS, ICMP_PROTOCOLS, MAX_PORT, PORT_PROTOCOLS
from gatewatch.model.security_group import IcmpType, PortRange, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.alerts.reachability.network import AclEntry, NetworkAcl

_ANY_PORT = PortRange(0, MAX_PORT)
_ANY_ICMP = IcmpType(-1, -1)
_UNNAMED_PROTOCOL = "253"  # stands for every protocol that no entry names (RFC 3692: for experimentation)


def allowed_clients(acl: NetworkAcl, traffic: Traffic, version: int, *, certain: bool) -> Ranges:
    """Return the addresses that may connect and get an answer.

    Entries that match a part of the ICMP types, and those that could not be read, are counted as refusing when
    `certain`, otherwise as allowing.
    """
    entries = sorted(acl.entries, key=lambda each: each.number)
    inbound = [each for each in entries if not each.is_egress]
    outbound = [each for each in entries if each.is_egress]
    found: Ranges = NONE
    for protocol in _protocols(traffic, entries, version):
        request = Traffic(protocol, ports=traffic.ports or _ANY_PORT, icmp=traffic.icmp or _ANY_ICMP)
        answer = Traffic(protocol, ports=_ANY_PORT, icmp=_ANY_ICMP)
        arrives = _allowed(inbound, request, version, certain)
        returns = _allowed(outbound, answer, version, certain)
        found = union((*found, *intersect(arrives, returns)))
    return found


def _protocols(traffic: Traffic, entries: Iterable[AclEntry], version: int) -> set[str]:
    if traffic.protocol not in {None, ALL_PROTOCOLS}:
        return {str(traffic.protocol)}
    named = {each.traffic.protocol for each in entries if each.traffic.protocol not in {None, ALL_PROTOCOLS}}
    icmp = "icmp" if version == IPV4 else "icmpv6"
    return {"tcp", "udp", icmp, _UNNAMED_PROTOCOL, *map(str, named)}


def _allowed(entries: Sequence[AclEntry], traffic: Traffic, version: int, certain: bool) -> Ranges:  # noqa: FBT001
    """Return the addresses that are allowed for at least one port of the traffic."""
    found: Ranges = NONE
    for port in _distinct_ports(entries, traffic):
        left, allowed = all_addresses(version), NONE
        for each in entries:
            covers, touches = _match(each, traffic, port)
            if covers if each.allows is certain else touches:
                matched = intersect(left, _addresses(each, version))
                allowed = union((*allowed, *matched)) if each.allows else allowed
                left = subtract(left, matched)
        found = union((*found, *allowed))
    return found


def _addresses(entry: AclEntry, version: int) -> Ranges:
    return all_addresses(version) if entry.cidr is None else ranges_of([entry.cidr], version)


def _distinct_ports(entries: Iterable[AclEntry], traffic: Traffic) -> Iterator[int]:
    """Yield one port of each range in which the entries decide alike."""
    ports = traffic.ports
    if traffic.protocol not in PORT_PROTOCOLS or ports is None:
        yield 0
        return
    ranges = [each.traffic.ports for each in entries if each.traffic.ports]
    starts = {ports.first, *(each.first for each in ranges), *(each.last + 1 for each in ranges)}
    yield from (start for start in sorted(starts) if ports.covers(start))


def _match(entry: AclEntry, traffic: Traffic, port: int) -> tuple[bool, bool]:
    """Return whether an entry covers the traffic at a port, and whether it may match a part of it."""
    covers, touches = _match_traffic(entry.traffic, traffic, port)
    return covers and entry.cidr is not None, touches


def _match_traffic(entry: Traffic, traffic: Traffic, port: int) -> tuple[bool, bool]:
    if entry.protocol is None:
        return False, True
    if entry.protocol == ALL_PROTOCOLS:
        return True, True
    if entry.protocol != traffic.protocol:
        return False, False
    if traffic.protocol in PORT_PROTOCOLS:
        found = entry.ports is None or entry.ports.covers(port)
        return found, found
    if traffic.protocol in ICMP_PROTOCOLS:
        return _match_icmp(entry.icmp or _ANY_ICMP, traffic.icmp or _ANY_ICMP)
    return True, True


def _match_icmp(entry: IcmpType, traffic: IcmpType) -> tuple[bool, bool]:
    pairs = ((entry.type, traffic.type), (entry.code, traffic.code))
    covers = all(one in {-1, other} for one, other in pairs)
    return covers, all(one == other or -1 in {one, other} for one, other in pairs)
