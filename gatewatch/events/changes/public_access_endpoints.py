"""Endpoints that the internet can reach: databases, warehouses, clusters, function URLs, the serial console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import Fields, as_text
from gatewatch.events.changes.public_access_policies import of_lambda
from gatewatch.events.changes.resource_call import (
    Named,
    UnknownShapeError,
    flag,
    names_of,
    resource_change,
    row,
    undo_by,
    value_at,
    values_at,
    without_parameters,
    word,
)
from gatewatch.model.aws_cli import cli_arguments
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.network import cidr_peer, world_cidrs
from gatewatch.model.resource import Impact
from gatewatch.model.security_group import EveryonePeer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_DATABASE = Named("database", ("dbinstanceidentifier", "dbclusteridentifier"))
_WAREHOUSE = Named("data_warehouse", ("clusteridentifier", "workgroupname"))
_URL = Named("function", ("functionname",))
_CLUSTER = Named("eks_cluster", ("name",))
_ANYWHERE = "0.0.0.0/0"


def _is_public(request_parameters: Fields) -> Impact | None:
    """`publiclyAccessible`; a call that leaves it as it is says nothing about it."""
    given = flag(request_parameters, "publiclyaccessible")
    if given is None and not request_parameters:
        raise UnknownShapeError("publiclyaccessible")
    return None if given is None else Impact.NETWORK_PATH if given else Impact.ACCESS_CLOSED


def _with_default(call: ParsedCall) -> ParsedCall:
    """Something new may be public without a word in the request, as a database in a default VPC; the answer says it."""
    made = [each for each in (call.response_elements, *call.response_elements.values()) if isinstance(each, dict)]
    if call.request is None or not any(flag(each, "publiclyaccessible") for each in made):
        return call
    return structs.replace(call, request={"publiclyaccessible": True} | call.request)


def _make_private(call: ParsedCall, name: str) -> tuple[str, ...]:
    if "Instance" not in call.call.event_name:
        return ()
    return cli_arguments("rds", "modify-db-instance", db_instance_identifier=name, no_publicly_accessible=True)


_close_warehouse = undo_by(
    "redshift", "modify-cluster", "no_publicly_accessible", cluster_identifier="clusteridentifier"
)


def function_url(call: ParsedCall) -> Iterable[Change]:
    """A function URL without authentication takes requests of everyone."""
    if call.request is None:
        return [without_parameters(call, _URL)]
    (name,) = names_of(call, _URL)
    auth = word(call.request_parameters, "authtype")
    if auth == "none":
        undo = _delete_url
        peer = EveryonePeer()
        return [resource_change(call, Impact.NETWORK_PATH, _URL.kind, name, peer=peer, undo=undo)]
    is_unchanged = not auth and call.call.event_name.startswith("Update") and len(call.request_parameters) > 1
    if auth != "aws_iam" and not is_unchanged:
        raise UnknownShapeError("authtype")
    return [resource_change(call, Impact.ACCESS_CLOSED, _URL.kind, name)] if auth else []


def _delete_url(_call: ParsedCall, name: str) -> tuple[str, ...]:
    return cli_arguments("lambda", "delete-function-url-config", function_name=name)


def eks_endpoint(call: ParsedCall) -> Iterable[Change]:
    """The Kubernetes API of a cluster. EKS opens it to the internet by default."""
    if call.request is None:
        return [without_parameters(call, _CLUSTER)]
    is_new = call.call.event_name == "CreateCluster"
    settings = value_at(call.request_parameters, "resourcesvpcconfig")
    if settings is None and not is_new and len(call.request_parameters) > 1:
        return []
    if not isinstance(settings, dict):
        raise UnknownShapeError("resourcesvpcconfig")
    is_public = flag(settings, "endpointpublicaccess")
    cidrs = [_canonical(as_text(each) or "") for each in values_at(settings, "publicaccesscidrs")]
    if is_public is None and not cidrs and not is_new:
        return []
    (name,) = names_of(call, _CLUSTER)
    world = world_cidrs(cidrs)
    reached = next((each for each in cidrs if each in world), None)
    if is_public is False or (cidrs and reached is None):
        return [resource_change(call, Impact.ACCESS_CLOSED, _CLUSTER.kind, name)]
    peer, undo = cidr_peer(reached or _ANYWHERE), _close_endpoint
    return [resource_change(call, Impact.NETWORK_PATH, _CLUSTER.kind, name, peer=peer, undo=undo)]


def _canonical(cidr: str) -> str:
    peer = cidr_peer(cidr)
    if peer is None:
        raise UnknownShapeError("publicaccesscidrs")
    return peer.cidr


def _close_endpoint(_call: ParsedCall, name: str) -> tuple[str, ...]:
    settings = "endpointPublicAccess=false,endpointPrivateAccess=true"
    return cli_arguments("eks", "update-cluster-config", name=name, resources_vpc_config=settings)


def _kafka(request_parameters: Fields) -> Impact | None:
    kind = word(request_parameters, "connectivityinfo.publicaccess.type")
    if not kind:
        return None if len(request_parameters) > 1 else Impact.ACCESS_CLOSED
    return Impact.ACCESS_CLOSED if kind == "disabled" else Impact.NETWORK_PATH


def _own(effect: Any, named: Named, action: Action = Action.MODIFY, **more: Any) -> CallSpec:
    return row(Family.PUBLIC_ACCESS, action, effect, named, **more)


def _public(named: Named, action: Action = Action.MODIFY, undo: Any = None) -> CallSpec:
    spec = _own(_is_public, named, action, worst=Impact.NETWORK_PATH, undo=undo)
    if action is not Action.CREATE:
        return spec
    return structs.replace(spec, read=lambda call: spec.read(_with_default(call)))


def _reads(read: Callable[[ParsedCall], Iterable[Change]], action: Action = Action.MODIFY) -> CallSpec:
    return CallSpec(Family.PUBLIC_ACCESS, action, read, is_severe=True)


_C = Action.CREATE
CALL_SPECS: dict[tuple[str, str], CallSpec] = {
    **{
        ("rds", name): _public(_DATABASE, _C, _make_private)
        for name in (
            "CreateDBInstance",
            "CreateDBInstanceReadReplica",
            "CreateDBCluster",
            "RestoreDBInstanceFromDBSnapshot",
            "RestoreDBInstanceFromS3",
            "RestoreDBInstanceToPointInTime",
            "RestoreDBClusterFromSnapshot",
            "RestoreDBClusterToPointInTime",
        )
    },
    ("rds", "ModifyDBInstance"): _public(_DATABASE, undo=_make_private),
    ("redshift", "CreateCluster"): _public(_WAREHOUSE, _C, undo=_close_warehouse),
    ("redshift", "RestoreFromClusterSnapshot"): _public(_WAREHOUSE, _C, undo=_close_warehouse),
    ("redshift", "ModifyCluster"): _public(_WAREHOUSE, undo=_close_warehouse),
    ("redshift-serverless", "CreateWorkgroup"): _public(_WAREHOUSE, _C),
    ("redshift-serverless", "UpdateWorkgroup"): _public(_WAREHOUSE),
    ("dms", "CreateReplicationInstance"): _public(
        Named("replication_instance", ("replicationinstanceidentifier",)), _C
    ),
    ("mq", "CreateBroker"): _public(Named("message_broker", ("brokername", "brokerid")), _C),
    ("kafka", "UpdateConnectivity"): _own(_kafka, Named("kafka_cluster", ("clusterarn",)), worst=Impact.NETWORK_PATH),
    **dict.fromkeys(of_lambda("CreateFunctionUrlConfig", "20211031"), _reads(function_url, _C)),
    **dict.fromkeys(of_lambda("UpdateFunctionUrlConfig", "20211031"), _reads(function_url)),
    **dict.fromkeys(of_lambda("DeleteFunctionUrlConfig", "20211031"), _own(Impact.ACCESS_CLOSED, _URL, Action.DELETE)),
    ("eks", "CreateCluster"): _reads(eks_endpoint, _C),
    ("eks", "UpdateClusterConfig"): _reads(eks_endpoint),
    ("ec2", "EnableSerialConsoleAccess"): _own(
        Impact.NETWORK_PATH, Named("serial_console"), undo=undo_by("ec2", "disable-serial-console-access")
    ),
    ("ec2", "DisableSerialConsoleAccess"): _own(Impact.ACCESS_CLOSED, Named("serial_console")),
}
