"""Security groups of network interfaces as the sweep read them: a call that sets groups names no earlier ones."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.aws.hub_rows import JsonRows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_ec2 import EC2Client

    from gatewatch.aws.hub_table import HubTable

Groups = tuple[str, ...]
_SHARDS = 16  # rows of one account and Region; an item of DynamoDB holds 400 KB, here some 6,000 interfaces


class InterfaceGroups(Struct, frozen=True, omit_defaults=True):
    """`at`: the last reading, in seconds since 1970. `earlier` are the groups before, last read at `earlier_at`."""

    groups: Groups
    at: float
    earlier: Groups = ()
    earlier_at: float = 0.0

    def read_again(self, groups: Groups, at: float) -> InterfaceGroups:
        if groups == self.groups:
            return InterfaceGroups(groups, at, self.earlier, self.earlier_at)
        return InterfaceGroups(groups, at, self.groups, self.at)

    def before(self, time: float) -> Groups:
        """Return the groups at the last reading before a time; empty when it is not kept any more."""
        if self.at < time:
            return self.groups
        return self.earlier if self.earlier_at < time else ()


INTERFACE_GROUPS = JsonRows(
    prefix="interface-groups",
    name="the groups of network interfaces",
    lifetime=90 * 24 * 3600,
    value_type=dict[str, InterfaceGroups],
    skips_undecodable=True,
    is_compressed=True,
)


def read_interface_groups(ec2: EC2Client) -> dict[str, Groups]:
    """Return the sorted groups of every interface of a Region. Raises botocore's errors."""
    pages = ec2.get_paginator("describe_network_interfaces").paginate(PaginationConfig={"PageSize": 1000})
    return {
        each["NetworkInterfaceId"]: tuple(sorted(group["GroupId"] for group in each["Groups"]))
        for page in pages
        for each in page["NetworkInterfaces"]
    }


class InterfaceGroupStore:
    """Every method raises `HubTableError`."""

    def __init__(self, table: HubTable) -> None:
        self._table = table

    def save(self, account_id: str, region: str, read: Mapping[str, Groups], at: float) -> None:
        """Store a reading of a whole Region; an interface that is gone is forgotten."""
        for shard, interfaces in _by_shard(read):
            key = f"{account_id}#{region}#{shard:02}"
            known = self._table.get(INTERFACE_GROUPS, key) or {}
            found = {
                each: known[each].read_again(groups, at) if each in known else InterfaceGroups(groups, at)
                for each, groups in interfaces.items()
            }
            if found or known:
                self._table.put(INTERFACE_GROUPS, key, found)

    def before(self, account_id: str, region: str, interface: str, time: float) -> Groups:
        """Return the groups of an interface at the last reading before a time; empty when they are not known."""
        known = self._table.get(INTERFACE_GROUPS, f"{account_id}#{region}#{_shard_of(interface):02}") or {}
        return known[interface].before(time) if interface in known else ()


def _by_shard(read: Mapping[str, Groups]) -> Iterator[tuple[int, dict[str, Groups]]]:
    shards: list[dict[str, Groups]] = [{} for _ in range(_SHARDS)]
    for interface, groups in read.items():
        shards[_shard_of(interface)][interface] = groups
    return enumerate(shards)


def _shard_of(interface: str) -> int:
    return zlib.crc32(interface.encode()) % _SHARDS
