"""The answer of DescribeNetworkInterfaces -> what a security group is attached to.

What an interface belongs to is taken from what AWS alone can write: its type, the instance, who asked for it. The
description says so only where AWS manages the interface; on any other it is somebody's text.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.model.network import parse_cidr, public_addresses
from gatewatch.model.network_interfaces import Attached, Thing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

INSTANCE, SERVICE, INTERFACE = "instance", "service", "interface"
_NAMED_INSTANCES = 50  # a fleet shares a name, so a few more than are told are asked for
# EC2 API reference, NetworkInterface.InterfaceType. What is not here and not plain is a service that the type names.
_PLAIN_TYPES = frozenset({None, "", INTERFACE, "efa", "efa-only", "trunk", "branch"})
_TYPES = {
    "load_balancer": "load_balancer",
    "network_load_balancer": "load_balancer",
    "gateway_load_balancer": "load_balancer",
    "gateway_load_balancer_endpoint": "endpoint",
    "vpc_endpoint": "endpoint",
    "ec2_instance_connect_endpoint": "endpoint",
    "lambda": "function",
    "efs": "file_system",
    "nat_gateway": "nat_gateway",
    "natGateway": "nat_gateway",
}
# How AWS's services describe the interfaces that they ask for; the first group is the name, where there is one.
_DESCRIPTIONS = (
    ("load_balancer", re.compile(r"ELB (?:(?:app|net|gwy)/)?([^/]+)")),
    ("database", re.compile(r"(?:RDS|Redshift)NetworkInterface()")),
    ("cache", re.compile(r"ElastiCache (.+)")),
    ("file_system", re.compile(r"EFS mount target for (fs-\w+)")),
    ("endpoint", re.compile(r"VPC Endpoint Interface (vpce-\w+)")),
    ("nat_gateway", re.compile(r"Interface for NAT Gateway (nat-\w+)")),
    ("function", re.compile(r"AWS Lambda VPC ENI[-:] ?(.+?)(?:-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?$")),
    ("container", re.compile(r"arn:[\w-]+:ecs:()")),
    ("cluster", re.compile(r"Amazon EKS (.+)")),
)
_REQUESTERS = {
    "amazon-elb": "load_balancer",
    "amazon-rds": "database",
    "amazon-redshift": "database",
    "amazon-elasticache": "cache",
}


class Interface(Struct, frozen=True):
    """`identity` tells one thing from another: an instance's id, a service's name, or the interface's own id."""

    kind: str
    identity: str
    name: str = ""
    is_public: bool = False


def read_interface(fields: Mapping[str, Any]) -> Interface:
    kind, name = _kind(fields)
    own = "" if kind == INTERFACE else name
    return Interface(kind, own or str(fields.get("NetworkInterfaceId")), name, _is_public(fields))


def instances_to_name(interfaces: Sequence[Interface]) -> tuple[str, ...]:
    """The instances whose names are worth a question, those with a public address first."""
    found = (each.identity for each in _in_order(interfaces) if each.kind == INSTANCE)
    return tuple(dict.fromkeys(found))[:_NAMED_INSTANCES]


def attached(interfaces: Sequence[Interface], names: Mapping[str, str], at: datetime, *, is_part: bool) -> Attached:
    """`names` of instances by their ids; one that has none there is called by its id."""
    return Attached(
        at=at,
        interfaces=len(interfaces),
        public=sum(each.is_public for each in interfaces),
        is_part=is_part,
        things=tuple(_things(_in_order(interfaces), names)),
    )


def _in_order(interfaces: Sequence[Interface]) -> list[Interface]:
    return sorted(interfaces, key=lambda each: not each.is_public)


def _things(ordered: Sequence[Interface], names: Mapping[str, str]) -> Iterator[Thing]:
    """Each thing once, however many interfaces it has; those of one kind and name together."""
    distinct: dict[tuple[str, str], Interface] = {}
    for each in ordered:
        distinct.setdefault((each.kind, each.identity), each)
    told = distinct.values()
    counts = Counter((each.is_public, each.kind, names.get(each.identity, each.name)) for each in told)
    for (is_public, kind, name), count in counts.items():
        yield Thing(kind, name, is_public, count)


def _kind(fields: Mapping[str, Any]) -> tuple[str, str]:
    """What it belongs to, and the name of that."""
    kind, description = str(fields.get("InterfaceType") or INTERFACE), str(fields.get("Description") or "")
    if kind in _TYPES:
        return _TYPES[kind], _name(_TYPES[kind], description)
    if kind not in _PLAIN_TYPES:
        return SERVICE, kind
    if instance := _instance(fields):
        return INSTANCE, instance
    if fields.get("RequesterManaged"):
        return _managed(str(fields.get("RequesterId") or ""), description)
    return INTERFACE, _tag_name(fields) or str(fields.get("NetworkInterfaceId") or "")


def _managed(requester: str, description: str) -> tuple[str, str]:
    known = _REQUESTERS.get(requester)
    for kind, pattern in _DESCRIPTIONS:
        if known in {None, kind} and (found := pattern.match(description)):
            return kind, found[1]
    return (known, "") if known else (SERVICE, description or requester)


def _name(kind: str, description: str) -> str:
    found = (pattern.match(description) for each, pattern in _DESCRIPTIONS if each == kind)
    return next((each[1] for each in found if each), "")


def _instance(fields: Mapping[str, Any]) -> str:
    return str((fields.get("Attachment") or {}).get("InstanceId") or "")


def _tag_name(fields: Mapping[str, Any]) -> str:
    return next((str(tag.get("Value")) for tag in fields.get("TagSet") or () if tag.get("Key") == "Name"), "")


def _is_public(fields: Mapping[str, Any]) -> bool:
    """An IPv4 address that AWS translates to a public one, or an IPv6 address or prefix that is public by itself."""
    owners = (fields, *(fields.get("PrivateIpAddresses") or ()))
    if any((each.get("Association") or {}).get("PublicIp") for each in owners):
        return True
    return not fields.get("DenyAllIgwTraffic") and any(map(_is_public_v6, _v6(fields)))


def _v6(fields: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(each.get("Ipv6Address")) for each in fields.get("Ipv6Addresses") or ())
    yield from (str(each.get("Ipv6Prefix")) for each in fields.get("Ipv6Prefixes") or ())


def _is_public_v6(text: str) -> bool:
    network = parse_cidr(text)
    return network is not None and public_addresses(network) > 0
