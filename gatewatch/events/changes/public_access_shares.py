"""Snapshots, images, documents and shares: lists of accounts that a resource is given to, `all` being everyone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import as_account_id, as_list, as_text, first_present
from gatewatch.events.changes.resource_call import (
    Named,
    UnknownShapeError,
    names_of,
    resource_change,
    value_at,
    values_at,
    without_parameters,
    word,
)
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.resource import Impact, Narrowing
from gatewatch.model.security_group import AccountPeer, EveryonePeer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Read = Callable[[ParsedCall], Iterable[Change]]

_ACCOUNT = re.compile(r"^(?:arn:[^:]+:(?:iam|sts)::)?(\d{12})(?::|$)", re.ASCII)
_ORGANIZATION = re.compile(r"^arn:[^:]+:organizations::\d{12}:(?:organization|ou)/(o-[a-z0-9]{10,32})", re.ASCII)
_SERVICE = re.compile(r"^[a-z0-9.-]+\.amazonaws\.com$")
_EVERYONE = frozenset({"all", "*"})

_SNAPSHOT = Named("snapshot", ("snapshotid",))
_IMAGE = Named("image", ("imageid",))
_DB_SNAPSHOT = Named("db_snapshot", ("dbsnapshotidentifier", "dbclustersnapshotidentifier"))
_DOCUMENT = Named("document", ("name",))
_SHARE = Named("resource_share", ("resourcesharearn", "name", "resourceshare.resourcesharearn"))


def given(call: ParsedCall, named: Named, grantee: Any) -> Change:
    """The change for one grantee: everyone, an as_account_id, an organization or a part of one."""
    (name,) = names_of(call, named)
    if (value := as_account_id(grantee)) is None:
        raise UnknownShapeError(named.kind)
    undo = _TAKE_BACK.get(named.kind)
    if value.lower() in _EVERYONE:
        return resource_change(call, Impact.SHARED, named.kind, name, peer=EveryonePeer(), undo=undo and undo("all"))
    if match := _ORGANIZATION.match(value):
        narrowing = Narrowing(narrows=True, organizations=(match[1],))
        return resource_change(
            call, Impact.SHARED, named.kind, name, peer=EveryonePeer(), narrowing=narrowing, detail=value
        )
    match = _ACCOUNT.match(value)
    if match is None:
        raise UnknownShapeError(named.kind)
    take_back = undo and undo(match[1])
    return resource_change(call, Impact.SHARED, named.kind, name, peer=AccountPeer(match[1]), undo=take_back)


def _taken(call: ParsedCall, named: Named) -> Change:
    (name,) = names_of(call, named)
    return resource_change(call, Impact.ACCESS_CLOSED, named.kind, name)


def _of_snapshot(grantee: str) -> Callable[[ParsedCall, str], tuple[str, ...]]:
    kind = ("--group-names", "all") if grantee == "all" else ("--user-ids", grantee)
    command = ("ec2", "modify-snapshot-attribute", "--attribute", "createVolumePermission")
    return lambda _call, name: (*command, "--operation-type", "remove", "--snapshot-id", name, *kind)


def _of_image(grantee: str) -> Callable[[ParsedCall, str], tuple[str, ...]]:
    kind = f"Group={grantee}" if grantee == "all" else f"UserId={grantee}"
    command = ("ec2", "modify-image-attribute", "--image-id")
    return lambda _call, name: (*command, name, "--launch-permission", f"Remove=[{{{kind}}}]")


def _of_db_snapshot(grantee: str) -> Callable[[ParsedCall, str], tuple[str, ...]]:
    def undo(call: ParsedCall, name: str) -> tuple[str, ...]:
        is_cluster = "Cluster" in call.call.event_name
        command = "modify-db-cluster-snapshot-attribute" if is_cluster else "modify-db-snapshot-attribute"
        flag = "--db-cluster-snapshot-identifier" if is_cluster else "--db-snapshot-identifier"
        return ("rds", command, flag, name, "--attribute-name", "restore", "--values-to-remove", grantee)

    return undo


def _of_document(grantee: str) -> Callable[[ParsedCall, str], tuple[str, ...]]:
    command = ("ssm", "modify-document-permission", "--permission-type", "Share", "--name")
    return lambda _call, name: (*command, name, "--account-ids-to-remove", grantee)


_TAKE_BACK = {
    "snapshot": _of_snapshot,
    "image": _of_image,
    "db_snapshot": _of_db_snapshot,
    "document": _of_document,
}


def permissions(named: Named, path: str, attribute: str) -> Read:
    """EC2's `createVolumePermission` and `launchPermission`: lists of what is added and removed.

    The older form has one list of users, one of groups, and `operationType` says whether they are added or removed.
    """

    def read(call: ParsedCall) -> Iterable[Change]:
        if call.request is None:
            return [without_parameters(call, named)]
        added = [_grantee(each) for each in values_at(call.request_parameters, f"{path}.add")]
        removed = values_at(call.request_parameters, f"{path}.remove")
        older = [_grantee(each) for key in _OLDER for each in values_at(call.request_parameters, key)]
        if older and word(call.request_parameters, "operationtype") == "remove":
            removed, older = older, []
        changes = [given(call, named, each) for each in (*added, *older)]
        if changes or removed:
            return changes or [_taken(call, named)]
        names = word(call.request_parameters, "attributetype") or word(call.request_parameters, "attribute")
        if names.replace("_", "") == attribute or value_at(call.request_parameters, path) is not None:
            raise UnknownShapeError(path)
        return [] if len(call.request_parameters) > 1 and names_of(call, named) else [call.not_understood()]

    return read


_OLDER = ("useridset", "userids", "userid", "groupset", "usergroupset", "usergroup", "groupnames")


def _grantee(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return first_present(value, "group", "userid", "organizationarn", "organizationalunitarn", "groupname")


def listed_accounts(named: Named, added: str, removed: str) -> Read:
    """Two lists of accounts, of which either may be missing."""

    def read(call: ParsedCall) -> Iterable[Change]:
        if call.request is None:
            return [without_parameters(call, named)]
        if grantees := values_at(call.request_parameters, added):
            return [given(call, named, each) for each in grantees]
        if values_at(call.request_parameters, removed):
            return [_taken(call, named)]
        raise UnknownShapeError(added)

    return read


def one_account(named: Named, *keys: str) -> Read:
    def read(call: ParsedCall) -> Iterable[Change]:
        if call.request is None:
            return [without_parameters(call, named)]
        grantee = first_present(call.request_parameters, *keys)
        return [given(call, named, grantee)]

    return read


def resource_share(call: ParsedCall) -> Iterable[Change]:
    """AWS Resource Access Manager: principals are accounts, users and roles, organizations and parts of one."""
    if call.request is None:
        return [without_parameters(call, _SHARE)]
    principals = [as_text(each) for each in as_list(call.request_parameters.get("principals"))]
    if None in principals:
        raise UnknownShapeError("principals")
    outside = [each for each in principals if each and not _SERVICE.match(each)]
    if outside:
        return [given(call, _SHARE, each) for each in outside]
    (name,) = names_of(call, _SHARE)
    return [resource_change(call, Impact.POLICY_INSIDE, _SHARE.kind, name)]


def project_visibility(call: ParsedCall) -> Iterable[Change]:
    """A public build project shows its logs and artifacts to everyone."""
    named = Named("build_project", ("projectarn",))
    if call.request is None:
        return [without_parameters(call, named)]
    visibility = word(call.request_parameters, "projectvisibility")
    if visibility == "private":
        return [_taken(call, named)]
    if visibility != "public_read":
        raise UnknownShapeError("projectvisibility")
    return [given(call, named, "*")]


def _reads(read: Read, action: Action = Action.MODIFY) -> CallSpec:
    return CallSpec(Family.PUBLIC_ACCESS, action, read, is_severe=True)


_ADDS = Action.AUTHORIZE
_WAREHOUSE = Named("warehouse_snapshot", ("snapshotidentifier", "snapshotarn"))
_PORT = Named("network_interface", ("networkinterfaceid",))
CALL_SPECS: dict[tuple[str, str], CallSpec] = {
    ("ec2", "ModifySnapshotAttribute"): _reads(
        permissions(_SNAPSHOT, "createvolumepermission", "createvolumepermission")
    ),
    ("ec2", "ModifyImageAttribute"): _reads(permissions(_IMAGE, "launchpermission", "launchpermission")),
    ("ec2", "CreateNetworkInterfacePermission"): _reads(one_account(_PORT, "awsaccountid"), _ADDS),
    ("rds", "ModifyDBSnapshotAttribute"): _reads(listed_accounts(_DB_SNAPSHOT, "valuestoadd", "valuestoremove")),
    ("rds", "ModifyDBClusterSnapshotAttribute"): _reads(listed_accounts(_DB_SNAPSHOT, "valuestoadd", "valuestoremove")),
    ("redshift", "AuthorizeSnapshotAccess"): _reads(one_account(_WAREHOUSE, "accountwithrestoreaccess"), _ADDS),
    ("ssm", "ModifyDocumentPermission"): _reads(listed_accounts(_DOCUMENT, "accountidstoadd", "accountidstoremove")),
    ("ram", "CreateResourceShare"): _reads(resource_share, Action.CREATE),
    ("ram", "AssociateResourceShare"): _reads(resource_share, Action.ASSOCIATE),
    ("codebuild", "UpdateProjectVisibility"): _reads(project_visibility),
}
