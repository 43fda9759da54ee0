"""Paths between networks: peering, transit gateways, VPN, endpoint services, traffic mirroring, hosted zones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import as_account_id, as_text, first_present
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
)
from gatewatch.model.aws_cli import Value, cli_arguments
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.network import cidr_peer
from gatewatch.model.resource import Impact
from gatewatch.model.security_group import AccountPeer, EveryonePeer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gatewatch.events.changes.resource_call import EffectOf

_ACCOUNT = re.compile(r"^\d{12}$", re.ASCII)
_IN_PRINCIPAL = re.compile(r"^arn:[^:]+:iam::(\d{12}):", re.ASCII)
_PEERING = Named("vpc_peering", ("vpcpeeringconnectionid",), is_optional=True)
_TRANSIT = Named("transit_gateway", ("transitgatewayattachmentid", "transitgatewayid", "transitgatewayroutetableid"))
_VPN = Named("client_vpn", ("clientvpnendpointid",))
_SERVICE = Named("endpoint_service", ("serviceid", "serviceids"))
_MIRROR_PART = Named("traffic_mirror", ("trafficmirrortargetid", "trafficmirrorfilterid"), is_optional=True)
_MIRROR = Named("traffic_mirror", ("trafficmirrorsessionid", "networkinterfaceid"))
_CONFIGURATION = Named("endpoint_service", ("serviceid", "serviceids", "vpcendpointservicename"), is_optional=True)
_VERIFIED = Named("verified_access", ("verifiedaccessendpointid", "verifiedaccessgroupid"))
CONNECTION = Named("vpn_connection", ("vpnconnectionid", "vpngatewayid", "customergatewayid"), is_optional=True)


def network_row(effect: Impact | EffectOf, named: Named, action: Action, **more: Any) -> CallSpec:
    """A call of this family with one effect; `more` are the further parameters of `row`."""
    return row(Family.NETWORK, action, effect, named, **more)


def network_call(
    action: Action, read: Callable[[ParsedCall], Iterable[Change]], *, is_severe: bool = False
) -> CallSpec:
    """A call of this family with a reader of its own."""
    return CallSpec(Family.NETWORK, action, read, is_severe=is_severe)


def ec2_calls(names: str, kind: Callable[[], CallSpec]) -> dict[tuple[str, str], CallSpec]:
    """Calls of EC2 that are alike, by their names with blanks between."""
    return {("ec2", name): kind() for name in names.split()}


def _connected(named: Named) -> Callable[[ParsedCall], Iterable[Change]]:
    """A path to another network; whose it is may stand in the answer only."""

    def read(call: ParsedCall) -> Iterable[Change]:
        if call.request is None:
            return [without_parameters(call, named)]
        (name,) = names_of(call, named)
        _check_owner(call)
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


_delete_mirror = undo_by(
    "ec2", "delete-traffic-mirror-session", traffic_mirror_session_id="trafficmirrorsession.trafficmirrorsessionid"
)


def _check_owner(call: ParsedCall) -> None:
    """Raise `UnknownShapeError` when the request names an owner that is no account."""
    owner = first_present(call.request_parameters, "peerownerid", "peeraccountid")
    if owner is not None and not _ACCOUNT.match(as_account_id(owner) or ""):
        raise UnknownShapeError("peerownerid")


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


_C, _D, _M, _A = Action.CREATE, Action.DELETE, Action.MODIFY, Action.ATTACH
_INFO, _LOW = Impact.TOPOLOGY, Impact.NETWORK_OPENING

CALL_SPECS: dict[tuple[str, str], CallSpec] = {
    ("ec2", "CreateVpcPeeringConnection"): network_call(_C, _connected(_PEERING), is_severe=True),
    ("ec2", "AcceptVpcPeeringConnection"): network_call(_A, _connected(_PEERING), is_severe=True),
    ("ec2", "CreateTransitGatewayPeeringAttachment"): network_call(_C, _connected(_TRANSIT), is_severe=True),
    **ec2_calls(
        "AcceptTransitGatewayVpcAttachment AcceptTransitGatewayPeeringAttachment"
        " AcceptTransitGatewayClientVpnAttachment",
        lambda: network_call(_A, _connected(_TRANSIT), is_severe=True),
    ),
    **ec2_calls(
        "CreateTransitGatewayRoute ReplaceTransitGatewayRoute EnableTransitGatewayRouteTablePropagation",
        lambda: network_row(Impact.ROUTE_CHANGED, _TRANSIT, _M),
    ),
    ("ec2", "ModifyVpcPeeringConnectionOptions"): network_row(_LOW, _PEERING, _M),
    ("ec2", "DeleteVpcPeeringConnection"): network_row(_INFO, _PEERING, _D),
    ("ec2", "RejectVpcPeeringConnection"): network_row(_INFO, _PEERING, _M),
    ("ec2", "CreateVpnConnection"): network_row(_LOW, CONNECTION, _C),
    ("ec2", "CreateVpnConnectionRoute"): network_row(Impact.ROUTE_CHANGED, CONNECTION, _C),
    ("ec2", "AuthorizeClientVpnIngress"): network_call(_C, _vpn, is_severe=True),
    ("ec2", "RevokeClientVpnIngress"): network_row(Impact.ACCESS_CLOSED, _VPN, _D),
    ("ec2", "CreateClientVpnRoute"): network_row(Impact.ROUTE_CHANGED, _VPN, _C),
    ("ec2", "AssociateClientVpnTargetNetwork"): network_row(_LOW, _VPN, Action.ASSOCIATE),
    **ec2_calls(
        "ModifyClientVpnEndpointAuthorizationPolicy DeleteClientVpnEndpointAuthorizationPolicy",
        lambda: network_row(_LOW, _VPN, _M),
    ),
    ("ec2", "ModifyVpcEndpointServicePermissions"): network_call(_M, _endpoint_service, is_severe=True),
    ("ec2", "CreateVpcEndpointServiceConfiguration"): network_row(_LOW, _CONFIGURATION, _C),
    ("ec2", "ModifyVpcEndpointServiceConfiguration"): network_row(_LOW, _CONFIGURATION, _M),
    ("ec2", "AcceptVpcEndpointConnections"): network_row(_LOW, _CONFIGURATION, _A),
    **ec2_calls(
        "ModifyVerifiedAccessEndpoint ModifyVerifiedAccessEndpointPolicy ModifyVerifiedAccessGroupPolicy",
        lambda: network_row(_LOW, _VERIFIED, _M),
    ),
    ("ec2", "CreateTrafficMirrorSession"): network_row(Impact.TRAFFIC_COPIED, _MIRROR, _C, undo=_delete_mirror),
    ("ec2", "ModifyTrafficMirrorSession"): network_row(Impact.TRAFFIC_COPIED, _MIRROR, _M),
    **ec2_calls(
        "CreateTrafficMirrorTarget CreateTrafficMirrorFilter CreateTrafficMirrorFilterRule",
        lambda: network_row(_INFO, _MIRROR_PART, _C),
    ),
    ("ec2", "DeleteTrafficMirrorTarget"): network_row(_INFO, _MIRROR_PART, _D),
    ("route53", "AssociateVPCWithHostedZone"): network_row(
        _INFO, Named("hosted_zone", ("hostedzoneid",)), Action.ASSOCIATE
    ),
}
