"""The network of an interface as it was read. None, or an absent entry, means that it could not be read."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from gatewatch.model.security_group import Traffic


class VpcRoute(Struct, frozen=True):
    """`cidr` None: a prefix list, whose addresses are not read. `leads_out`: None when the target may forward."""

    cidr: str | None
    target: str
    leads_out: bool | None


class RouteTable(Struct, frozen=True):
    """`is_inspected`: a firewall or an appliance may stand between the internet gateway and the subnet."""

    id: str
    routes: tuple[VpcRoute, ...]
    is_inspected: bool = False


class AclEntry(Struct, frozen=True):
    """`cidr` or `traffic.protocol` None: it could not be read."""

    number: int
    allows: bool
    is_egress: bool
    cidr: str | None
    traffic: Traffic


class NetworkAcl(Struct, frozen=True):
    id: str
    entries: tuple[AclEntry, ...]


class Subnet(Struct, frozen=True, kw_only=True):
    id: str
    is_blocked: bool | None = False
    route_table: RouteTable | None = None
    acl: NetworkAcl | None = None


class Interface(Struct, frozen=True, kw_only=True):
    """`addresses`: the public IPv4 addresses, and the IPv6 addresses that may be reached from outside the VPC.

    `subnet_id` is empty when the interface is in several subnets. `instance_owner_id`: the account of its instance.
    """

    id: str
    subnet_id: str = ""
    vpc_id: str = ""
    addresses: tuple[str, ...] = ()
    is_attached: bool = True
    instance_id: str = ""
    owner_id: str = ""
    instance_owner_id: str = ""


class Network(Struct, frozen=True, kw_only=True):
    """`is_running` by instance id. `is_partial`: there are interfaces that were not read.

    `is_shared`: interfaces of other accounts may have the group; None when it is not known.
    """

    interfaces: tuple[Interface, ...]
    subnets: Mapping[str, Subnet] = {}
    is_running: Mapping[str, bool] = {}
    is_partial: bool = False
    is_shared: bool | None = False
