"""Snapshots, images, documents and shares: lists of accounts that a resource is given to, `all` being everyone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

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
from gatewatch.model.aws_cli import cli_arguments
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.resource import NO_NARROWING, Impact, Narrowing, ResourceFacts
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
_DB_SNAPSHOT = Named("db_snapshot", ("dbsnapshotidentifier",))
_DB_CLUSTER_SNAPSHOT = Named("db_cluster_snapshot", ("dbclustersnapshotidentifier",))
_DOCUMENT = Named("document", ("name",))
_SHARE = Named("resource_share", ("resourcesharearn", "name", "resourceshare.resourcesharearn"))


class _Grantee(Struct, frozen=True):
    """`id`: as a call that takes the grant back names it. `organization` is the ARN of one, or of a part of one."""

    id: str
    peer: EveryonePeer | AccountPeer
    narrowing: Narrowing = NO_NARROWING
    organization: str | None = None

    @property
    def in_command(self) -> str:
        return self.peer.account_id if isinstance(self.peer, AccountPeer) else "all"


def _grantee_of(value: Any, kind: str) -> _Grantee:
    """Everyone, an account, an organization or a part of one. Raises `UnknownShapeError`."""
    text = as_account_id(value) or ""
    if text.lower() in _EVERYONE:
        return _Grantee("*", EveryonePeer())
    if match := _ORGANIZATION.match(text):
        return _Grantee(text, EveryonePeer(), Narrowing(narrows=True, organizations=(match[1],)), text)
    match = _ACCOUNT.match(text)
    if match is None:
        raise UnknownShapeError(kind)
    return _Grantee(match[1] if text.endswith(":root") else text, AccountPeer(match[1]))


def given(call: ParsedCall, named: Named, grantee: Any) -> Change:
    """The change for one grantee."""
    (name,) = names_of(call, named)
    found = _grantee_of(grantee, named.kind)
    undo = _TAKE_BACK.get(named.kind) if found.organization is None else None
    return resource_change(
        call,
        Impact.SHARED,
        named.kind,
        name,
        peer=found.peer,
        narrowing=found.narrowing,
        detail=found.organization,
        undo=undo and undo(found.in_command),
        grant_id=found.id,
    )


def _taken(call: ParsedCall, named: Named, grantee: Any = None) -> Change:
    """The change for one grantee that has access no longer; it is closed, whoever that was."""
    (name,) = names_of(call, named)
    try:
        found = _grantee_of(grantee, named.kind)
    except UnknownShapeError:
        return resource_change(call, Impact.ACCESS_CLOSED, named.kind, name)
    return resource_change(call, Impact.ACCESS_CLOSED, named.kind, name, peer=found.peer, grant_id=found.id)


def _of_snapshot(grantee: str) -> Callable[[ParsedCall, str], tuple[str, ...]]:
    given = {"attribute": "createVolumePermission", "operation_type": "remove"}
    given["group_names" if grantee == "all" else "user_ids"] = grantee
    return lambda _call, name: cli_arguments("ec2", "modify-snapshot-attribute", snapshot_id=name, **given)


def _of_image(grantee: str) -> Callable[[ParsedCall, str], tuple[str, ...]]:
    kind = f"Group={grantee}" if grantee == "all" else f"UserId={grantee}"
    given = {"launch_permission": f"Remove=[{{{kind}}}]"}
    return lambda _call, name: cli_arguments("ec2", "modify-image-attribute", image_id=name, **given)


def _of_db_snapshot(grantee: str) -> Callable[[ParsedCall, str], tuple[str, ...]]:
    given = {"attribute_name": "restore", "values_to_remove": grantee}
    return lambda _call, name: cli_arguments(
        "rds", "modify-db-snapshot-attribute", db_snapshot_identifier=name, **given
    )


def _of_db_cluster_snapshot(grantee: str) -> Callable[[ParsedCall, str], tuple[str, ...]]:
    command, given = "modify-db-cluster-snapshot-attribute", {"attribute_name": "restore", "values_to_remove": grantee}
    return lambda _call, name: cli_arguments("rds", command, db_cluster_snapshot_identifier=name, **given)


def _of_document(grantee: str) -> Callable[[ParsedCall, str], tuple[str, ...]]:
    given = {"permission_type": "Share", "account_ids_to_remove": grantee}
    return lambda _call, name: cli_arguments("ssm", "modify-document-permission", name=name, **given)


_TAKE_BACK = {
    "snapshot": _of_snapshot,
    "image": _of_image,
    "db_snapshot": _of_db_snapshot,
    "db_cluster_snapshot": _of_db_cluster_snapshot,
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
            return [*changes, *(_taken(call, named, _grantee(each)) for each in removed)]
        names = word(call.request_parameters, "attributetype") or word(call.request_parameters, "attribute")
        if names.replace("_", "") == attribute or value_at(call.request_parameters, path) is not None:
            raise UnknownShapeError(path)
        is_another_setting = len(call.request_parameters) > 1 and any(names_of(call, named))
        return [] if is_another_setting else [call.not_understood()]

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
        changes = [given(call, named, each) for each in values_at(call.request_parameters, added)]
        changes += [_taken(call, named, each) for each in values_at(call.request_parameters, removed)]
        if not changes:
            raise UnknownShapeError(added)
        return changes

    return read


def one_account(named: Named, key: str, change_of: Callable[[ParsedCall, Named, Any], Change] = given) -> Read:
    def read(call: ParsedCall) -> Iterable[Change]:
        if call.request is None:
            return [without_parameters(call, named)]
        return [change_of(call, named, call.request_parameters.get(key))]

    return read


def resource_share(call: ParsedCall) -> Iterable[Change]:
    """AWS Resource Access Manager: principals are accounts, users and roles, organizations and parts of one."""
    if call.request is None:
        return [without_parameters(call, _SHARE)]
    principals = [as_text(each) for each in as_list(call.request_parameters.get("principals"))]
    if None in principals:
        raise UnknownShapeError("principals")
    outside = [each for each in principals if each and not _SERVICE.match(each)]
    if call.call.event_name.startswith("Disassociate"):
        return [_taken(call, _SHARE, each) for each in outside or [""]]
    if outside:
        return [_with_arn(call, given(call, _SHARE, each)) for each in outside]
    (name,) = names_of(call, _SHARE)
    return [resource_change(call, Impact.POLICY_INSIDE, _SHARE.kind, name)]


def _with_arn(call: ParsedCall, change: Change) -> Change:
    """A share is created by a name, and every later call names it by the ARN."""
    facts, arn = change.facts, as_text(value_at(call.response_elements, "resourceshare.resourcesharearn"))
    if not isinstance(facts, ResourceFacts):
        return change
    resource = structs.replace(facts.resource, arn=arn)
    return structs.replace(change, facts=structs.replace(facts, resource=resource))


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


def _takes(read: Read, action: Action) -> CallSpec:
    return CallSpec(Family.PUBLIC_ACCESS, action, read)


_ADDS, _REVOKES = Action.AUTHORIZE, Action.REVOKE
_WAREHOUSE = Named("warehouse_snapshot", ("snapshotidentifier", "snapshotarn"))
_DOMAIN = Named("domain", ("domainname",))
_PORT = Named("network_interface", ("networkinterfaceid",))
CALL_SPECS: dict[tuple[str, str], CallSpec] = {
    ("ec2", "ModifySnapshotAttribute"): _reads(
        permissions(_SNAPSHOT, "createvolumepermission", "createvolumepermission")
    ),
    ("ec2", "ModifyImageAttribute"): _reads(permissions(_IMAGE, "launchpermission", "launchpermission")),
    ("ec2", "CreateNetworkInterfacePermission"): _reads(one_account(_PORT, "awsaccountid"), _ADDS),
    ("rds", "ModifyDBSnapshotAttribute"): _reads(listed_accounts(_DB_SNAPSHOT, "valuestoadd", "valuestoremove")),
    ("rds", "ModifyDBClusterSnapshotAttribute"): _reads(
        listed_accounts(_DB_CLUSTER_SNAPSHOT, "valuestoadd", "valuestoremove")
    ),
    ("redshift", "AuthorizeSnapshotAccess"): _reads(one_account(_WAREHOUSE, "accountwithrestoreaccess"), _ADDS),
    ("redshift", "RevokeSnapshotAccess"): _takes(one_account(_WAREHOUSE, "accountwithrestoreaccess", _taken), _REVOKES),
    ("route53domains", "TransferDomainToAnotherAwsAccount"): _reads(one_account(_DOMAIN, "accountid"), _ADDS),
    ("ssm", "ModifyDocumentPermission"): _reads(listed_accounts(_DOCUMENT, "accountidstoadd", "accountidstoremove")),
    ("ram", "CreateResourceShare"): _reads(resource_share, Action.CREATE),
    ("ram", "AssociateResourceShare"): _reads(resource_share, Action.ASSOCIATE),
    ("ram", "DisassociateResourceShare"): _takes(resource_share, Action.DISASSOCIATE),
    ("codebuild", "UpdateProjectVisibility"): _reads(project_visibility),
}
