"""Security groups of resources as the sweep read them: a call that sets the groups of one names no earlier ones."""

from __future__ import annotations

import zlib
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from gatewatch.aws.hub_rows import JsonRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gatewatch.aws.clients import Aws
    from gatewatch.aws.hub_table import HubTable

Groups = tuple[str, ...]
_MAX_AGE = 3 * 24 * 3600  # seconds; there is a reading a day, and who set groups in between is not known
_SHARDS = 16  # rows of one kind, account and Region; an item of DynamoDB holds 400 KB, here some 6,000 interfaces


class Attachable(StrEnum):
    """Resources whose security groups one call replaces. Part of the keys of rows."""

    INTERFACE = "interface"
    LOAD_BALANCER = "load_balancer"
    CLASSIC_LOAD_BALANCER = "classic_load_balancer"
    DATABASE = "database"
    DATABASE_CLUSTER = "database_cluster"


class AttachedGroups(Struct, frozen=True, omit_defaults=True):
    """`at`: the last reading, in seconds since 1970. `earlier` are the groups before, last read at `earlier_at`."""

    groups: Groups
    at: float
    earlier: Groups = ()
    earlier_at: float = 0.0

    def read_again(self, groups: Groups, at: float) -> AttachedGroups:
        if groups == self.groups:
            return AttachedGroups(groups, at, self.earlier, self.earlier_at)
        return AttachedGroups(groups, at, self.groups, self.at)

    def before(self, time: float) -> Groups:
        """Return the groups at the last reading before a time; empty when it is not kept any more, or too old."""
        groups, at = (self.groups, self.at) if self.at < time else (self.earlier, self.earlier_at)
        return groups if time - _MAX_AGE <= at < time else ()


ATTACHED_GROUPS = JsonRows(
    prefix="attached-groups",
    name="the groups of resources",
    lifetime=90 * 24 * 3600,
    value_type=dict[str, AttachedGroups],
    skips_undecodable=True,
    is_compressed=True,
)


def interface_groups(interface: Mapping[str, Any]) -> Groups:
    """Return the sorted groups of an interface in a response of EC2."""
    return tuple(sorted(group["GroupId"] for group in interface["Groups"]))


def load_balancer_groups(balancer: Mapping[str, Any]) -> Groups:
    """Return those of a load balancer of any generation; empty for a Gateway Load Balancer, which has none."""
    return tuple(sorted(balancer.get("SecurityGroups", ())))


def database_groups(database: Mapping[str, Any]) -> Groups:
    """Return those of a DB instance or cluster, without what Amazon RDS is removing."""
    found = database.get("VpcSecurityGroups", ())
    return tuple(sorted(each["VpcSecurityGroupId"] for each in found if each.get("Status") != "removing"))


class _Reading(NamedTuple):
    """The paginator of what lists resources, and the keys of its pages that have them and their ids."""

    paginator: Callable[[Aws], Any]
    resources: str
    name: str
    groups: Callable[[Mapping[str, Any]], Groups]


_READINGS = {
    Attachable.INTERFACE: _Reading(
        lambda aws: aws.ec2.get_paginator("describe_network_interfaces"),
        "NetworkInterfaces",
        "NetworkInterfaceId",
        interface_groups,
    ),
    Attachable.LOAD_BALANCER: _Reading(
        lambda aws: aws.elbv2.get_paginator("describe_load_balancers"),
        "LoadBalancers",
        "LoadBalancerArn",
        load_balancer_groups,
    ),
    Attachable.CLASSIC_LOAD_BALANCER: _Reading(
        lambda aws: aws.elb.get_paginator("describe_load_balancers"),
        "LoadBalancerDescriptions",
        "LoadBalancerName",
        load_balancer_groups,
    ),
    Attachable.DATABASE: _Reading(
        lambda aws: aws.rds.get_paginator("describe_db_instances"),
        "DBInstances",
        "DBInstanceIdentifier",
        database_groups,
    ),
    Attachable.DATABASE_CLUSTER: _Reading(
        lambda aws: aws.rds.get_paginator("describe_db_clusters"),
        "DBClusters",
        "DBClusterIdentifier",
        database_groups,
    ),
}
_PAGE_SIZES = {Attachable.INTERFACE: {"PageSize": 1000}}  # the others have pages of 100 or 400 without being asked


def read_attached_groups(aws: Aws, kind: Attachable) -> dict[str, Groups]:
    """Return the sorted groups of every resource of a kind in a Region, by its id. Raises botocore's errors."""
    reading = _READINGS[kind]
    pages = reading.paginator(aws).paginate(PaginationConfig=_PAGE_SIZES.get(kind, {}))
    return {each[reading.name]: reading.groups(each) for page in pages for each in page[reading.resources]}


class AttachedGroupStore:
    """Every method raises `HubTableError`."""

    def __init__(self, table: HubTable) -> None:
        self._table = table

    def save(self, account_id: str, region: str, read: Mapping[Attachable, Mapping[str, Groups]], at: float) -> None:
        """Store a reading of all resources of some kinds in a Region; one that is gone is forgotten."""
        rows = {
            f"{account_id}#{region}#{kind}#{shard:02}": groups
            for kind, of_kind in read.items()
            for shard, groups in _by_shard(of_kind)
        }
        known = dict(self._table.get_many(ATTACHED_GROUPS, rows))
        found = {key: _read_again(known.get(key, {}), groups, at) for key, groups in rows.items()}
        self._table.put_many(ATTACHED_GROUPS, {key: found[key] or None for key in rows if found[key] or key in known})

    def before(self, account_id: str, region: str, kind: Attachable, resource: str, time: float) -> Groups:
        """Return the groups of a resource at the last reading before a time; empty when they are not known."""
        key = f"{account_id}#{region}#{kind}#{_shard_of(resource):02}"
        known = self._table.get(ATTACHED_GROUPS, key) or {}
        return known[resource].before(time) if resource in known else ()


def _read_again(
    known: Mapping[str, AttachedGroups], read: Mapping[str, Groups], at: float
) -> dict[str, AttachedGroups]:
    return {
        each: known[each].read_again(groups, at) if each in known else AttachedGroups(groups, at)
        for each, groups in read.items()
    }


def _by_shard(read: Mapping[str, Groups]) -> Iterable[tuple[int, dict[str, Groups]]]:
    shards: list[dict[str, Groups]] = [{} for _ in range(_SHARDS)]
    for resource, groups in read.items():
        shards[_shard_of(resource)][resource] = groups
    return enumerate(shards)


def _shard_of(resource: str) -> int:
    return zlib.crc32(resource.encode()) % _SHARDS
