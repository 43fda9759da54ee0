"""Summarize DescribeNetworkInterfaces: the resources that a security group is attached to.

A resource is taken from fields that only AWS writes: interface type, attachment, requester. The description is used
only for interfaces that AWS manages; on others it is text of the account's users.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.model.network import parse_cidr, public_addresses
from gatewatch.model.network_interfaces import AttachedResource, NetworkInterfaceSummary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

INSTANCE, SERVICE, INTERFACE = "instance", "service", "interface"
_MAX_NAMED_INSTANCES = 50  # more than a message shows, because instances of a fleet share a name
# EC2 API reference, NetworkInterface.InterfaceType. Any other type is the name of a service.
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
# Descriptions that AWS services give to their interfaces; group 1 is the name of the resource.
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


class NetworkInterface(Struct, frozen=True):
    """`identity` distinguishes resources: an instance id, the name of a service's resource, or the interface id."""

    kind: str
    identity: str
    name: str = ""
    is_public: bool = False


def read_interface(fields: Mapping[str, Any]) -> NetworkInterface:
    kind, name = _kind(fields)
    own = "" if kind == INTERFACE else name
    return NetworkInterface(kind, own or str(fields.get("NetworkInterfaceId")), name, _is_public(fields))


def instances_to_name(interfaces: Sequence[NetworkInterface]) -> tuple[str, ...]:
    """Return the ids of instances whose Name tags are needed, those with a public address first."""
    found = (each.identity for each in _public_first(interfaces) if each.kind == INSTANCE)
    return tuple(dict.fromkeys(found))[:_MAX_NAMED_INSTANCES]


def summarize_interfaces(
    interfaces: Sequence[NetworkInterface], names: Mapping[str, str], at: datetime, *, is_partial: bool
) -> NetworkInterfaceSummary:
    """Summarize the interfaces. `names` are Name tags by instance id; an instance without one is shown by id."""
    return NetworkInterfaceSummary(
        at=at,
        interfaces=len(interfaces),
        public=sum(each.is_public for each in interfaces),
        is_partial=is_partial,
        resources=tuple(_resources(_public_first(interfaces), names)),
    )


def _public_first(interfaces: Sequence[NetworkInterface]) -> list[NetworkInterface]:
    return sorted(interfaces, key=lambda each: not each.is_public)


def _resources(ordered: Sequence[NetworkInterface], names: Mapping[str, str]) -> Iterator[AttachedResource]:
    """Yield each resource once, whatever its number of interfaces; resources of one kind and name are counted."""
    distinct: dict[tuple[str, str], NetworkInterface] = {}
    for each in ordered:
        distinct.setdefault((each.kind, each.identity), each)
    counts = Counter((each.is_public, each.kind, names.get(each.identity, each.name)) for each in distinct.values())
    for (is_public, kind, name), count in counts.items():
        yield AttachedResource(kind, name, is_public, count)


def _kind(fields: Mapping[str, Any]) -> tuple[str, str]:
    """Return kind and name of the resource that an interface belongs to."""
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
    """Return whether the interface has a public IPv4 association, or a public IPv6 address or prefix."""
    owners = (fields, *(fields.get("PrivateIpAddresses") or ()))
    if any((each.get("Association") or {}).get("PublicIp") for each in owners):
        return True
    return not fields.get("DenyAllIgwTraffic") and any(map(is_public_ipv6, ipv6_addresses(fields)))


def ipv6_addresses(fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield the IPv6 addresses and prefixes of an interface."""
    yield from (str(each.get("Ipv6Address")) for each in fields.get("Ipv6Addresses") or ())
    yield from (str(each.get("Ipv6Prefix")) for each in fields.get("Ipv6Prefixes") or ())


def is_public_ipv6(text: str) -> bool:
    network = parse_cidr(text)
    return network is not None and public_addresses(network) > 0
