"""Reads the network of interfaces from EC2. Each function raises botocore's errors.

What decides is in fields that only AWS writes: targets of routes, entries of network ACLs, states.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.alerts.lookup.network_interfaces import ipv6_addresses, is_public_ipv6
from gatewatch.alerts.reachability.network import (
    AclEntry,
    Interface,
    Network,
    NetworkAcl,
    RouteTable,
    Subnet,
    VpcRoute,
)
from gatewatch.model.network import ICMP_PROTOCOLS, PORT_PROTOCOLS, parse_cidr, protocol_name
from gatewatch.model.security_group import IcmpType, PortRange, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from types_boto3_ec2 import EC2Client

    Fields = Mapping[str, Any]

_MAX_FILTER_VALUES = 200
_MAX_INSTANCES = 100  # of DescribeInstanceStatus
_RUNNING = frozenset({"running", "pending", "shutting-down", "stopping"})
# Targets from which no packet gets to the internet with the interface's own public address.
_CLOSED_TARGETS = ("nat-", "eigw-", "pcx-", "local")
_NOT_IN_FORCE = frozenset({"create-failed", "delete-complete", "disable-complete"})
_GATEWAY_ENDPOINT = "vpce-"


def read_interface_address(fields: Fields) -> Interface:
    """Read one interface of DescribeNetworkInterfaces."""
    attachment = fields.get("Attachment") or {}
    owner = str(fields.get("OwnerId") or "")
    return Interface(
        id=str(fields.get("NetworkInterfaceId") or ""),
        subnet_id=_only_subnet(fields),
        vpc_id=str(fields.get("VpcId") or ""),
        addresses=tuple(dict.fromkeys(_public_addresses(fields))),
        is_attached=fields.get("Status") != "available",
        instance_id=str(attachment.get("InstanceId") or ""),
        owner_id=owner,
        instance_owner_id=str(attachment.get("InstanceOwnerId") or owner),
    )


def _only_subnet(fields: Fields) -> str:
    """Return the subnet of an interface; empty when it is associated with several."""
    subnet_id = str(fields.get("SubnetId") or "")
    return "" if {*(fields.get("AssociatedSubnets") or ())} - {subnet_id} else subnet_id


def _public_addresses(fields: Fields) -> Iterator[str]:
    for each in (fields, *(fields.get("PrivateIpAddresses") or ())):
        if address := (each.get("Association") or {}).get("PublicIp"):
            yield str(address)
    if not fields.get("DenyAllIgwTraffic"):
        yield from (each.partition("/")[0] for each in ipv6_addresses(fields) if is_public_ipv6(each))


def read_network(ec2: EC2Client, interfaces: Sequence[Interface], *, is_partial: bool = False) -> Network:
    """Read what stands between the internet and the interfaces that have a public address.

    What is refused or unknown to this botocore is left out, so that the answer is unknown instead of wrong.
    """
    public = [each for each in interfaces if each.addresses]
    subnet_ids = sorted({each.subnet_id for each in public if each.subnet_id})
    vpc_ids = sorted({each.vpc_id for each in public if each.vpc_id})
    tables = _tables(_found(ec2.get_paginator("describe_route_tables"), "RouteTables", "vpc-id", vpc_ids))
    of_subnets = "association.subnet-id"
    acls = _found(ec2.get_paginator("describe_network_acls"), "NetworkAcls", of_subnets, subnet_ids)
    found = _found(ec2.get_paginator("describe_subnets"), "Subnets", "subnet-id", subnet_ids)
    running = _statuses(ec2, public)
    excluded = _excluded(ec2) if any(map(_blocks, found)) else frozenset()
    by_subnet = _acls_by_subnet(acls)
    shared = _shared_subnets(found, public)
    subnets = {each["SubnetId"]: _subnet(each, tables, by_subnet, excluded, shared) for each in found}
    return Network(
        interfaces=tuple(interfaces), subnets=subnets, is_running=dict(_states(running)), is_partial=is_partial
    )


def _found(paginator: Any, key: str, filter_name: str, values: Sequence[str]) -> list[Any]:
    """Return what has one of the values; nothing of it when a request is refused."""
    found: list[Any] = []
    try:
        for start in range(0, len(values), _MAX_FILTER_VALUES):
            filters = [{"Name": filter_name, "Values": list(values[start : start + _MAX_FILTER_VALUES])}]
            for page in paginator.paginate(Filters=filters):
                found += page[key]
    except (ClientError, BotoCoreError):
        return []
    return found


def _statuses(ec2: EC2Client, interfaces: Iterable[Interface]) -> list[Any]:
    """Return the states of instances, also of stopped ones; none of a request that names one which is gone."""
    by_owner: dict[str, set[str]] = {}
    for each in interfaces:
        if each.instance_id:
            by_owner.setdefault(each.instance_owner_id, set()).add(each.instance_id)
    return [status for ids in by_owner.values() for status in _statuses_of(ec2, sorted(ids))]


def _statuses_of(ec2: EC2Client, instance_ids: Sequence[str]) -> list[Any]:
    """One owner's instances: EC2 refuses a request with an instance of another account, as in a shared subnet."""
    found: list[Any] = []
    options: Any = {"IncludeAllInstances": True, **managed_resources(ec2, "DescribeInstanceStatus")}
    for start in range(0, len(instance_ids), _MAX_INSTANCES):
        ids = list(instance_ids[start : start + _MAX_INSTANCES])
        with suppress(ClientError, BotoCoreError):
            found += ec2.describe_instance_status(InstanceIds=ids, **options)["InstanceStatuses"]
    return found


def managed_resources(ec2: EC2Client, operation: str) -> dict[str, bool]:
    """Return the parameter that includes what AWS services manage, if the botocore of the runtime knows it.

    Without it an account can hide such instances and interfaces from lists (ModifyManagedResourceVisibility).
    """
    request = ec2.meta.service_model.operation_model(operation).input_shape
    name = "IncludeManagedResources"
    return {name: True} if request is not None and name in request.members else {}


def _states(statuses: Iterable[Fields]) -> Iterator[tuple[str, bool]]:
    for each in statuses:
        yield each["InstanceId"], (each.get("InstanceState") or {}).get("Name") in _RUNNING


def _subnet(
    fields: Fields,
    tables: Mapping[str, RouteTable],
    acls: Mapping[str, NetworkAcl],
    excluded: frozenset[str] | None,
    shared: frozenset[str],
) -> Subnet:
    """In a shared subnet, a table or an exclusion that is not found may belong to the owner and be hidden."""
    subnet_id, vpc_id = fields["SubnetId"], fields.get("VpcId") or ""
    is_shared = subnet_id in shared
    is_blocked = _is_blocked(fields, excluded)
    return Subnet(
        id=subnet_id,
        is_blocked=None if is_blocked and is_shared else is_blocked,
        route_table=tables.get(subnet_id) or (None if is_shared else tables.get(vpc_id)),
        acl=acls.get(subnet_id),
    )


def _shared_subnets(subnets: Iterable[Fields], interfaces: Iterable[Interface]) -> frozenset[str]:
    """Return the subnets that have an interface of another account than their own."""
    owners = {each["SubnetId"]: each.get("OwnerId") for each in subnets}
    return frozenset(each.subnet_id for each in interfaces if each.owner_id not in {"", owners.get(each.subnet_id)})


def _blocks(subnet: Fields) -> bool:
    """VPC Block Public Access of a subnet; absent in a response means that it does not exist there."""
    states = subnet.get("BlockPublicAccessStates") or {}
    return str(states.get("InternetGatewayBlockMode") or "off") != "off"


def _is_blocked(subnet: Fields, excluded: frozenset[str] | None) -> bool | None:
    """None when it is blocked and the exclusions could not be read."""
    if not _blocks(subnet):
        return False
    return None if excluded is None else not {subnet["SubnetId"], subnet.get("VpcId")} & excluded


def _excluded(ec2: EC2Client) -> frozenset[str] | None:
    """Return the ids of subnets and VPCs that accept inbound traffic all the same; None when they cannot be read."""
    try:
        response = ec2.describe_vpc_block_public_access_exclusions()
    except (ClientError, BotoCoreError, AttributeError):
        return None
    if response.get("NextToken"):
        return None
    found = response["VpcBlockPublicAccessExclusions"]
    inbound = (each for each in found if each.get("InternetGatewayExclusionMode") != "allow-egress")
    in_force = (each for each in inbound if each.get("State") not in _NOT_IN_FORCE)
    return frozenset(str(each.get("ResourceArn")).rpartition("/")[2] for each in in_force)


def _tables(found: Iterable[Fields]) -> dict[str, RouteTable]:
    """Return route tables by subnet id, and the main one by VPC id."""
    every = list(found)
    inspected = {each.get("VpcId") for each in every if _is_of_gateway(each)}
    tables: dict[str, RouteTable] = {}
    for fields in every:
        table = _table(fields, is_inspected=fields.get("VpcId") in inspected)
        for association in fields.get("Associations") or ():
            key = fields.get("VpcId") if association.get("Main") else association.get("SubnetId")
            if key:
                tables[key] = table
    return tables


def _is_of_gateway(table: Fields) -> bool:
    """Return whether a table of an internet gateway sends inbound traffic to a firewall or an appliance."""
    of_gateway = any(each.get("GatewayId") for each in table.get("Associations") or ())
    return of_gateway and any(_target(each) != "local" for each in table.get("Routes") or ())


def _table(fields: Fields, *, is_inspected: bool) -> RouteTable:
    routes = [each for each in fields.get("Routes") or () if not _is_to_aws_service(each)]
    behind_firewall = any(each.get("IgwFirewall") for each in routes)
    return RouteTable(str(fields.get("RouteTableId")), tuple(map(_route, routes)), is_inspected or behind_firewall)


def _is_to_aws_service(route: Fields) -> bool:
    """A gateway endpoint is for the addresses of Amazon S3 or DynamoDB only."""
    return bool(route.get("DestinationPrefixListId")) and _target(route).startswith(_GATEWAY_ENDPOINT)


def _route(fields: Fields) -> VpcRoute:
    cidr = parse_cidr(str(fields.get("DestinationCidrBlock") or fields.get("DestinationIpv6CidrBlock") or ""))
    return VpcRoute(str(cidr) if cidr else None, _target(fields), _leads_out(fields))


def _leads_out(route: Fields) -> bool | None:
    target = _target(route)
    if route.get("State") == "blackhole" or target.startswith(_CLOSED_TARGETS):
        return False
    return True if target.startswith("igw-") else None


def _target(route: Fields) -> str:
    names = (
        "GatewayId",
        "NatGatewayId",
        "EgressOnlyInternetGatewayId",
        "VpcPeeringConnectionId",
        "NetworkInterfaceId",
        "InstanceId",
        "TransitGatewayId",
    )
    return next((str(route[name]) for name in names if route.get(name)), "")


def _acls_by_subnet(found: Iterable[Fields]) -> dict[str, NetworkAcl]:
    acls: dict[str, NetworkAcl] = {}
    for fields in found:
        acl = NetworkAcl(str(fields.get("NetworkAclId")), tuple(map(_entry, fields.get("Entries") or ())))
        acls |= {each["SubnetId"]: acl for each in fields.get("Associations") or () if each.get("SubnetId")}
    return acls


def _entry(fields: Fields) -> AclEntry:
    cidr = parse_cidr(str(fields.get("CidrBlock") or fields.get("Ipv6CidrBlock") or ""))
    return AclEntry(
        number=int(fields.get("RuleNumber") or 0),
        allows=fields.get("RuleAction") == "allow",
        is_egress=bool(fields.get("Egress")),
        cidr=str(cidr) if cidr else None,
        traffic=_traffic(fields) if cidr else Traffic(),
    )


def _traffic(fields: Fields) -> Traffic:
    protocol = protocol_name(str(fields.get("Protocol") or ""))
    ports, icmp = fields.get("PortRange") or {}, fields.get("IcmpTypeCode") or {}
    if protocol in PORT_PROTOCOLS and "From" in ports and "To" in ports:
        return Traffic(protocol, ports=PortRange(ports["From"], ports["To"]))
    if protocol in ICMP_PROTOCOLS and "Type" in icmp:
        return Traffic(protocol, icmp=IcmpType(icmp["Type"], icmp.get("Code", -1)))
    return Traffic(protocol)
