"""Paths into and out of a VPC that no security group names: ACLs, routes, gateways, addresses, other networks.

Newer calls of EC2 wrap their parameters; names here are those of the API in lower case, under either rendering.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.network_acl import ACL, acl_entry, acl_entry_removed
from gatewatch.events.changes.normalization import Fields, as_account_id, as_text, first_present, is_true
from gatewatch.events.changes.resource_call import (
    Named,
    UnknownShapeError,
    flag,
    names_of,
    resource_change,
    row,
    undo_by,
    values_at,
    without_parameters,
    word,
)
from gatewatch.model.aws_cli import Value, cli_arguments
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.network import cidr_peer, exposure_of_cidr
from gatewatch.model.resource import Impact
from gatewatch.model.security_group import AccountPeer, EveryonePeer, Group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gatewatch.events.changes.resource_call import EffectOf

_ACCOUNT = re.compile(r"^\d{12}$", re.ASCII)
_IN_PRINCIPAL = re.compile(r"^arn:[^:]+:iam::(\d{12}):", re.ASCII)
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
_PEERING = Named("vpc_peering", ("vpcpeeringconnectionid",), is_optional=True)
_TRANSIT = Named("transit_gateway", ("transitgatewayattachmentid", "transitgatewayid", "transitgatewayroutetableid"))
_VPN = Named("client_vpn", ("clientvpnendpointid",))
_SERVICE = Named("endpoint_service", ("serviceid", "serviceids"))
_MIRROR_PART = Named("traffic_mirror", ("trafficmirrortargetid", "trafficmirrorfilterid"), is_optional=True)
_MIRROR = Named("traffic_mirror", ("trafficmirrorsessionid", "networkinterfaceid"))


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
    if not mode:
        raise UnknownShapeError("internetgatewayblockmode")
    return Impact.BLOCK_REMOVED if mode == "off" else Impact.BLOCK_RESTORED


def _subnet(request_parameters: Fields) -> Impact:
    """IPv6 addresses are public: what a subnet hands out of them counts as well."""
    given = [flag(request_parameters, "mappubliciponlaunch"), flag(request_parameters, "assignipv6addressoncreation")]
    return Impact.PUBLIC_ADDRESSES if any(given) else Impact.TOPOLOGY


def _connected(named: Named) -> Callable[[ParsedCall], Iterable[Change]]:
    """A path to another network; whose it is may stand in the answer only."""

    def read(call: ParsedCall) -> Iterable[Change]:
        if call.request is None:
            return [without_parameters(call, named)]
        (name,) = names_of(call, named)
        owners = [*_owners(call.request), *_owners(call.response)]
        others = [each for each in dict.fromkeys(owners) if each != call.call.account_id]
        is_inside = bool(owners) or (call.call.event_name == "CreateVpcPeeringConnection")
        peers = others or ([call.call.account_id] if is_inside else [])
        found: list[AccountPeer | None] = [AccountPeer(each) for each in peers] or [None]
        undo = _delete_peering if named is _PEERING else None
        return [resource_change(call, Impact.CONNECTED, named.kind, name, peer=each, undo=undo) for each in found]

    return read


def _delete_peering(_call: ParsedCall, name: str) -> tuple[str, ...]:
    return cli_arguments("ec2", "delete-vpc-peering-connection", vpc_peering_connection_id=name)


_delete_exclusion = undo_by(
    "ec2", "delete-vpc-block-public-access-exclusion", exclusion_id="vpcblockpublicaccessexclusion.exclusionid"
)
_delete_mirror = undo_by(
    "ec2", "delete-traffic-mirror-session", traffic_mirror_session_id="trafficmirrorsession.trafficmirrorsessionid"
)


def _no_addresses(call: ParsedCall, name: str) -> tuple[str, ...]:
    is_ipv6 = flag(call.request_parameters, "assignipv6addressoncreation")
    option = "no_assign_ipv6_address_on_creation" if is_ipv6 else "no_map_public_ip_on_launch"
    is_opened = _subnet(call.request_parameters) is Impact.PUBLIC_ADDRESSES
    return cli_arguments("ec2", "modify-subnet-attribute", subnet_id=name, **{option: True}) if is_opened else ()


def _owners(value: Any, depth: int = 0) -> Iterator[str]:
    """Every account that a request or an answer names as the owner of one end."""
    if depth > 6:  # noqa: PLR2004  deeper than any answer of EC2
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            owner = as_account_id(inner) if key.lower().endswith(("ownerid", "accountid")) else None
            if owner and _ACCOUNT.match(owner):
                yield owner
            yield from _owners(inner, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _owners(each, depth + 1)


def _vpn(call: ParsedCall) -> Iterable[Change]:
    """Whoever has a certificate of a Client VPN endpoint may reach the network, or a group of the directory may."""
    if call.request is None:
        return [without_parameters(call, _VPN)]
    (name,) = names_of(call, _VPN)
    cidr = as_text(call.request_parameters.get("targetnetworkcidr"))
    peer = cidr_peer(cidr) if cidr else None
    if peer is None:
        raise UnknownShapeError("targetnetworkcidr")
    everyone = (
        "all"
        if flag(call.request_parameters, "authorizeallgroups")
        else as_text(call.request_parameters.get("accessgroupid"))
    )
    undo = _revoke_vpn
    return [resource_change(call, Impact.VPN_ACCESS, _VPN.kind, name, peer=peer, detail=everyone, undo=undo)]


def _revoke_vpn(call: ParsedCall, name: str) -> tuple[str, ...]:
    group = as_text(call.request_parameters.get("accessgroupid"))
    who: dict[str, Value] = {"access_group_id": group} if group else {"revoke_all_groups": True}
    network = as_text(call.request_parameters.get("targetnetworkcidr"))
    given = {"client_vpn_endpoint_id": name, "target_network_cidr": network}
    return cli_arguments("ec2", "revoke-client-vpn-ingress", **given, **who)


def _endpoint_service(call: ParsedCall) -> Iterable[Change]:
    if call.request is None:
        return [without_parameters(call, _SERVICE)]
    (name,) = names_of(call, _SERVICE)[:1]
    added = [as_text(each) for each in values_at(call.request_parameters, "addallowedprincipals")]
    if None in added:
        raise UnknownShapeError("addallowedprincipals")
    if not added:
        return [resource_change(call, Impact.ACCESS_CLOSED, _SERVICE.kind, name)]
    return [_admitted(call, name, each or "") for each in added]


def _admitted(call: ParsedCall, name: str | None, principal: str) -> Change:
    match = _IN_PRINCIPAL.match(principal)
    if principal == "*":
        peer: EveryonePeer | AccountPeer = EveryonePeer()
    elif match:
        peer = AccountPeer(match[1])
    else:
        raise UnknownShapeError("addallowedprincipals")
    given = {"service_id": name, "remove_allowed_principals": principal}
    undo = cli_arguments("ec2", "modify-vpc-endpoint-service-permissions", **given)
    effect, kind = Impact.ENDPOINT_SERVICE, _SERVICE.kind
    return resource_change(call, effect, kind, name, peer=peer, detail=principal, undo=lambda *_: undo)


def _own(effect: Impact | EffectOf, named: Named, action: Action, **more: Any) -> CallSpec:
    return row(Family.NETWORK, action, effect, named, **more)


def _reads(action: Action, read: Callable[[ParsedCall], Iterable[Change]], *, is_severe: bool = False) -> CallSpec:
    return CallSpec(Family.NETWORK, action, read, is_severe=is_severe)


def _each(names: str, kind: Callable[[], CallSpec]) -> dict[tuple[str, str], CallSpec]:
    return {("ec2", name): kind() for name in names.split()}


_C, _D, _M, _A = Action.CREATE, Action.DELETE, Action.MODIFY, Action.ATTACH
_INFO, _LOW = Impact.TOPOLOGY, Impact.NETWORK_OPENING
_PORT = Named("network_interface", ("networkinterfaceid",))
_CONNECTION = Named("vpn_connection", ("vpnconnectionid", "vpngatewayid", "customergatewayid"), is_optional=True)
_CONFIGURATION = Named("endpoint_service", ("serviceid", "serviceids", "vpcendpointservicename"), is_optional=True)
_VERIFIED = Named("verified_access", ("verifiedaccessendpointid", "verifiedaccessgroupid"))

CALL_SPECS: dict[tuple[str, str], CallSpec] = {
    ("ec2", "CreateNetworkAclEntry"): _reads(_C, acl_entry, is_severe=True),
    ("ec2", "ReplaceNetworkAclEntry"): _reads(_M, acl_entry, is_severe=True),
    ("ec2", "DeleteNetworkAclEntry"): _reads(_D, acl_entry_removed),
    ("ec2", "CreateNetworkAcl"): _own(Impact.ACL_CHANGED, Named(ACL.kind, ACL.keys, is_optional=True), _C),
    ("ec2", "DeleteNetworkAcl"): _own(Impact.ACL_CHANGED, ACL, _D),
    ("ec2", "ReplaceNetworkAclAssociation"): _own(Impact.ACL_CHANGED, ACL, _M),
    ("ec2", "CreateRoute"): _reads(_C, _route),
    ("ec2", "ReplaceRoute"): _reads(_M, _route),
    ("ec2", "DeleteRoute"): _own(Impact.ROUTE_REMOVED, _TABLE, _D),
    ("ec2", "AttachInternetGateway"): _reads(_A, _gateway_attached),
    ("ec2", "DetachInternetGateway"): _own(_INFO, _GATEWAY, Action.DETACH),
    ("ec2", "CreateInternetGateway"): _own(_INFO, _GATEWAY, _C),
    ("ec2", "DeleteInternetGateway"): _own(_INFO, _GATEWAY, _D),
    ("ec2", "CreateEgressOnlyInternetGateway"): _own(_INFO, _GATEWAY, _C),
    ("ec2", "CreateCarrierGateway"): _own(_INFO, _GATEWAY, _C),
    ("ec2", "AssociateRouteTable"): _own(Impact.ROUTE_TABLE, _TABLE, Action.ASSOCIATE),
    ("ec2", "ReplaceRouteTableAssociation"): _own(Impact.ROUTE_TABLE, _TABLE, _M),
    ("ec2", "DisassociateRouteTable"): _own(Impact.ROUTE_TABLE, _TABLE_OF_ASSOCIATION, Action.DISASSOCIATE),
    ("ec2", "EnableVgwRoutePropagation"): _own(Impact.ROUTE_TABLE, _TABLE, _M),
    ("ec2", "ModifyVpcBlockPublicAccessOptions"): _own(_block_mode, _BLOCK, _M, worst=Impact.BLOCK_REMOVED),
    ("ec2", "CreateVpcBlockPublicAccessExclusion"): _own(Impact.BLOCK_REMOVED, _EXCLUSION, _C, undo=_delete_exclusion),
    ("ec2", "ModifyVpcBlockPublicAccessExclusion"): _own(Impact.BLOCK_REMOVED, _EXCLUSION, _M),
    ("ec2", "DeleteVpcBlockPublicAccessExclusion"): _own(Impact.BLOCK_RESTORED, _EXCLUSION, _D),
    ("ec2", "ModifySubnetAttribute"): _own(_subnet, _SUBNET, _M, undo=_no_addresses),
    ("ec2", "AssociateAddress"): _own(Impact.PUBLIC_ADDRESS, _ADDRESS, Action.ASSOCIATE),
    ("ec2", "AcceptAddressTransfer"): _own(Impact.PUBLIC_ADDRESS, _ADDRESS, _M),
    ("ec2", "AssignIpv6Addresses"): _own(Impact.PUBLIC_ADDRESS, _PORT, Action.ASSOCIATE),
    ("ec2", "AssociateSubnetCidrBlock"): _own(_INFO, _SUBNET, Action.ASSOCIATE),
    ("ec2", "AssociateVpcCidrBlock"): _own(_INFO, _VPC, Action.ASSOCIATE),
    ("ec2", "CreateVpcPeeringConnection"): _reads(_C, _connected(_PEERING), is_severe=True),
    ("ec2", "AcceptVpcPeeringConnection"): _reads(_A, _connected(_PEERING), is_severe=True),
    ("ec2", "CreateTransitGatewayPeeringAttachment"): _reads(_C, _connected(_TRANSIT), is_severe=True),
    **_each(
        "AcceptTransitGatewayVpcAttachment AcceptTransitGatewayPeeringAttachment"
        " AcceptTransitGatewayClientVpnAttachment",
        lambda: _reads(_A, _connected(_TRANSIT), is_severe=True),
    ),
    **_each(
        "CreateTransitGatewayRoute ReplaceTransitGatewayRoute EnableTransitGatewayRouteTablePropagation",
        lambda: _own(Impact.ROUTE_CHANGED, _TRANSIT, _M),
    ),
    ("ec2", "ModifyVpcPeeringConnectionOptions"): _own(_LOW, _PEERING, _M),
    ("ec2", "DeleteVpcPeeringConnection"): _own(_INFO, _PEERING, _D),
    ("ec2", "RejectVpcPeeringConnection"): _own(_INFO, _PEERING, _M),
    ("ec2", "CreateVpnConnection"): _own(_LOW, _CONNECTION, _C),
    ("ec2", "CreateVpnConnectionRoute"): _own(Impact.ROUTE_CHANGED, _CONNECTION, _C),
    ("ec2", "AuthorizeClientVpnIngress"): _reads(_C, _vpn, is_severe=True),
    ("ec2", "RevokeClientVpnIngress"): _own(Impact.ACCESS_CLOSED, _VPN, _D),
    ("ec2", "CreateClientVpnRoute"): _own(Impact.ROUTE_CHANGED, _VPN, _C),
    ("ec2", "AssociateClientVpnTargetNetwork"): _own(_LOW, _VPN, Action.ASSOCIATE),
    **_each(
        "ModifyClientVpnEndpointAuthorizationPolicy DeleteClientVpnEndpointAuthorizationPolicy",
        lambda: _own(_LOW, _VPN, _M),
    ),
    ("ec2", "ModifyVpcEndpointServicePermissions"): _reads(_M, _endpoint_service, is_severe=True),
    ("ec2", "CreateVpcEndpointServiceConfiguration"): _own(_LOW, _CONFIGURATION, _C),
    ("ec2", "ModifyVpcEndpointServiceConfiguration"): _own(_LOW, _CONFIGURATION, _M),
    ("ec2", "AcceptVpcEndpointConnections"): _own(_LOW, _CONFIGURATION, _A),
    **_each(
        "ModifyVerifiedAccessEndpoint ModifyVerifiedAccessEndpointPolicy ModifyVerifiedAccessGroupPolicy",
        lambda: _own(_LOW, _VERIFIED, _M),
    ),
    ("ec2", "CreateTrafficMirrorSession"): _own(Impact.TRAFFIC_COPIED, _MIRROR, _C, undo=_delete_mirror),
    ("ec2", "ModifyTrafficMirrorSession"): _own(Impact.TRAFFIC_COPIED, _MIRROR, _M),
    **_each(
        "CreateTrafficMirrorTarget CreateTrafficMirrorFilter CreateTrafficMirrorFilterRule",
        lambda: _own(_INFO, _MIRROR_PART, _C),
    ),
    ("ec2", "DeleteTrafficMirrorTarget"): _own(_INFO, _MIRROR_PART, _D),
    ("route53", "AssociateVPCWithHostedZone"): _own(_INFO, Named("hosted_zone", ("hostedzoneid",)), Action.ASSOCIATE),
    ("ec2", "CreateVpc"): _own(_INFO, _VPC, _C),
    ("ec2", "DeleteVpc"): _own(_INFO, _VPC, _D),
    ("ec2", "ModifyVpcAttribute"): _own(_INFO, _VPC, _M),
    **_each("AttachClassicLinkVpc EnableVpcClassicLink", lambda: _own(_INFO, _VPC, _A)),
    **_each("DetachClassicLinkVpc DisableVpcClassicLink", lambda: _own(_INFO, _VPC, Action.DETACH)),
    **_each("CreateSubnet CreateDefaultSubnet", lambda: _own(_INFO, _NEW_SUBNET, _C)),
    ("ec2", "DeleteSubnet"): _own(_INFO, _SUBNET, _D),
    ("ec2", "CreateRouteTable"): _own(_INFO, Named("route_table", ("routetableid",), is_optional=True), _C),
    ("ec2", "DeleteRouteTable"): _own(_INFO, _TABLE, _D),
    ("ec2", "CreateCustomerGateway"): _own(_INFO, _CONNECTION, _C),
    ("ec2", "DeleteCustomerGateway"): _own(_INFO, _CONNECTION, _D),
}
