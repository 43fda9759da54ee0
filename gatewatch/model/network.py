"""CIDR, port and protocol arithmetic. Pure; IPv6 stands beside IPv4 everywhere."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from ipaddress import (
    IPv4Network,
    IPv6Network,
    collapse_addresses,
    ip_network,
)
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.model.security_group import CidrPeer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.model.security_group import PortRange, Traffic

Network = IPv4Network | IPv6Network

# IANA special-purpose address registries (RFC 6890 and its updates): nobody on the internet has these addresses.
# Private, shared (CGNAT), loopback, link-local, documentation, benchmarking, multicast and reserved space.
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(cidr)
    for cidr in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
# All global unicast IPv6 lies in 2000::/3 (RFC 4291 §2.4, IANA IPv6 address space); documentation is cut out of it.
GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = (IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))

_HALF = 2
_HALVES_PREFIX = 1  # a /1 is half of everything
_POOLED_SHORTER_THAN = {4: 8, 6: 32}
_WIDE_ADDRESSES = {4: 1 << 24, 6: 1 << 96}

ALL_PROTOCOLS = "all"
PORT_PROTOCOLS = frozenset({"tcp", "udp"})
ICMP_PROTOCOLS = frozenset({"icmp", "icmpv6"})
MAX_PORT = 65535
MAX_PROTOCOL = 255
# EC2 gives these names back whatever number was sent (EC2 API reference, SecurityGroupRule.IpProtocol).
_PROTOCOL_NAMES = {
    "-1": ALL_PROTOCOLS,
    "all": ALL_PROTOCOLS,
    "1": "icmp",
    "6": "tcp",
    "17": "udp",
    "58": "icmpv6",
    "icmp": "icmp",
    "tcp": "tcp",
    "udp": "udp",
    "icmpv6": "icmpv6",
    "ipv6-icmp": "icmpv6",
}


@lru_cache(maxsize=4096)
def parse_cidr(text: str) -> Network | None:
    """A CIDR as EC2 stores it (host bits cleared), or None when the text is none."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def cidr_peer(text: str) -> CidrPeer | None:
    network = parse_cidr(text)
    return None if network is None else CidrPeer(str(network))


def network_of(peer: CidrPeer) -> Network:
    """A `CidrPeer` holds a canonical CIDR; anything else is a fault of whoever made it."""
    network = parse_cidr(peer.cidr)
    if network is None:
        raise ValueError(f"not a CIDR: {peer.cidr}")
    return network


def protocol_name(text: str) -> str | None:
    """`"6"` → `tcp`, `-1` → `all`, another IANA number as it is; None for what is no protocol."""
    known = _PROTOCOL_NAMES.get(text.strip().lower())
    if known is not None:
        return known
    number = text.strip().lstrip("0") or text.strip()[-1:]
    is_number = number.isascii() and number.isdigit() and len(number) <= len(str(MAX_PROTOCOL))
    return _PROTOCOL_NAMES.get(number, number) if is_number and int(number) <= MAX_PROTOCOL else None


def public_addresses(network: Network) -> int:
    """How many addresses of a network somebody on the internet can have."""
    if isinstance(network, IPv4Network):
        return network.num_addresses - _overlap(network, _NOT_PUBLIC_V4)
    return _overlap(network, (GLOBAL_UNICAST_V6,)) - _overlap(network, _NOT_PUBLIC_V6)


def _overlap(network: Network, disjoint: Iterable[Network]) -> int:
    """Two CIDRs are disjoint or one holds the other, so an overlap is the smaller of the two."""
    overlapping = (other for other in disjoint if network.overlaps(other))
    return sum(min(network.num_addresses, other.num_addresses) for other in overlapping)


def growth(old: Network, new: Network) -> Fraction | None:
    """How many times more addresses the new network holds; IPv4 and IPv6 are not counted against each other."""
    return Fraction(new.num_addresses, old.num_addresses) if old.version == new.version else None


def is_within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def port_growth(old: PortRange, new: PortRange) -> Fraction:
    return Fraction(new.last - new.first + 1, old.last - old.first + 1)


def traffic_is_within(inner: Traffic, outer: Traffic) -> bool:
    """All traffic holds any; a protocol without ports holds all of itself; a type of ICMP without a code holds each."""
    if outer.protocol == ALL_PROTOCOLS or inner == outer:
        return True
    if inner.protocol != outer.protocol:
        return False
    if inner.ports and outer.ports:
        return outer.ports.first <= inner.ports.first and inner.ports.last <= outer.ports.last
    if inner.icmp and outer.icmp:
        return outer.icmp.type in {-1, inner.icmp.type} and outer.icmp.code in {-1, inner.icmp.code}
    return False


def is_wide(network: Network) -> bool:
    """Public space of a /8 or more (IPv4), of a /32 or more (IPv6)."""
    return public_addresses(network) >= _WIDE_ADDRESSES[network.version]


class Reach(Struct, frozen=True):
    """How much of the internet one CIDR lets in; `is_pooled` when others may add up with it to the world."""

    network: Any
    public: int
    is_wide: bool
    is_world: bool
    is_pooled: bool


@lru_cache(maxsize=4096)
def reach_of(cidr: str) -> Reach:
    """Of a canonical CIDR: the same few come again and again."""
    network = network_of(CidrPeer(cidr))
    return Reach(
        network=network,
        public=public_addresses(network),
        is_wide=is_wide(network),
        is_world=bool(world_of([network])),
        is_pooled=_is_pooled(network),
    )


def worlds(cidrs: Iterable[str]) -> frozenset[str]:
    """`world_of`, for canonical CIDRs."""
    pooled = {each for each in cidrs if reach_of(each).is_pooled}
    if len(pooled) <= 1:
        return frozenset(each for each in pooled if reach_of(each).is_world)
    world = world_of(reach_of(each).network for each in pooled)
    return frozenset(each for each in pooled if reach_of(each).network in world)


def is_trusted(network: Network, trusted: Iterable[Network]) -> bool:
    return any(network.version == other.version and network.subnet_of(other) for other in trusted)  # type: ignore[arg-type]


def world_of(networks: Iterable[Network]) -> frozenset[Network]:
    """Those of the networks that, alone or together, let in the world.

    A `/0` or `/1` always does. Others shorter than `/8` (IPv6: `/32`) do when together they cover half of the
    IPv4 space, or half of `2000::/3`. Networks without a single public address do not.
    """
    pooled = [each for each in set(networks) if _is_pooled(each)]
    world = {each for each in pooled if each.prefixlen <= _HALVES_PREFIX}
    for version in (4, 6):
        pool = [each for each in pooled if each.version == version]
        if _covers_half(pool):
            world.update(pool)
    return frozenset(world)


def _is_pooled(network: Network) -> bool:
    if network.prefixlen <= _HALVES_PREFIX:
        return True
    return network.prefixlen < _POOLED_SHORTER_THAN[network.version] and public_addresses(network) > 0


def _covers_half(pool: list[Network]) -> bool:
    if not pool:
        return False
    if pool[0].version == 4:
        return covered(pool) * _HALF >= 1 << 32
    unicast = [each for each in pool if each.overlaps(GLOBAL_UNICAST_V6)]
    within = [max(each, GLOBAL_UNICAST_V6, key=lambda one: one.prefixlen) for each in unicast]
    return covered(within) * _HALF >= GLOBAL_UNICAST_V6.num_addresses


def covered(networks: Iterable[Network]) -> int:
    """The number of addresses in the union of networks of one IP version."""
    return sum(each.num_addresses for each in collapse_addresses(networks))  # type: ignore[type-var,misc]
