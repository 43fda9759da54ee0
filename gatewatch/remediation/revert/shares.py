"""Accounts that a snapshot or image is shared with, and the switches of EC2 that block such shares.

The entries of a share are account ids, ARNs of organizations and their units, and `all`.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from gatewatch.model.resource import ResourceFacts
from gatewatch.remediation.revert.plan import Entries, PlannedChange, SettingKind
from gatewatch.remediation.revert.settings import Setting, Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gatewatch.aws.clients import Aws
    from gatewatch.model.change import Change

_EVERYONE = "all"
_SNAPSHOT = re.compile(r"snap-[0-9a-f]{8,17}", re.ASCII)
_IMAGE = re.compile(r"ami-[0-9a-f]{8,17}", re.ASCII)
_DB_SNAPSHOT = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,254}", re.ASCII)
_ACCOUNT = re.compile(r"(?P<account>\d{12})", re.ASCII)
_UNBLOCKED = "unblocked"


def _without_grantees(entries: Entries, opened: Sequence[Change], _target: Target) -> Entries:
    named = {_grantee(each) for each in opened}
    return tuple(each for each in entries if each not in named)


def _grantee(change: Change) -> str:
    """Return the grantee as EC2 and RDS name it; a change has `*` for everyone."""
    grantee = change.facts.grant_id if isinstance(change.facts, ResourceFacts) else ""
    return _EVERYONE if grantee == "*" else grantee


def _permissions(found: Sequence[Mapping[str, Any]]) -> Entries:
    return tuple(sorted(value for each in found for value in each.values()))


def _permission(entry: str) -> dict[str, str]:
    """One grantee as EC2 takes it in a list."""
    if entry == _EVERYONE:
        return {"Group": entry}
    if entry.startswith("arn:"):
        return {"OrganizationArn" if ":organization/" in entry else "OrganizationalUnitArn": entry}
    return {"UserId": entry}


def _read_snapshot(aws: Aws, target: Target) -> Entries:
    response = aws.ec2.describe_snapshot_attribute(SnapshotId=target.resource, Attribute="createVolumePermission")
    return _permissions(response["CreateVolumePermissions"])


def _write_snapshot(aws: Aws, target: Target, change: PlannedChange) -> None:
    for operation, entries in (("remove", change.removed), ("add", change.added)):
        users = [each for each in entries if each != _EVERYONE]
        lists: Any = {"UserIds": users} if users else {}
        lists |= {"GroupNames": [_EVERYONE]} if _EVERYONE in entries else {}
        if lists:
            aws.ec2.modify_snapshot_attribute(
                SnapshotId=target.resource,
                Attribute="createVolumePermission",
                OperationType=operation,  # type: ignore[arg-type]
                **lists,
            )


def _read_image(aws: Aws, target: Target) -> Entries:
    response = aws.ec2.describe_image_attribute(ImageId=target.resource, Attribute="launchPermission")
    return _permissions(response["LaunchPermissions"])


def _write_image(aws: Aws, target: Target, change: PlannedChange) -> None:
    lists = {"Remove": [*map(_permission, change.removed)], "Add": [*map(_permission, change.added)]}
    permission: Any = {name: entries for name, entries in lists.items() if entries}
    aws.ec2.modify_image_attribute(ImageId=target.resource, LaunchPermission=permission)


def _restore_values(result: Mapping[str, Any], attributes: str) -> Entries:
    """The accounts of the attribute `restore`; the other attributes of a snapshot share nothing."""
    found = (each["AttributeValues"] for each in result[attributes] if each["AttributeName"] == "restore")
    return tuple(sorted(value for values in found for value in values))


def _restore_lists(change: PlannedChange) -> dict[str, Any]:
    lists = {"ValuesToRemove": [*change.removed], "ValuesToAdd": [*change.added]}
    return {"AttributeName": "restore"} | {name: values for name, values in lists.items() if values}


def _read_db_snapshot(aws: Aws, target: Target) -> Entries:
    response = aws.rds.describe_db_snapshot_attributes(DBSnapshotIdentifier=target.resource)
    return _restore_values(response["DBSnapshotAttributesResult"], "DBSnapshotAttributes")


def _write_db_snapshot(aws: Aws, target: Target, change: PlannedChange) -> None:
    aws.rds.modify_db_snapshot_attribute(DBSnapshotIdentifier=target.resource, **_restore_lists(change))


def _read_db_cluster_snapshot(aws: Aws, target: Target) -> Entries:
    response = aws.rds.describe_db_cluster_snapshot_attributes(DBClusterSnapshotIdentifier=target.resource)
    return _restore_values(response["DBClusterSnapshotAttributesResult"], "DBClusterSnapshotAttributes")


def _write_db_cluster_snapshot(aws: Aws, target: Target, change: PlannedChange) -> None:
    aws.rds.modify_db_cluster_snapshot_attribute(DBClusterSnapshotIdentifier=target.resource, **_restore_lists(change))


def _read_snapshot_block(aws: Aws, _target: Target) -> Entries:
    return _blocked(aws.ec2.get_snapshot_block_public_access_state().get("State"))


def _write_snapshot_block(aws: Aws, _target: Target, change: PlannedChange) -> None:
    if change.after:
        aws.ec2.enable_snapshot_block_public_access(State=change.after[0])  # type: ignore[arg-type]
    else:
        aws.ec2.disable_snapshot_block_public_access()


def _read_image_block(aws: Aws, _target: Target) -> Entries:
    return _blocked(aws.ec2.get_image_block_public_access_state().get("ImageBlockPublicAccessState"))


def _write_image_block(aws: Aws, _target: Target, change: PlannedChange) -> None:
    if change.after:
        aws.ec2.enable_image_block_public_access(ImageBlockPublicAccessState=change.after[0])  # type: ignore[arg-type]
    else:
        aws.ec2.disable_image_block_public_access()


def _blocked(state: str | None) -> Entries:
    return () if state in {None, _UNBLOCKED} else (str(state),)


def _block_again(state: str, entries: Entries, _opened: Sequence[Change], _target: Target) -> Entries:
    return entries or (state,)


SETTINGS = {
    SettingKind.SNAPSHOT_SHARE: Setting(
        form=_SNAPSHOT,
        read=_read_snapshot,
        close=_without_grantees,
        write=_write_snapshot,
        calls=("ModifySnapshotAttribute",),
    ),
    SettingKind.IMAGE_SHARE: Setting(
        form=_IMAGE, read=_read_image, close=_without_grantees, write=_write_image, calls=("ModifyImageAttribute",)
    ),
    SettingKind.DB_SNAPSHOT_SHARE: Setting(
        form=_DB_SNAPSHOT,
        read=_read_db_snapshot,
        close=_without_grantees,
        write=_write_db_snapshot,
        calls=("ModifyDBSnapshotAttribute",),
    ),
    SettingKind.DB_CLUSTER_SNAPSHOT_SHARE: Setting(
        form=_DB_SNAPSHOT,
        read=_read_db_cluster_snapshot,
        close=_without_grantees,
        write=_write_db_cluster_snapshot,
        calls=("ModifyDBClusterSnapshotAttribute",),
    ),
    SettingKind.SNAPSHOT_BLOCK: Setting(
        form=_ACCOUNT,
        read=_read_snapshot_block,
        close=partial(_block_again, "block-all-sharing"),
        write=_write_snapshot_block,
        calls=("EnableSnapshotBlockPublicAccess", "DisableSnapshotBlockPublicAccess"),
    ),
    SettingKind.IMAGE_BLOCK: Setting(
        form=_ACCOUNT,
        read=_read_image_block,
        close=partial(_block_again, "block-new-sharing"),
        write=_write_image_block,
        calls=("EnableImageBlockPublicAccess", "DisableImageBlockPublicAccess"),
    ),
}
