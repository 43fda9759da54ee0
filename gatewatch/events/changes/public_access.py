"""Resources opened to everyone or to another as_account_id, ways in from the internet, and guards against both.

One table a kind of call: policies, shares, Amazon S3, and here what is one parameter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes import public_access_policies, public_access_s3, public_access_shares
from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import Fields, as_text
from gatewatch.events.changes.public_access_policies import FUNCTION, LAYER, QUEUE, TOPIC, document, of_lambda
from gatewatch.events.changes.public_access_s3 import BUCKET
from gatewatch.events.changes.resource_call import (
    Named,
    UnknownShapeError,
    flag,
    names_of,
    resource_change,
    row,
    value_at,
    values_at,
    without_parameters,
    word,
)
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.network import cidr_peer, exposure_of_cidr
from gatewatch.model.resource import Impact
from gatewatch.model.security_group import Direction, EveryonePeer, GroupPeer, SecurityGroupRule

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


def _make_private(call: ParsedCall, name: str) -> tuple[str, ...]:
    if "Instance" not in call.call.event_name:
        return ()
    return ("rds", "modify-db-instance", "--db-instance-identifier", name, "--no-publicly-accessible")


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
    return ("lambda", "delete-function-url-config", "--function-name", name)


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
    cidrs = [as_text(each) for each in values_at(settings, "publicaccesscidrs")]
    if is_public is None and not cidrs and not is_new:
        return []
    (name,) = names_of(call, _CLUSTER)
    reached = next((each for each in cidrs if each and exposure_of_cidr(_canonical(each)).is_world), None)
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
    return ("eks", "update-cluster-config", "--name", name, "--resources-vpc-config", settings)


def database_rule(named: Named) -> Callable[[ParsedCall], Iterable[Change]]:
    """Security groups of databases in the time before VPCs: a CIDR, or a group of EC2."""

    def read(call: ParsedCall) -> Iterable[Change]:
        if call.request is None:
            return [without_parameters(call, named)]
        (name,) = names_of(call, named)
        cidr, group = as_text(call.request_parameters.get("cidrip")), _group_peer(call)
        peer = cidr_peer(cidr) if cidr else group
        if peer is None:
            raise UnknownShapeError("cidrip")
        rule = SecurityGroupRule(direction=Direction.INGRESS, peer=peer)
        return [resource_change(call, Impact.DATABASE_RULE, named.kind, name, rule=rule)]

    return read


def _group_peer(call: ParsedCall) -> GroupPeer | None:
    name = as_text(call.request_parameters.get("ec2securitygroupid")) or as_text(
        call.request_parameters.get("ec2securitygroupname")
    )
    owner = as_text(call.request_parameters.get("ec2securitygroupownerid"))
    is_foreign = owner is not None and owner != call.call.account_id
    return GroupPeer(name, owner if is_foreign else None, is_foreign) if name else None


def _setting(request_parameters: Fields) -> Impact | None:
    """The account setting of Systems Manager that lets documents be shared with everyone."""
    name, value = word(request_parameters, "settingid"), word(request_parameters, "settingvalue")
    if not name or not value:
        raise UnknownShapeError("settingid")
    if not name.endswith("/documents/console/public-sharing-permission"):
        return None
    return Impact.GUARD_REMOVED if value == "enable" else Impact.ACCESS_CLOSED


def _emr_block(request_parameters: Fields) -> Impact:
    given = flag(request_parameters, "blockpublicaccessconfiguration.blockpublicsecuritygrouprules")
    if given is None:
        raise UnknownShapeError("blockpublicaccessconfiguration")
    return Impact.ACCESS_CLOSED if given else Impact.GUARD_REMOVED


def _kafka(request_parameters: Fields) -> Impact | None:
    kind = word(request_parameters, "connectivityinfo.publicaccess.type")
    if not kind:
        return None if len(request_parameters) > 1 else Impact.ACCESS_CLOSED
    return Impact.ACCESS_CLOSED if kind == "disabled" else Impact.NETWORK_PATH


def _own(effect: Any, named: Named, action: Action = Action.MODIFY, **more: Any) -> CallSpec:
    return row(Family.PUBLIC_ACCESS, action, effect, named, **more)


def _public(named: Named, action: Action = Action.MODIFY, undo: Any = None) -> CallSpec:
    return _own(_is_public, named, action, worst=Impact.NETWORK_PATH, undo=undo)


def _reads(read: Callable[[ParsedCall], Iterable[Change]], action: Action = Action.MODIFY) -> CallSpec:
    return CallSpec(Family.PUBLIC_ACCESS, action, read, is_severe=True)


def _closed(kind: str, keys: str, action: Action = Action.DELETE, *, is_optional: bool = False) -> CallSpec:
    return _own(Impact.ACCESS_CLOSED, Named(kind, tuple(keys.split()), is_optional), action)


def _block_again(call: ParsedCall, _name: str) -> tuple[str, ...]:
    if "Image" in call.call.event_name:
        return ("ec2", "enable-image-block-public-access", "--image-block-public-access-state", "block-new-sharing")
    return ("ec2", "enable-snapshot-block-public-access", "--state", "block-all-sharing")


_C, _D, _M, _R = Action.CREATE, Action.DELETE, Action.MODIFY, Action.REVOKE
_DB_GROUP = Named("db_security_group", ("dbsecuritygroupname",))
_CACHE_GROUP = Named("db_security_group", ("cachesecuritygroupname",))
_WAREHOUSE_GROUP = Named("db_security_group", ("clustersecuritygroupname",))
_SEARCH = "domainname"
CALL_SPECS: dict[tuple[str, str], CallSpec] = {
    **public_access_policies.CALL_SPECS,
    **public_access_shares.CALL_SPECS,
    **public_access_s3.CALL_SPECS,
    ("s3", "PutBucketPolicy"): _reads(document(BUCKET, "bucketpolicy")),
    ("s3", "DeleteBucketPolicy"): _closed("bucket", "bucketname"),
    ("s3", "DeleteAccessPointPolicy"): _closed("access_point", "name"),
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
    ("redshift", "CreateCluster"): _public(_WAREHOUSE, _C),
    ("redshift", "RestoreFromClusterSnapshot"): _public(_WAREHOUSE, _C),
    ("redshift", "ModifyCluster"): _public(_WAREHOUSE),
    ("redshift-serverless", "CreateWorkgroup"): _public(_WAREHOUSE, _C),
    ("redshift-serverless", "UpdateWorkgroup"): _public(_WAREHOUSE),
    ("dms", "CreateReplicationInstance"): _public(
        Named("replication_instance", ("replicationinstanceidentifier",)), _C
    ),
    ("mq", "CreateBroker"): _public(Named("message_broker", ("brokername", "brokerid")), _C),
    ("kafka", "UpdateConnectivity"): _own(_kafka, Named("kafka_cluster", ("clusterarn",)), worst=Impact.NETWORK_PATH),
    **dict.fromkeys(of_lambda("CreateFunctionUrlConfig", "20211031"), _reads(function_url, _C)),
    **dict.fromkeys(of_lambda("UpdateFunctionUrlConfig", "20211031"), _reads(function_url)),
    **dict.fromkeys(of_lambda("DeleteFunctionUrlConfig", "20211031"), _closed("function", "functionname")),
    ("eks", "CreateCluster"): _reads(eks_endpoint, _C),
    ("eks", "UpdateClusterConfig"): _reads(eks_endpoint),
    ("ec2", "EnableSerialConsoleAccess"): _own(Impact.NETWORK_PATH, Named("serial_console")),
    ("ec2", "DisableSerialConsoleAccess"): _own(Impact.ACCESS_CLOSED, Named("serial_console")),
    ("rds", "AuthorizeDBSecurityGroupIngress"): _reads(database_rule(_DB_GROUP), Action.AUTHORIZE),
    ("rds", "RevokeDBSecurityGroupIngress"): _own(Impact.ACCESS_CLOSED, _DB_GROUP, _R),
    ("redshift", "AuthorizeClusterSecurityGroupIngress"): _reads(database_rule(_WAREHOUSE_GROUP), Action.AUTHORIZE),
    ("redshift", "RevokeClusterSecurityGroupIngress"): _own(Impact.ACCESS_CLOSED, _WAREHOUSE_GROUP, _R),
    ("elasticache", "AuthorizeCacheSecurityGroupIngress"): CallSpec(
        Family.PUBLIC_ACCESS, Action.AUTHORIZE, database_rule(_CACHE_GROUP)
    ),
    ("elasticache", "RevokeCacheSecurityGroupIngress"): _own(Impact.ACCESS_CLOSED, _CACHE_GROUP, _R),
    ("ec2", "DisableSnapshotBlockPublicAccess"): _own(
        Impact.GUARD_REMOVED, Named("all_snapshots"), _D, undo=_block_again
    ),
    ("ec2", "EnableSnapshotBlockPublicAccess"): _own(Impact.ACCESS_CLOSED, Named("all_snapshots"), _C),
    ("ec2", "DisableImageBlockPublicAccess"): _own(Impact.GUARD_REMOVED, Named("all_images"), _D, undo=_block_again),
    ("ec2", "EnableImageBlockPublicAccess"): _own(Impact.ACCESS_CLOSED, Named("all_images"), _C),
    ("ssm", "UpdateServiceSetting"): _own(
        _setting, Named("service_setting", ("settingid",)), worst=Impact.GUARD_REMOVED
    ),
    ("elasticmapreduce", "PutBlockPublicAccessConfiguration"): _own(
        _emr_block, Named("emr"), worst=Impact.GUARD_REMOVED
    ),
    ("ec2", "ResetSnapshotAttribute"): _closed("snapshot", "snapshotid", _M),
    ("ec2", "ResetImageAttribute"): _closed("image", "imageid", _M),
    ("redshift", "RevokeSnapshotAccess"): _closed("warehouse_snapshot", "snapshotidentifier snapshotarn", _R),
    ("ram", "DisassociateResourceShare"): _closed("resource_share", "resourcesharearn", Action.DISASSOCIATE),
    ("ram", "DeleteResourceShare"): _closed("resource_share", "resourcesharearn"),
    ("sqs", "RemovePermission"): _own(Impact.ACCESS_CLOSED, QUEUE, _R),
    ("sns", "RemovePermission"): _own(Impact.ACCESS_CLOSED, TOPIC, _R),
    **dict.fromkeys(of_lambda("RemovePermission", "20150331", "20150331v2"), _own(Impact.ACCESS_CLOSED, FUNCTION, _R)),
    **dict.fromkeys(of_lambda("RemoveLayerVersionPermission", "20181031"), _own(Impact.ACCESS_CLOSED, LAYER, _R)),
    ("lambda", "DeleteResourcePolicy"): _own(Impact.ACCESS_CLOSED, FUNCTION, _D),
    ("secretsmanager", "DeleteResourcePolicy"): _closed("secret", "secretid"),
    ("ecr", "DeleteRepositoryPolicy"): _closed("repository", "repositoryname"),
    ("ecr", "DeleteRegistryPolicy"): _own(Impact.ACCESS_CLOSED, Named("registry"), _D),
    ("ecr-public", "DeleteRepositoryPolicy"): _closed("repository", "repositoryname"),
    ("elasticfilesystem", "DeleteFileSystemPolicy"): _closed("file_system", "filesystemid"),
    ("backup", "DeleteBackupVaultAccessPolicy"): _closed("backup_vault", "backupvaultname"),
    ("glue", "DeleteResourcePolicy"): _closed("data_catalog", "resourcearn", is_optional=True),
    ("dynamodb", "DeleteResourcePolicy"): _closed("table", "resourcearn"),
    ("kinesis", "DeleteResourcePolicy"): _closed("data_stream", "resourcearn"),
}
