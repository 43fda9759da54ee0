"""CIDR, port and protocol arithmetic, for IPv4 and IPv6."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from ipaddress import (
    IPv4Network,
    IPv6Network,
    collapse_addresses,
    ip_network,
)
from socket import AF_INET, inet_pton
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.model.security_group import CidrPeer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.model.security_group import PortRange, Traffic

Network = IPv4Network | IPv6Network

# IANA special-purpose address registries (RFC 6890 and its updates): not routable on the internet.
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
# All global unicast IPv6 lies in 2000::/3 (RFC 4291 §2.4, IANA IPv6 address space); documentation is excluded.
GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = (IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))
NOT_PUBLIC = {4: _NOT_PUBLIC_V4, 6: _NOT_PUBLIC_V6}

_HALF = 2
_HALVES_PREFIX = 1  # a /1 is half of everything
_POOLED_SHORTER_THAN = {4: 8, 6: 32}
_WIDE_ADDRESSES = {4: 1 << 24, 6: 1 << 96}

ALL_PROTOCOLS = "all"
PORT_PROTOCOLS = frozenset({"tcp", "udp"})
ICMP_PROTOCOLS = frozenset({"icmp", "icmpv6"})
MAX_PORT = 65535
MAX_PROTOCOL = 255
# EC2 returns these names whatever number was sent (EC2 API reference, SecurityGroupRule.IpProtocol).
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
    """Return a CIDR as EC2 stores it (host bits cleared), or None when the text is not a CIDR."""
    try:
        return _ipv4_network(text) or ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def _ipv4_network(text: str) -> IPv4Network | None:
    """Read the usual form of an IPv4 CIDR in half of `ip_network`'s time; None for any other text."""
    address, _, length = text.partition("/")
    if not (length.isdecimal() and length.isascii()):
        return None
    try:
        return IPv4Network((inet_pton(AF_INET, address), int(length)), strict=False)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=10_000)
def address_bounds(cidr: str) -> tuple[int, int, int]:
    """Return the IP version and the first and last address of a canonical CIDR as numbers."""
    network = network_of(CidrPeer(cidr))
    first = int(network.network_address)
    return network.version, first, first + (1 << network.max_prefixlen - network.prefixlen) - 1


@lru_cache(maxsize=4096)
def cidr_peer(text: str) -> CidrPeer | None:
    network = parse_cidr(text)
    return None if network is None else CidrPeer(str(network))


def network_of(peer: CidrPeer) -> Network:
    """Return the network of a peer. Raises `ValueError` when its CIDR is not canonical."""
    network = parse_cidr(peer.cidr)
    if network is None:
        raise ValueError(f"not a CIDR: {peer.cidr}")
    return network


def protocol_name(text: str) -> str | None:
    """Return `tcp` for `"6"`, `all` for `-1`, another IANA number as it is; None when it is not a protocol."""
    known = _PROTOCOL_NAMES.get(text.strip().lower())
    if known is not None:
        return known
    number = text.strip().lstrip("0") or text.strip()[-1:]
    is_number = number.isascii() and number.isdigit() and len(number) <= len(str(MAX_PROTOCOL))
    return _PROTOCOL_NAMES.get(number, number) if is_number and int(number) <= MAX_PROTOCOL else None


def public_addresses(network: Network) -> int:
    """Return the number of internet-routable addresses of a network."""
    if isinstance(network, IPv4Network):
        return network.num_addresses - _overlap(network, _NOT_PUBLIC_V4)
    return _overlap(network, (GLOBAL_UNICAST_V6,)) - _overlap(network, _NOT_PUBLIC_V6)


def _overlap(network: Network, disjoint: Iterable[Network]) -> int:
    """Two CIDRs are disjoint or nested, so an overlap is the smaller of the two."""
    overlapping = (other for other in disjoint if network.overlaps(other))
    return sum(min(network.num_addresses, other.num_addresses) for other in overlapping)


def address_growth(old: Network, new: Network) -> Fraction | None:
    """Return how many times more addresses the new network holds; None between IPv4 and IPv6."""
    return Fraction(new.num_addresses, old.num_addresses) if old.version == new.version else None


def is_within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def port_growth(old: PortRange, new: PortRange) -> Fraction:
    return Fraction(new.last - new.first + 1, old.last - old.first + 1)


def traffic_is_within(inner: Traffic, outer: Traffic) -> bool:
    """Whether `outer` includes `inner`. All protocols include any; ICMP type or code -1 includes each."""
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
    """Whether a network has the public space of a /8 or more (IPv4), of a /32 or more (IPv6)."""
    return public_addresses(network) >= _WIDE_ADDRESSES[network.version]


class CidrExposure(Struct, frozen=True):
    """How much of the internet one CIDR covers; `is_pooled` when it may add up with others to the world."""

    network: Any
    public: int
    is_wide: bool
    is_world: bool
    is_pooled: bool


@lru_cache(maxsize=4096)
def exposure_of_cidr(cidr: str) -> CidrExposure:
    """Return the exposure of a canonical CIDR; cached, because few CIDRs recur."""
    network = network_of(CidrPeer(cidr))
    return CidrExposure(
        network=network,
        public=public_addresses(network),
        is_wide=is_wide(network),
        is_world=bool(world_networks([network])),
        is_pooled=_is_pooled(network),
    )


def world_cidrs(cidrs: Iterable[str]) -> frozenset[str]:
    """Return those of the canonical CIDRs that cover the internet; see `world_networks`."""
    pooled = {each for each in cidrs if exposure_of_cidr(each).is_pooled}
    if len(pooled) <= 1:
        return frozenset(each for each in pooled if exposure_of_cidr(each).is_world)
    world = world_networks(exposure_of_cidr(each).network for each in pooled)
    return frozenset(each for each in pooled if exposure_of_cidr(each).network in world)


def is_trusted(network: Network, trusted: Iterable[Network]) -> bool:
    return any(network.version == other.version and network.subnet_of(other) for other in trusted)  # type: ignore[arg-type]


def world_networks(networks: Iterable[Network]) -> frozenset[Network]:
    """Return the networks that, alone or together, cover the internet.

    A `/0` or `/1` always does. Others shorter than `/8` (IPv6: `/32`) do when together they cover half of the
    IPv4 space, or half of `2000::/3`. Networks without a public address do not.
    """
    pooled = [each for each in set(networks) if _is_pooled(each)]
    world = {each for each in pooled if each.prefixlen <= _HALVES_PREFIX}
    for version in (4, 6):
        pool = [each for each in pooled if each.version == version]
        if covers_half(pool):
            world.update(pool)
    return frozenset(world)


def _is_pooled(network: Network) -> bool:
    if network.prefixlen <= _HALVES_PREFIX:
        return True
    return network.prefixlen < _POOLED_SHORTER_THAN[network.version] and public_addresses(network) > 0


def covers_half(pool: list[Network]) -> bool:
    """Whether networks of one IP version together cover half of the IPv4 space, or half of `2000::/3`."""
    if not pool:
        return False
    if pool[0].version == 4:
        return address_count(pool) * _HALF >= 1 << 32
    unicast = [each for each in pool if each.overlaps(GLOBAL_UNICAST_V6)]
    within = [max(each, GLOBAL_UNICAST_V6, key=lambda one: one.prefixlen) for each in unicast]
    return address_count(within) * _HALF >= GLOBAL_UNICAST_V6.num_addresses


def address_count(networks: Iterable[Network]) -> int:
    """Return the number of addresses in the union of networks of one IP version."""
    return sum(each.num_addresses for each in collapse_addresses(networks))  # type: ignore[type-var,misc]
