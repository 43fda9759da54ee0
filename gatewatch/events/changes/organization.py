"""Who may act across accounts: Identity Center, AWS Organizations, account settings, sessions of the root user.

Of AWS Organizations and Account Management every write is read, by whatever name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import structs

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.iam_policy import privilege_level_of, read_document
from gatewatch.events.changes.normalization import Fields, as_account_id, as_text, first_present, is_true
from gatewatch.events.changes.resource_call import (
    Named,
    UnknownShapeError,
    names_of,
    resource_change,
    row,
    undo_by,
    value_at,
    without_parameters,
)
from gatewatch.model.aws_cli import cli_arguments
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.iam import PrivilegeLevel
from gatewatch.model.resource import Impact, ResourceFacts
from gatewatch.model.security_group import AccountPeer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gatewatch.model.api_call import ApiCall

_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)", re.ASCII)
_SET = Named("permission_set", ("permissionsetarn", "permissionset.permissionsetarn", "name"))
_GROUP = Named("identity_center_group", ("groupid",))
_DIRECTORY = Named("identity_center", ("instancearn", "directoryid", "identitystoreid"), is_optional=True)
_TARGET = Named("root_user", ("targetprincipal",))
_ANYTHING = (
    "policyid",
    "policytype",
    "accountid",
    "targetid",
    "handshakeid",
    "serviceprincipal",
    "organizationalunitid",
    "regionname",
    "accountname",
    "name",
    "target.id",
    "policy.policysummary.id",
)
_OF_ORGANIZATION = Named("organization", _ANYTHING, is_optional=True)
_OF_ACCOUNT = Named("account", _ANYTHING, is_optional=True)


def _assignment(call: ParsedCall) -> Iterable[Change]:
    """Who gets a permission set, and in which account."""
    if call.request is None:
        return [without_parameters(call, _SET)]
    (name,) = names_of(call, _SET)
    target = as_account_id(call.request_parameters.get("targetid"))
    kind, principal = (
        as_text(call.request_parameters.get("principaltype")),
        as_text(call.request_parameters.get("principalid")),
    )
    if target is None or principal is None:
        raise UnknownShapeError("targetid")
    detail = f"{(kind or 'principal').lower()} {principal}"
    peer = AccountPeer(target)
    return [resource_change(call, Impact.ASSIGNMENT, _SET.kind, name, peer=peer, detail=detail, undo=_unassign)]


def _unassign(call: ParsedCall, name: str) -> tuple[str, ...]:
    given = {key: as_text(call.request_parameters.get(key)) for key in ("instancearn", "principaltype", "principalid")}
    return cli_arguments(
        "sso-admin",
        "delete-account-assignment",
        instance_arn=given["instancearn"],
        target_id=as_account_id(call.request_parameters.get("targetid")),
        target_type="AWS_ACCOUNT",
        permission_set_arn=name,
        principal_type=given["principaltype"],
        principal_id=given["principalid"],
    )


def _assignment_removed(call: ParsedCall) -> Iterable[Change]:
    if call.request is None:
        return [without_parameters(call, _SET)]
    (name,) = names_of(call, _SET)
    target = as_account_id(call.request_parameters.get("targetid"))
    peer = AccountPeer(target) if target else None
    return [resource_change(call, Impact.ASSIGNMENT_REMOVED, _SET.kind, name, peer=peer)]


def _inline_policy(call: ParsedCall) -> Iterable[Change]:
    if call.request is None:
        return [without_parameters(call, _SET)]
    document = read_document(call.request_parameters.get("inlinepolicy"))
    if document is None:
        raise UnknownShapeError("inlinepolicy")
    (name,) = names_of(call, _SET)
    change = resource_change(call, Impact.PERMISSION_SET, _SET.kind, name)
    reach = privilege_level_of(document)
    return [
        _with(
            change, is_administrator=reach is PrivilegeLevel.ADMINISTRATOR, escalates=reach is PrivilegeLevel.ESCALATES
        )
    ]


def _named_policy(*keys: str) -> Callable[[ParsedCall], Iterable[Change]]:
    """A policy that a permission set gets by its ARN or name."""

    def read(call: ParsedCall) -> Iterable[Change]:
        if call.request is None:
            return [without_parameters(call, _SET)]
        policy = next((found for key in keys if (found := as_text(value_at(call.request_parameters, key)))), None)
        if policy is None:
            raise UnknownShapeError(keys[0])
        (name,) = names_of(call, _SET)
        return [resource_change(call, Impact.PERMISSION_SET, _SET.kind, name, detail=policy)]

    return read


def _with(change: Change, **facts: Any) -> Change:
    known = change.facts if isinstance(change.facts, ResourceFacts) else None
    return structs.replace(change, facts=structs.replace(known, **facts)) if known else change


def _root_session(call: ParsedCall) -> Iterable[Change]:
    """AssumeRoot: a session as the root user of a member as_account_id, for one kind of task."""
    if call.request is None:
        return [without_parameters(call, _TARGET)]
    (name,) = names_of(call, _TARGET)
    match = _ACCOUNT.search(as_account_id(call.request_parameters.get("targetprincipal")) or "")
    peer = AccountPeer(match[0]) if match else None
    task = as_text(value_at(call.request_parameters, "taskpolicyarn.arn"))
    return [resource_change(call, Impact.ROOT_SESSION, _TARGET.kind, name, peer=peer, detail=task)]


def _content(request_parameters: Fields) -> Impact:
    """What a policy says is what counts; its name and description do not."""
    is_renamed = first_present(request_parameters, "name", "description") is not None
    if "content" not in request_parameters and not is_renamed:
        raise UnknownShapeError("content")
    return Impact.GUARDRAIL_REMOVED if "content" in request_parameters else Impact.ORGANIZATION_CHANGED


def _own(effect: Any, named: Named, action: Action = Action.OTHER, **more: Any) -> CallSpec:
    return row(Family.ORGANIZATION, action, effect, named, **more)


def _reads(read: Callable[[ParsedCall], Iterable[Change]], action: Action, *, is_severe: bool = False) -> CallSpec:
    return CallSpec(Family.ORGANIZATION, action, read, is_severe=is_severe)


_C, _D, _M, _A, _X = Action.CREATE, Action.DELETE, Action.MODIFY, Action.ATTACH, Action.DETACH
_attach_policy = undo_by("organizations", "attach-policy", policy_id="policyid", target_id="targetid")
_deregister = undo_by(
    "organizations",
    "deregister-delegated-administrator",
    account_id="accountid",
    service_principal="serviceprincipal",
)
_disable_access = undo_by("organizations", "disable-aws-service-access", service_principal="serviceprincipal")
_POLICY = Named("organization_policy", ("policyid", "policytype"))
_LEAVING = Named("account", ("accountid",), is_optional=True)
_SERVICE = Named("organization_service", ("serviceprincipal", "accountid"), is_optional=True)
_MEMBER = Named("identity_center_group", ("groupid", "membershipid"))
_USER = Named("identity_center_user", ("userid", "username", "name"), is_optional=True)
_NOTHING = Named("organization")

_IDENTITY_CENTER: dict[tuple[str, str], CallSpec] = {
    ("sso", "CreatePermissionSet"): _own(Impact.PERMISSION_SET, _SET, _C),
    ("sso", "UpdatePermissionSet"): _own(Impact.PERMISSION_SET, _SET, _M),
    ("sso", "ProvisionPermissionSet"): _own(Impact.PERMISSION_SET, _SET, _M),
    ("sso", "DeletePermissionSet"): _own(Impact.PERMISSION_SET_REDUCED, _SET, _D),
    ("sso", "PutInlinePolicyToPermissionSet"): _reads(_inline_policy, _A, is_severe=True),
    ("sso", "DeleteInlinePolicyFromPermissionSet"): _own(Impact.PERMISSION_SET_REDUCED, _SET, _X),
    ("sso", "AttachManagedPolicyToPermissionSet"): _reads(_named_policy("managedpolicyarn"), _A, is_severe=True),
    ("sso", "DetachManagedPolicyFromPermissionSet"): _own(Impact.PERMISSION_SET_REDUCED, _SET, _X),
    ("sso", "AttachCustomerManagedPolicyReferenceToPermissionSet"): _reads(
        _named_policy("customermanagedpolicyreference.name"), _A, is_severe=True
    ),
    ("sso", "DetachCustomerManagedPolicyReferenceFromPermissionSet"): _own(Impact.PERMISSION_SET_REDUCED, _SET, _X),
    ("sso", "PutPermissionsBoundaryToPermissionSet"): _own(Impact.PERMISSION_SET, _SET, _M),
    ("sso", "DeletePermissionsBoundaryFromPermissionSet"): _own(Impact.BOUNDARY_REMOVED, _SET, _D),
    ("sso", "CreateAccountAssignment"): _reads(_assignment, _C),
    ("sso", "DeleteAccountAssignment"): _reads(_assignment_removed, _D),
    ("identitystore", "CreateGroupMembership"): _own(Impact.GROUP_MEMBER, _GROUP, _C),
    ("identitystore", "DeleteGroupMembership"): _own(Impact.GROUP_MEMBER_REMOVED, _MEMBER, _D),
    ("sso-directory", "AddMemberToGroup"): _own(Impact.GROUP_MEMBER, _GROUP, _C),
    ("sso-directory", "RemoveMemberFromGroup"): _own(Impact.GROUP_MEMBER_REMOVED, _MEMBER, _D),
    ("identitystore", "CreateUser"): _own(Impact.DIRECTORY, _USER, _C),
    ("sso-directory", "CreateUser"): _own(Impact.DIRECTORY, _USER, _C),
    ("sso-directory", "UpdatePassword"): _own(Impact.DIRECTORY, _USER, _M),
    ("sso-directory", "DeleteMfaDeviceForUser"): _own(Impact.DIRECTORY, _USER, _D),
    **{
        (service, name): _own(Impact.IDENTITY_SOURCE, _DIRECTORY, Action.OTHER)
        for service, name in (
            ("sso", "AssociateDirectory"),
            ("sso", "DisassociateDirectory"),
            ("sso", "UpdateInstanceAccessControlAttributeConfiguration"),
            ("sso", "CreateTrustedTokenIssuer"),
            ("sso", "UpdateTrustedTokenIssuer"),
            ("sso", "UpdateSsoConfiguration"),
            ("sso-directory", "EnableExternalIdPConfigurationForDirectory"),
            ("sso-directory", "DisableExternalIdPConfigurationForDirectory"),
            ("sso-directory", "CreateExternalIdPConfigurationForDirectory"),
            ("sso-directory", "UpdateExternalIdPConfigurationForDirectory"),
            ("sso-directory", "DeleteExternalIdPConfigurationForDirectory"),
            ("sso-directory", "CreateBearerToken"),
        )
    },
    # Certificates of an own authority become sessions of roles.
    **{
        ("rolesanywhere", name): _own(Impact.IDENTITY_SOURCE, Named("roles_anywhere", ("name", *keys)), action)
        for name, action, keys in (
            ("CreateTrustAnchor", _C, ()),
            ("UpdateTrustAnchor", _M, ("trustanchorid",)),
            ("EnableTrustAnchor", _M, ("trustanchorid",)),
            ("CreateProfile", _C, ()),
            ("UpdateProfile", _M, ("profileid",)),
            ("EnableProfile", _M, ("profileid",)),
        )
    },
}
_SESSIONS: dict[tuple[str, str], CallSpec] = {
    ("sts", "AssumeRoot"): _reads(_root_session, Action.OTHER, is_severe=True),
    ("sts", "GetFederationToken"): _own(Impact.FEDERATION_TOKEN, Named("federated_user", ("name",))),
}
# AWS Organizations, Account Management and IAM are recorded in one Region of a partition.
IN_EVERY_REGION = {**_IDENTITY_CENTER, **_SESSIONS}
CALL_SPECS: dict[tuple[str, str], CallSpec] = {
    **IN_EVERY_REGION,
    ("organizations", "LeaveOrganization"): _own(Impact.ACCOUNT_LEFT, Named("account")),
    ("organizations", "RemoveAccountFromOrganization"): _own(Impact.ACCOUNT_LEFT, _LEAVING, _D),
    ("organizations", "DetachPolicy"): _own(Impact.GUARDRAIL_REMOVED, _POLICY, _X, undo=_attach_policy),
    ("organizations", "DeletePolicy"): _own(Impact.GUARDRAIL_REMOVED, _POLICY, _D),
    ("organizations", "DisablePolicyType"): _own(Impact.GUARDRAIL_REMOVED, _POLICY, _D),
    ("organizations", "UpdatePolicy"): _own(_content, _POLICY, _M, worst=Impact.GUARDRAIL_REMOVED),
    ("organizations", "RegisterDelegatedAdministrator"): _own(Impact.DELEGATED, _SERVICE, _C, undo=_deregister),
    ("organizations", "EnableAWSServiceAccess"): _own(Impact.DELEGATED, _SERVICE, _C, undo=_disable_access),
    ("organizations", "PutResourcePolicy"): _own(Impact.DELEGATED, _NOTHING, _M),
    # Whoever reads the mail of this address may set a new password of the root user.
    ("account", "AcceptPrimaryEmailUpdate"): _own(Impact.ROOT_EMAIL, _OF_ACCOUNT, _M),
    ("iam", "DisableOrganizationsRootCredentialsManagement"): _own(Impact.ROOT_MANAGEMENT_OFF, _NOTHING, _D),
    ("iam", "DisableOrganizationsRootSessions"): _own(Impact.ROOT_MANAGEMENT_OFF, _NOTHING, _D),
}

_READS = ("Get", "List", "Describe")
_ACTIONS = {
    "Create": Action.CREATE,
    "Delete": Action.DELETE,
    "Attach": Action.ATTACH,
    "Detach": Action.DETACH,
    "Update": Action.MODIFY,
    "Put": Action.MODIFY,
}


def any_write_of_organizations(call: ApiCall) -> CallSpec | None:
    return _any_write(call, Impact.ORGANIZATION_CHANGED, _OF_ORGANIZATION)


def any_write_of_account(call: ApiCall) -> CallSpec | None:
    return _any_write(call, Impact.ACCOUNT_CHANGED, _OF_ACCOUNT)


def _any_write(call: ApiCall, effect: Impact, named: Named) -> CallSpec | None:
    """A name that nobody as_list is a read when it begins like one, or says so."""
    name = call.event_name
    if name.startswith(_READS) or is_true(call.record.get("readOnly")):
        return None
    action = next((action for begin, action in _ACTIONS.items() if name.startswith(begin)), Action.OTHER)
    return _own(effect, named, action)
