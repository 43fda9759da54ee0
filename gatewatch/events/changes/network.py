"""Paths into and out of a VPC that no security group names: ACLs, routes, gateways, addresses.

Newer calls of EC2 wrap their parameters; names here are those of the API in lower case, under either rendering.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.events.changes import network_connections
from gatewatch.events.changes.network_acl import ACL, acl_entry, acl_entry_removed
from gatewatch.events.changes.network_connections import CONNECTION, ec2_calls, network_call, network_row
from gatewatch.events.changes.normalization import Fields, as_text, first_present, is_true
from gatewatch.events.changes.resource_call import (
    Named,
    UnknownShapeError,
    flag,
    names_of,
    resource_change,
    undo_by,
    without_parameters,
    word,
)
from gatewatch.model.aws_cli import cli_arguments
from gatewatch.model.change import Action, Change
from gatewatch.model.network import cidr_peer, exposure_of_cidr
from gatewatch.model.resource import Impact
from gatewatch.model.security_group import Group

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.events.changes.base import CallSpec, ParsedCall


_INTERNET_GATEWAYS = ("igw-", "eigw-")
_TARGETS = (
    "gatewayid",
    "egressonlyinternetgatewayid",
    "natgatewayid",
    "transitgatewayid",
    "vpcpeeringconnectionid",
    "networkinterfaceid",
    "instanceid",
    "vpcendpointid",
    "carriergatewayid",
    "localgatewayid",
    "corenetworkarn",
    "odbnetworkarn",
)

_BLOCK_MODES = {
    "off": Impact.BLOCK_REMOVED,
    "block-ingress": Impact.BLOCK_RESTORED,
    "block-bidirectional": Impact.BLOCK_RESTORED,
}
_TABLE = Named("route_table", ("routetableid",))
_TABLE_OF_ASSOCIATION = Named("route_table", ("routetableid", "associationid"))
_GATEWAY = Named(
    "internet_gateway", ("internetgatewayid", "egressonlyinternetgatewayid", "carriergatewayid"), is_optional=True
)
_VPC = Named("vpc", ("vpcid",), is_optional=True)
_SUBNET = Named("subnet", ("subnetid",))
_NEW_SUBNET = Named("subnet", ("subnetid",), is_optional=True)
_BLOCK = Named("account")
_EXCLUSION = Named("vpc_block_exclusion", ("exclusionid", "vpcid", "subnetid"))
_ADDRESS = Named("elastic_ip", ("allocationid", "publicip", "address", "networkinterfaceid", "instanceid"))


def _route(call: ParsedCall) -> Iterable[Change]:
    """A route; one to an internet gateway for everything is a way in for whatever has a public address."""
    if call.request is None:
        return [without_parameters(call, _TABLE)]
    (name,) = names_of(call, _TABLE)
    destination = as_text(first_present(call.request_parameters, "destinationcidrblock", "destinationipv6cidrblock"))
    listed_there = as_text(call.request_parameters.get("destinationprefixlistid"))
    peer = cidr_peer(destination) if destination else None
    target = as_text(first_present(call.request_parameters, *_TARGETS)) or (
        "local" if is_true(call.request_parameters.get("localtarget")) else None
    )
    if target is None or (peer is None and listed_there is None):
        raise UnknownShapeError("route")
    is_way_out = target.startswith(_INTERNET_GATEWAYS) and peer is not None and exposure_of_cidr(peer.cidr).is_world
    effect = Impact.INTERNET_ROUTE if is_way_out else Impact.ROUTE_CHANGED
    return [resource_change(call, effect, _TABLE.kind, name, peer=peer, detail=target, undo=_delete_route)]


def _delete_route(call: ParsedCall, name: str) -> tuple[str, ...]:
    given = {
        "destination_cidr_block": as_text(call.request_parameters.get("destinationcidrblock")),
        "destination_ipv6_cidr_block": as_text(call.request_parameters.get("destinationipv6cidrblock")),
        "destination_prefix_list_id": as_text(call.request_parameters.get("destinationprefixlistid")),
    }
    destination = {option: value for option, value in given.items() if value}
    if call.call.event_name != "CreateRoute" or len(destination) != 1:
        return ()
    return cli_arguments("ec2", "delete-route", route_table_id=name, **destination)


def _gateway_attached(call: ParsedCall) -> Iterable[Change]:
    if call.request is None:
        return [without_parameters(call, _GATEWAY)]
    (name,) = names_of(call, Named("internet_gateway", ("internetgatewayid",)))
    vpc = as_text(call.request_parameters.get("vpcid"))
    group, undo = Group(vpc_id=vpc), _detach_gateway
    return [resource_change(call, Impact.INTERNET_GATEWAY, _GATEWAY.kind, name, detail=vpc, group=group, undo=undo)]


def _detach_gateway(call: ParsedCall, name: str) -> tuple[str, ...]:
    vpc = as_text(call.request_parameters.get("vpcid"))
    return cli_arguments("ec2", "detach-internet-gateway", internet_gateway_id=name, vpc_id=vpc)


def _block_mode(request_parameters: Fields) -> Impact:
    mode = word(request_parameters, "internetgatewayblockmode")
    if mode not in _BLOCK_MODES:
        raise UnknownShapeError("internetgatewayblockmode")
    return _BLOCK_MODES[mode]


def _subnet(request_parameters: Fields) -> Impact:
    """IPv6 addresses are public: what a subnet hands out of them counts as well."""
    given = [flag(request_parameters, "mappubliciponlaunch"), flag(request_parameters, "assignipv6addressoncreation")]
    return Impact.PUBLIC_ADDRESSES if any(given) else Impact.TOPOLOGY


_delete_exclusion = undo_by(
    "ec2", "delete-vpc-block-public-access-exclusion", exclusion_id="vpcblockpublicaccessexclusion.exclusionid"
)


def _no_addresses(call: ParsedCall, name: str) -> tuple[str, ...]:
    is_ipv6 = flag(call.request_parameters, "assignipv6addressoncreation")
    option = "no_assign_ipv6_address_on_creation" if is_ipv6 else "no_map_public_ip_on_launch"
    is_opened = _subnet(call.request_parameters) is Impact.PUBLIC_ADDRESSES
    return cli_arguments("ec2", "modify-subnet-attribute", subnet_id=name, **{option: True}) if is_opened else ()


_C, _D, _M, _A = Action.CREATE, Action.DELETE, Action.MODIFY, Action.ATTACH
_INFO, _LOW = Impact.TOPOLOGY, Impact.NETWORK_OPENING
_PORT = Named("network_interface", ("networkinterfaceid",))

CALL_SPECS: dict[tuple[str, str], CallSpec] = {
    ("ec2", "CreateNetworkAclEntry"): network_call(_C, acl_entry, is_severe=True),
    ("ec2", "ReplaceNetworkAclEntry"): network_call(_M, acl_entry, is_severe=True),
    ("ec2", "DeleteNetworkAclEntry"): network_call(_D, acl_entry_removed),
    ("ec2", "CreateNetworkAcl"): network_row(Impact.ACL_CHANGED, Named(ACL.kind, ACL.keys, is_optional=True), _C),
    ("ec2", "DeleteNetworkAcl"): network_row(Impact.ACL_CHANGED, ACL, _D),
    ("ec2", "ReplaceNetworkAclAssociation"): network_row(Impact.ACL_CHANGED, ACL, _M),
    ("ec2", "CreateRoute"): network_call(_C, _route),
    ("ec2", "ReplaceRoute"): network_call(_M, _route),
    ("ec2", "DeleteRoute"): network_row(Impact.ROUTE_REMOVED, _TABLE, _D),
    ("ec2", "AttachInternetGateway"): network_call(_A, _gateway_attached),
    ("ec2", "DetachInternetGateway"): network_row(_INFO, _GATEWAY, Action.DETACH),
    ("ec2", "CreateInternetGateway"): network_row(_INFO, _GATEWAY, _C),
    ("ec2", "DeleteInternetGateway"): network_row(_INFO, _GATEWAY, _D),
    ("ec2", "CreateEgressOnlyInternetGateway"): network_row(_INFO, _GATEWAY, _C),
    ("ec2", "CreateCarrierGateway"): network_row(_INFO, _GATEWAY, _C),
    ("ec2", "AssociateRouteTable"): network_row(Impact.ROUTE_TABLE, _TABLE, Action.ASSOCIATE),
    ("ec2", "ReplaceRouteTableAssociation"): network_row(Impact.ROUTE_TABLE, _TABLE, _M),
    ("ec2", "DisassociateRouteTable"): network_row(Impact.ROUTE_TABLE, _TABLE_OF_ASSOCIATION, Action.DISASSOCIATE),
    ("ec2", "EnableVgwRoutePropagation"): network_row(Impact.ROUTE_TABLE, _TABLE, _M),
    ("ec2", "ModifyVpcBlockPublicAccessOptions"): network_row(_block_mode, _BLOCK, _M, worst=Impact.BLOCK_REMOVED),
    ("ec2", "CreateVpcBlockPublicAccessExclusion"): network_row(
        Impact.BLOCK_REMOVED, _EXCLUSION, _C, undo=_delete_exclusion
    ),
    ("ec2", "ModifyVpcBlockPublicAccessExclusion"): network_row(Impact.BLOCK_REMOVED, _EXCLUSION, _M),
    ("ec2", "DeleteVpcBlockPublicAccessExclusion"): network_row(Impact.BLOCK_RESTORED, _EXCLUSION, _D),
    ("ec2", "ModifySubnetAttribute"): network_row(_subnet, _SUBNET, _M, undo=_no_addresses),
    ("ec2", "AssociateAddress"): network_row(Impact.PUBLIC_ADDRESS, _ADDRESS, Action.ASSOCIATE),
    ("ec2", "AcceptAddressTransfer"): network_row(Impact.PUBLIC_ADDRESS, _ADDRESS, _M),
    ("ec2", "AssignIpv6Addresses"): network_row(Impact.PUBLIC_ADDRESS, _PORT, Action.ASSOCIATE),
    ("ec2", "AssociateSubnetCidrBlock"): network_row(_INFO, _SUBNET, Action.ASSOCIATE),
    ("ec2", "AssociateVpcCidrBlock"): network_row(_INFO, _VPC, Action.ASSOCIATE),
    **network_connections.CALL_SPECS,
    ("ec2", "CreateVpc"): network_row(_INFO, _VPC, _C),
    ("ec2", "DeleteVpc"): network_row(_INFO, _VPC, _D),
    ("ec2", "ModifyVpcAttribute"): network_row(_INFO, _VPC, _M),
    **ec2_calls("AttachClassicLinkVpc EnableVpcClassicLink", lambda: network_row(_INFO, _VPC, _A)),
    **ec2_calls("DetachClassicLinkVpc DisableVpcClassicLink", lambda: network_row(_INFO, _VPC, Action.DETACH)),
    **ec2_calls("CreateSubnet CreateDefaultSubnet", lambda: network_row(_INFO, _NEW_SUBNET, _C)),
    ("ec2", "DeleteSubnet"): network_row(_INFO, _SUBNET, _D),
    ("ec2", "CreateRouteTable"): network_row(_INFO, Named("route_table", ("routetableid",), is_optional=True), _C),
    ("ec2", "DeleteRouteTable"): network_row(_INFO, _TABLE, _D),
    ("ec2", "CreateCustomerGateway"): network_row(_INFO, CONNECTION, _C),
    ("ec2", "DeleteCustomerGateway"): network_row(_INFO, CONNECTION, _D),
}
