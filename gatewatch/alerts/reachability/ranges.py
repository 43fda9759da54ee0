"""Sets of addresses as sorted, separate ranges of numbers; both ends are inclusive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.network import GLOBAL_UNICAST_V6, NOT_PUBLIC, address_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]

NONE: Ranges = ()
IPV4, IPV6 = 4, 6
_BITS = {IPV4: 32, IPV6: 128}
_ROUTED = {IPV4: "0.0.0.0/0", IPV6: str(GLOBAL_UNICAST_V6)}


def all_addresses(version: int) -> Ranges:
    return ((0, (1 << _BITS[version]) - 1),)


def ranges_of(cidrs: Iterable[str], version: int) -> Ranges:
    """Return the addresses of those canonical CIDRs that have the IP version."""
    bounds = map(address_bounds, cidrs)
    return union((first, last) for kind, first, last in bounds if kind == version)


def public_ranges(version: int) -> Ranges:
    """Return the addresses that are routed on the internet."""
    return subtract(ranges_of([_ROUTED[version]], version), ranges_of(map(str, NOT_PUBLIC[version]), version))


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return tuple(joined)


def intersect(one: Ranges, other: Ranges) -> Ranges:
    overlaps = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return union((first, last) for first, last in overlaps if first <= last)


def subtract(one: Ranges, other: Ranges) -> Ranges:
    left = list(one)
    for start, end in other:
        left = [
            part
            for first, last in left
            for part in ((first, min(last, start - 1)), (max(first, end + 1), last))
            if part[0] <= part[1]
        ]
    return tuple(left)
