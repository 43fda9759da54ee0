"""The path check: from the internet through gateway, route, network ACL and instance to an interface.

Each layer lets some addresses of the peer pass for certain and some possibly. Nothing left that could pass: the layer
stops the connection. Something left that passes for certain: it is reachable. In between it is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.alerts.reachability.acl import allowed_clients
from gatewatch.alerts.reachability.ranges import (
    IPV4,
    IPV6,
    NONE,
    Ranges,
    all_addresses,
    intersect,
    public_ranges,
    ranges_of,
    subtract,
    union,
)
from gatewatch.model.network import address_bounds
from gatewatch.model.reachability import Layer, Reachability, Verdict
from gatewatch.model.security_group import CidrPeer, PrefixListPeer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.alerts.reachability.network import Interface, Network, RouteTable, Subnet, VpcRoute
    from gatewatch.model.security_group import Peer, Traffic

UNKNOWN_INTERFACES = Reachability(verdict=Verdict.UNKNOWN, layer=Layer.INTERFACE)
_OTHER_ACCOUNTS = Reachability(verdict=Verdict.UNKNOWN, layer=Layer.OTHER_ACCOUNTS)
_RANK = {Verdict.NOT_REACHABLE: 0, Verdict.UNKNOWN: 1, Verdict.REACHABLE: 2}


class Passing(Struct, frozen=True):
    """The addresses that pass for certain, and those that may pass."""

    certain: Ranges
    possible: Ranges

    def through(self, layer: Passing) -> Passing:
        return Passing(intersect(self.certain, layer.certain), intersect(self.possible, layer.possible))


def check_reachability(peer: Peer, traffic: Traffic, network: Network) -> Reachability | None:
    """Return None for a peer without an address on the internet, such as another group or a private CIDR."""
    starts = {version: start for version in (IPV4, IPV6) if (start := _clients(peer, version)).possible}
    if not starts:
        return None
    results = [
        _check_interface(each, start, version, traffic, network)
        for each in network.interfaces
        for version, start in starts.items()
    ]
    if network.is_partial:
        results.append(UNKNOWN_INTERFACES)
    if network.is_shared is not False:
        results.append(_OTHER_ACCOUNTS)
    nothing = Reachability(verdict=Verdict.NOT_REACHABLE, layer=Layer.INTERFACE)
    return max(results, key=openness, default=nothing)


def openness(result: Reachability) -> tuple[int, int]:
    """Order answers: the most open one is greatest, among equal ones that of the innermost layer."""
    return _RANK[result.verdict], list(Layer).index(result.layer) if result.layer else 0


def _clients(peer: Peer, version: int) -> Passing:
    public = public_ranges(version)
    if isinstance(peer, PrefixListPeer):
        return Passing(NONE, public)
    found = intersect(ranges_of([peer.cidr], version), public) if isinstance(peer, CidrPeer) else NONE
    return Passing(found, found)


def _check_interface(
    interface: Interface, start: Passing, version: int, traffic: Traffic, network: Network
) -> Reachability:
    passing, doubtful = start, None if start.certain else Layer.PEER
    for layer, allowed in _layers(interface, version, traffic, network):
        passing = passing.through(allowed)
        if not passing.possible:
            return Reachability(verdict=Verdict.NOT_REACHABLE, layer=layer)
        if doubtful is None and not passing.certain:
            doubtful = layer
    if doubtful is not None:
        return Reachability(verdict=Verdict.UNKNOWN, layer=doubtful)
    return Reachability(verdict=Verdict.REACHABLE, path=_path(interface, version, passing, network))


def _layers(interface: Interface, version: int, traffic: Traffic, network: Network) -> Iterator[tuple[Layer, Passing]]:
    subnet = network.subnets.get(interface.subnet_id)
    running = network.is_running.get(interface.instance_id) if interface.instance_id else True
    yield Layer.INTERFACE, _all_or_nothing(interface.is_attached, version)
    yield Layer.ADDRESS, _all_or_nothing(bool(_addresses(interface, version)), version)
    yield Layer.INSTANCE_STATE, _all_or_nothing(running, version)
    yield Layer.BLOCK_PUBLIC_ACCESS, _all_or_nothing(_is_unblocked(subnet), version)
    yield Layer.ROUTE, _routed(subnet.route_table if subnet else None, version)
    yield Layer.NETWORK_ACL, _through_acl(subnet, traffic, version)


def _all_or_nothing(passes: bool | None, version: int) -> Passing:  # noqa: FBT001
    """None: it could not be read."""
    everything = all_addresses(version)
    return Passing(everything if passes else NONE, NONE if passes is False else everything)


def _addresses(interface: Interface, version: int) -> list[str]:
    return [each for each in interface.addresses if (":" in each) == (version == IPV6)]


def _is_unblocked(subnet: Subnet | None) -> bool | None:
    return None if subnet is None or subnet.is_blocked is None else not subnet.is_blocked


def _through_acl(subnet: Subnet | None, traffic: Traffic, version: int) -> Passing:
    if subnet is None or subnet.acl is None:
        return _all_or_nothing(None, version)
    certain, possible = (allowed_clients(subnet.acl, traffic, version, certain=each) for each in (True, False))
    return Passing(certain, possible)


def _routed(table: RouteTable | None, version: int) -> Passing:
    """Return the addresses to which an answer is routed out; the most specific route decides."""
    if table is None:
        return _all_or_nothing(None, version)
    out, perhaps = NONE, NONE
    for route, addresses in _addresses_by_route(table, version):
        out = union((*out, *addresses)) if route.leads_out else out
        perhaps = union((*perhaps, *addresses)) if route.leads_out is None else perhaps
    of_lists = {each.leads_out for each in table.routes if each.cidr is None}
    if of_lists - {False}:
        perhaps = all_addresses(version)  # a part of them, but which is not known
    is_doubtful = table.is_inspected or of_lists - {True}
    return Passing(NONE if is_doubtful else out, union((*out, *perhaps)))


def _addresses_by_route(table: RouteTable, version: int) -> Iterator[tuple[VpcRoute, Ranges]]:
    left = all_addresses(version)
    for route in _most_specific_first(table.routes):
        addresses = intersect(left, ranges_of([route.cidr or ""], version))
        left = subtract(left, addresses)
        yield route, addresses


def _most_specific_first(routes: Sequence[VpcRoute]) -> list[VpcRoute]:
    return sorted((each for each in routes if each.cidr is not None), key=_size)


def _size(route: VpcRoute) -> int:
    _, first, last = address_bounds(route.cidr or "")
    return last - first


def _path(interface: Interface, version: int, passing: Passing, network: Network) -> tuple[str, ...]:
    subnet = network.subnets[interface.subnet_id]
    if subnet.route_table is None or subnet.acl is None:
        raise ValueError("a path needs a route table and a network ACL")
    routes = _addresses_by_route(subnet.route_table, version)
    gateway = next(route.target for route, each in routes if route.leads_out and intersect(each, passing.certain))
    address = _addresses(interface, version)[0]
    return gateway, subnet.route_table.id, subnet.acl.id, subnet.id, interface.id, address
