"""Public access of a database, authentication of a function URL, and the groups of a VPC endpoint."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatewatch.model.change import Action
from gatewatch.remediation.revert.attachments import DATABASE
from gatewatch.remediation.revert.plan import Entries, NotRevertibleError, Obstacle, PlannedChange, SettingKind
from gatewatch.remediation.revert.policies import FUNCTION
from gatewatch.remediation.revert.settings import Setting, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.aws.clients import Aws
    from gatewatch.model.change import Change

_ENDPOINT = re.compile(r"vpce-[0-9a-f]{8,17}", re.ASCII)
_GROUP = re.compile(r"sg-[0-9a-f]{8,17}", re.ASCII)
_PUBLIC = ("public",)


def _read_database(aws: Aws, target: Target) -> Entries:
    (found,) = aws.rds.describe_db_instances(DBInstanceIdentifier=target.resource)["DBInstances"]
    return _PUBLIC if found.get("PubliclyAccessible") else ()


def _write_database(aws: Aws, target: Target, change: PlannedChange) -> None:
    """Without ApplyImmediately, which would apply other pending changes: this one is never pending."""
    aws.rds.modify_db_instance(DBInstanceIdentifier=target.resource, PubliclyAccessible=bool(change.after))


def _nothing(_entries: Entries, _opened: Sequence[Change], _target: Target) -> Entries:
    return ()


def _read_url(aws: Aws, target: Target) -> Entries:
    return (aws.lambda_.get_function_url_config(FunctionName=target.resource)["AuthType"],)


def _write_url(aws: Aws, target: Target, change: PlannedChange) -> None:
    (kind,) = change.after
    aws.lambda_.update_function_url_config(FunctionName=target.resource, AuthType=kind)  # type: ignore[arg-type]


def _authenticated(_entries: Entries, _opened: Sequence[Change], _target: Target) -> Entries:
    return ("AWS_IAM",)


def _read_endpoint(aws: Aws, target: Target) -> Entries:
    (found,) = aws.ec2.describe_vpc_endpoints(VpcEndpointIds=[target.resource])["VpcEndpoints"]
    return tuple(sorted(each["GroupId"] for each in found["Groups"]))


def _write_endpoint(aws: Aws, target: Target, change: PlannedChange) -> None:
    """Both in one call: an endpoint never has no group, which would mean the default one."""
    lists = {"AddSecurityGroupIds": [*change.added], "RemoveSecurityGroupIds": [*change.removed]}
    groups: Any = {name: ids for name, ids in lists.items() if ids}
    aws.ec2.modify_vpc_endpoint(VpcEndpointId=target.resource, **groups)


def _earlier_groups(entries: Entries, opened: Sequence[Change], target: Target) -> Entries:
    """The event names the groups that were added and those that were removed, so the earlier ones are known."""
    added = {each.group.id for each in opened if each.action is Action.ATTACH}
    removed = {each.group.id or "" for each in opened if each.action is Action.DETACH}
    if not all(map(_GROUP.fullmatch, removed)):
        raise NotRevertibleError(Obstacle.INVALID_NAME, target.resource)
    groups = ({*entries} - added) | removed
    if not groups:
        raise NotRevertibleError(Obstacle.EARLIER_UNKNOWN, target.resource)
    return tuple(sorted(groups))


SETTINGS = {
    SettingKind.DATABASE_ACCESS: Setting(
        form=DATABASE, read=_read_database, close=_nothing, write=_write_database, calls=("ModifyDBInstance",)
    ),
    SettingKind.FUNCTION_URL: Setting(
        form=FUNCTION,
        read=_read_url,
        close=_authenticated,
        write=_write_url,
        calls=("UpdateFunctionUrlConfig",),
    ),
    SettingKind.ENDPOINT_GROUPS: Setting(
        form=_ENDPOINT, read=_read_endpoint, close=_earlier_groups, write=_write_endpoint, calls=("ModifyVpcEndpoint",)
    ),
}
