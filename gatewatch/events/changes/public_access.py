"""Resources opened to everyone or to another account, ways in from the internet, and guards against both.

One table a kind of call: policies, shares, Amazon S3, endpoints, and here guards, rules of databases and removals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes import (
    public_access_endpoints,
    public_access_policies,
    public_access_s3,
    public_access_shares,
)
from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import Fields, as_text
from gatewatch.events.changes.public_access_policies import (
    FUNCTION,
    LAYER,
    QUEUE,
    TOPIC,
    document,
    label_of,
    of_lambda,
    statement_id_of,
)
from gatewatch.events.changes.public_access_s3 import BUCKET
from gatewatch.events.changes.resource_call import (
    Named,
    UnknownShapeError,
    flag,
    names_of,
    resource_change,
    row,
    without_parameters,
    word,
)
from gatewatch.model.aws_cli import cli_arguments
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.network import cidr_peer
from gatewatch.model.resource import Impact
from gatewatch.model.security_group import Direction, GroupPeer, SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


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
        return [resource_change(call, Impact.DATABASE_RULE, named.kind, name, rule=rule, grant_id=cidr or "")]

    return read


def _cidr_of(request_parameters: Fields) -> str:
    return as_text(request_parameters.get("cidrip")) or ""


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
    return Impact.ACCESS_CLOSED if value == "disable" else Impact.GUARD_REMOVED


def _emr_block(request_parameters: Fields) -> Impact:
    given = flag(request_parameters, "blockpublicaccessconfiguration.blockpublicsecuritygrouprules")
    if given is None:
        raise UnknownShapeError("blockpublicaccessconfiguration")
    return Impact.ACCESS_CLOSED if given else Impact.GUARD_REMOVED


def _own(effect: Any, named: Named, action: Action = Action.MODIFY, **more: Any) -> CallSpec:
    return row(Family.PUBLIC_ACCESS, action, effect, named, **more)


def _reads(read: Callable[[ParsedCall], Iterable[Change]], action: Action = Action.MODIFY) -> CallSpec:
    return CallSpec(Family.PUBLIC_ACCESS, action, read, is_severe=True)


def _closed(kind: str, keys: str, action: Action = Action.DELETE, *, is_optional: bool = False) -> CallSpec:
    return _own(Impact.ACCESS_CLOSED, Named(kind, tuple(keys.split()), is_optional), action)


def _block_again(call: ParsedCall, _name: str) -> tuple[str, ...]:
    if "Image" in call.call.event_name:
        return cli_arguments(
            "ec2", "enable-image-block-public-access", image_block_public_access_state="block-new-sharing"
        )
    return cli_arguments("ec2", "enable-snapshot-block-public-access", state="block-all-sharing")


_C, _D, _M, _R = Action.CREATE, Action.DELETE, Action.MODIFY, Action.REVOKE
_DB_GROUP = Named("db_security_group", ("dbsecuritygroupname",))
_CACHE_GROUP = Named("db_security_group", ("cachesecuritygroupname",))
_WAREHOUSE_GROUP = Named("db_security_group", ("clustersecuritygroupname",))
_SEARCH = "domainname"
CALL_SPECS: dict[tuple[str, str], CallSpec] = {
    **public_access_policies.CALL_SPECS,
    **public_access_shares.CALL_SPECS,
    **public_access_s3.CALL_SPECS,
    **public_access_endpoints.CALL_SPECS,
    ("s3", "PutBucketPolicy"): _reads(document(BUCKET, "bucketpolicy")),
    ("s3", "DeleteBucketPolicy"): _closed("bucket", "bucketname"),
    ("s3", "DeleteAccessPointPolicy"): _closed("access_point", "name"),
    ("rds", "AuthorizeDBSecurityGroupIngress"): _reads(database_rule(_DB_GROUP), Action.AUTHORIZE),
    ("rds", "RevokeDBSecurityGroupIngress"): _own(Impact.ACCESS_CLOSED, _DB_GROUP, _R, grant_id=_cidr_of),
    ("redshift", "AuthorizeClusterSecurityGroupIngress"): _reads(database_rule(_WAREHOUSE_GROUP), Action.AUTHORIZE),
    ("redshift", "RevokeClusterSecurityGroupIngress"): _own(
        Impact.ACCESS_CLOSED, _WAREHOUSE_GROUP, _R, grant_id=_cidr_of
    ),
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
    ("ram", "DeleteResourceShare"): _closed("resource_share", "resourcesharearn"),
    ("sqs", "RemovePermission"): _own(Impact.ACCESS_CLOSED, QUEUE, _R, grant_id=label_of),
    ("sns", "RemovePermission"): _own(Impact.ACCESS_CLOSED, TOPIC, _R, grant_id=label_of),
    **dict.fromkeys(
        of_lambda("RemovePermission", "20150331", "20150331v2"),
        _own(Impact.ACCESS_CLOSED, FUNCTION, _R, grant_id=statement_id_of),
    ),
    **dict.fromkeys(
        of_lambda("RemoveLayerVersionPermission", "20181031"),
        _own(Impact.ACCESS_CLOSED, LAYER, _R, grant_id=statement_id_of),
    ),
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
