"""Security groups set on something: an interface, an instance, a load balancer, a database, a function.

A set replaces the old one, which no event names. The same calls change other things as well: without a group they
give no row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import as_text
from gatewatch.events.changes.public_access_policies import of_lambda
from gatewatch.events.changes.resource_call import Named, names_of, values_at
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.resource import Impact, Resource, ResourceFacts
from gatewatch.model.security_group import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class _Groups(Struct, frozen=True):
    """Where a call names groups and what they are set on: parameters in lower case, a dot leads into an object."""

    added: tuple[str, ...]
    on: Named
    removed: str | None = None


def _attach(groups: _Groups) -> Callable[[ParsedCall], Iterable[Change]]:
    def read(call: ParsedCall) -> Iterable[Change]:
        if call.request is None:
            return [call.not_understood()]
        added, removed = list(_named(call, groups.added)), []
        if groups.removed:
            removed = list(_named(call, (groups.removed,)))
        if not added and not removed:
            return [call.not_understood()] if any(_is_unread(call, each) for each in groups.added) else []
        resource = Resource(groups.on.kind, next(iter(names_of(call, groups.on)), None))
        return [
            *(_change(call, each, resource, call.spec.action) for each in added),
            *(_change(call, each, resource, Action.DETACH) for each in removed),
        ]

    return read


def _named(call: ParsedCall, paths: Iterable[str]) -> Iterable[Group]:
    """The groups under every path, each once; empty for one that cannot be read."""
    found = [
        _group(each, by_name=path.endswith(_BY_NAME))
        for path in paths
        for each in values_at(call.request_parameters, path)
    ]
    return dict.fromkeys(found)


def _group(entry: Any, *, by_name: bool) -> Group:
    """A group by its id, or by its name in a default VPC."""
    if isinstance(entry, dict):
        return Group(id=as_text(entry.get("groupid")), name=as_text(entry.get("groupname")))
    return Group(name=as_text(entry)) if by_name else Group(id=as_text(entry))


def _is_unread(call: ParsedCall, path: str) -> bool:
    """A parameter of groups that is there and null."""
    return path in call.request_parameters and call.request_parameters[path] is None


def _change(call: ParsedCall, group: Group, resource: Resource, action: Action) -> Change:
    effect = _EFFECTS.get(action, Impact.GROUP_SET)
    if call.call.event_name in _NEW and action is Action.ATTACH:
        effect = Impact.GROUP_ON_NEW
    change = call.change(
        group=group,
        resource_id=resource.name,
        action=action,
        understood=group != Group(),
    )
    if call.call.event_name in _ATTRIBUTES:
        return change
    return structs.replace(change, facts=ResourceFacts(effect=effect, resource=resource))


# The headline of these two names neither the interface nor the instance.
_ATTRIBUTES = frozenset({"ModifyNetworkInterfaceAttribute", "ModifyInstanceAttribute"})
_EFFECTS = {Action.DETACH: Impact.GROUP_REMOVED}
_NEW = frozenset({"RunInstances", "CreateNetworkInterface"})


def _interface(call: ParsedCall) -> Iterable[Change]:
    """An interface keeps its groups when it is attached; which, the event does not say."""
    if call.request is None:
        return [call.not_understood()]
    (name,) = names_of(call, _INTERFACE)
    change = call.change(group=Group(), resource_id=name)
    facts = ResourceFacts(effect=Impact.GROUP_SET, resource=Resource(_INTERFACE.kind, name))
    return [structs.replace(change, facts=facts)]


def _on(kind: str, keys: str, *added: str, removed: str | None = None) -> CallSpec:
    read = _attach(_Groups(added, Named(kind, tuple(keys.split()), is_optional=True), removed))
    return CallSpec(Family.ATTACHMENT, Action.ATTACH, read)


_INTERFACE = Named("network_interface", ("networkinterfaceid",))
_CLASSIC = ("groupset", "groups", "securitygroupid", "securitygroupids", "securitygroupidset", "groupid")
_BY_NAME = "securitygroup"
_LAUNCH = (
    "groupset",
    _BY_NAME,
    "securitygroupid",
    "securitygroupids",
    "securitygroupidset",
    "networkinterfaceset.groupset",
    "networkinterfaceset.groups",
    "networkinterface.securitygroupid",
    "networkinterface.groupset",
)
_TEMPLATE = tuple(
    f"launchtemplatedata.{each}"
    for each in (
        _BY_NAME,
        "securitygroupid",
        "securitygroupids",
        "networkinterface.securitygroupid",
        "networkinterface.groups",
        "networkinterfaces.groups",
    )
)
_VPC = ("vpcsecuritygroupids", "vpcsecuritygroupid")
_EKS = ("resourcesvpcconfig.securitygroupids",)
_INSTANCE = "instanceid instancesset.instanceid"
_BALANCER = "loadbalancerarn loadbalancername name"
_DATABASE = "dbinstanceidentifier dbclusteridentifier"
_FUNCTION = ("vpcconfig.securitygroupids",)
_ENDPOINT = "vpcendpointid"
_VPN = "clientvpnendpointid"
_CACHE = "cacheclusterid replicationgroupid serverlesscachename"

CALL_SPECS: dict[tuple[str, str], CallSpec] = {
    ("ec2", "ModifyNetworkInterfaceAttribute"): _on("network_interface", "networkinterfaceid", *_CLASSIC),
    ("ec2", "ModifyInstanceAttribute"): _on("instance", "instanceid", *_CLASSIC),
    ("ec2", "RunInstances"): _on("instance", _INSTANCE, *_LAUNCH),
    ("ec2", "CreateNetworkInterface"): _on("network_interface", "networkinterfaceid", *_CLASSIC),
    ("ec2", "AttachNetworkInterface"): CallSpec(Family.ATTACHMENT, Action.ATTACH, _interface),
    ("ec2", "CreateLaunchTemplate"): _on("launch_template", "launchtemplateid launchtemplatename", *_TEMPLATE),
    ("ec2", "CreateLaunchTemplateVersion"): _on("launch_template", "launchtemplateid launchtemplatename", *_TEMPLATE),
    ("ec2", "CreateVpcEndpoint"): _on("vpc_endpoint", _ENDPOINT, "securitygroupid", "securitygroupids"),
    ("ec2", "ModifyVpcEndpoint"): _on(
        "vpc_endpoint",
        _ENDPOINT,
        "addsecuritygroupid",
        "addsecuritygroupids",
        removed="removesecuritygroupid",
    ),
    ("ec2", "ApplySecurityGroupsToClientVpnTargetNetwork"): _on(
        "client_vpn", _VPN, "securitygroupid", "securitygroupids"
    ),
    ("ec2", "CreateClientVpnEndpoint"): _on("client_vpn", _VPN, "securitygroupid", "securitygroupids"),
    ("ec2", "ModifyClientVpnEndpoint"): _on("client_vpn", _VPN, "securitygroupid", "securitygroupids"),
    ("ec2", "CreateInstanceConnectEndpoint"): _on(
        "connect_endpoint", "instanceconnectendpointid subnetid", "securitygroupid", "securitygroupids"
    ),
    ("ec2", "ModifyInstanceConnectEndpoint"): _on(
        "connect_endpoint", "instanceconnectendpointid", "securitygroupid", "securitygroupids"
    ),
    ("ec2", "CreateVerifiedAccessEndpoint"): _on(
        "verified_access", "verifiedaccessendpointid verifiedaccessgroupid", "securitygroupid", "securitygroupids"
    ),
    ("ec2", "RequestSpotInstances"): _on(
        "instance",
        "spotinstancerequestid",
        *(f"launchspecification.{each}" for each in ("groupset", _BY_NAME, "securitygroupid", "securitygroupids")),
    ),
    ("elasticloadbalancing", "SetSecurityGroups"): _on("load_balancer", _BALANCER, "securitygroups"),
    ("elasticloadbalancing", "ApplySecurityGroupsToLoadBalancer"): _on("load_balancer", _BALANCER, "securitygroups"),
    ("elasticloadbalancing", "CreateLoadBalancer"): _on("load_balancer", _BALANCER, "securitygroups"),
    **{
        ("rds", name): _on("database", _DATABASE, *_VPC)
        for name in ("CreateDBInstance", "ModifyDBInstance", "CreateDBCluster", "ModifyDBCluster")
    },
    **dict.fromkeys(of_lambda("CreateFunction", "20150331"), _on("function", "functionname", *_FUNCTION)),
    **dict.fromkeys(
        of_lambda("UpdateFunctionConfiguration", "20150331", "20150331v2"),
        _on("function", "functionname", *_FUNCTION),
    ),
    ("elasticfilesystem", "CreateMountTarget"): _on("file_system", "filesystemid", "securitygroups"),
    ("elasticfilesystem", "ModifyMountTargetSecurityGroups"): _on("mount_target", "mounttargetid", "securitygroups"),
    **{
        ("elasticache", name): _on("cache", _CACHE, "securitygroupids")
        for name in (
            "CreateCacheCluster",
            "ModifyCacheCluster",
            "CreateReplicationGroup",
            "ModifyReplicationGroup",
            "CreateServerlessCache",
            "ModifyServerlessCache",
        )
    },
    ("redshift", "CreateCluster"): _on("data_warehouse", "clusteridentifier", *_VPC),
    ("redshift", "ModifyCluster"): _on("data_warehouse", "clusteridentifier", *_VPC),
    ("eks", "CreateCluster"): _on("eks_cluster", "name", *_EKS),
    ("eks", "UpdateClusterConfig"): _on("eks_cluster", "name", *_EKS),
}
