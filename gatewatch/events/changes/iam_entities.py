"""The user, role or policy an IAM call is about, and whether that is the caller, root, or an AWS service's role."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.normalization import Fields, as_text, first_present
from gatewatch.model.iam import Entity, IamOperation

if TYPE_CHECKING:
    from gatewatch.events.changes.base import ParsedCall
    from gatewatch.model.api_call import ApiCall

ROOT = Entity("user", "root")
DENIED_RESOURCE = re.compile(
    r"on resource: (?:arn:[^:\s]*:iam::\d*:)?(user|role|group|policy|instance-profile)[ /](\S+)"
)
_LINKED = "/aws-service-role/"  # IAM reserves paths of roles that begin with it
# In the order of preference: a call that names a user and a policy is about the user.
_ENTITIES = (
    ("user", ("username",)),
    ("role", ("rolename",)),
    ("group", ("groupname",)),
    ("policy", ("policyarn", "policyname")),
    ("instance-profile", ("instanceprofilename",)),
    ("saml-provider", ("samlproviderarn", "name")),
    ("oidc-provider", ("openidconnectproviderarn", "url")),
    ("server-certificate", ("servercertificatename",)),
    ("mfa", ("serialnumber", "virtualmfadevicename")),
    ("account-alias", ("accountalias",)),
    ("service", ("awsservicename",)),
)
_PARAMETERS = dict(_ENTITIES)
# Operations on the caller's own user when the call names no user.
_SELF_SERVICE = frozenset(
    {
        IamOperation.KEY_CREATED,
        IamOperation.KEY_ACTIVATED,
        IamOperation.KEY_DEACTIVATED,
        IamOperation.KEY_DELETED,
        IamOperation.PASSWORD_CHANGED,
    }
) | {
    IamOperation.CREDENTIAL_CREATED,
    IamOperation.LOGIN_CREATED,
    IamOperation.LOGIN_CHANGED,
    IamOperation.LOGIN_DELETED,
    IamOperation.MFA_ENABLED,
    IamOperation.MFA_REMOVED,
}
TARGET_KINDS = {
    IamOperation.POLICY_ATTACHED: "policy",
    IamOperation.POLICY_DETACHED: "policy",
    IamOperation.POLICY_WRITTEN: "policy",
    IamOperation.POLICY_REMOVED: "policy",
    IamOperation.BOUNDARY_SET: "policy",
    IamOperation.GROUP_JOINED: "group",
    IamOperation.GROUP_LEFT: "group",
    IamOperation.PROFILE_ROLE_ADDED: "instance-profile",
    IamOperation.PROFILE_ROLE_REMOVED: "instance-profile",
}


def entity_of(call: ParsedCall, operation: IamOperation) -> Entity | None:
    """The entity a call is about. A call about the caller's own key, password or MFA device names no user."""
    if operation is IamOperation.MFA_REMOVED and "root-account-mfa-device" in (
        as_text(call.request_parameters.get("serialnumber")) or ""
    ):
        return ROOT
    request = call.request_parameters
    for kind, names in _ENTITIES:
        if named := _named(kind, first_present(request, *names)):
            return named
    return _caller(call) if operation in _SELF_SERVICE else None


def target_of(call: ParsedCall, operation: IamOperation) -> Entity | None:
    """The policy that an entity got or lost, or the group or instance profile it joined or left."""
    kind = TARGET_KINDS.get(operation)
    if kind is None:
        return None
    names = _PARAMETERS[kind]
    value = (
        first_present(call.request_parameters, "permissionsboundary", *names)
        if operation is IamOperation.BOUNDARY_SET
        else first_present(call.request_parameters, *names)
    )
    return _named(kind, value)


def _named(kind: str, value: Any) -> Entity | None:
    """An entity by its name or ARN; the name of `arn:…:policy/team/Deploy` is `Deploy`."""
    name = as_text(value)
    if name is None:
        return None
    if name.startswith("arn:"):
        return Entity(kind, name.rpartition("/")[2], arn=name)
    return Entity(kind, name.removeprefix("https://"))


def _caller(call: ParsedCall) -> Entity | None:
    response = next((each for each in call.response_elements.values() if isinstance(each, dict)), {})
    if name := as_text(response.get("username")):
        return Entity("user", name)
    if call.call.actor.type == "Root":
        return ROOT
    return Entity("user", _user_name(call.call)) if call.call.actor.type == "IAMUser" else None


def _user_name(call: ApiCall) -> str:
    return next(iter(call.actor.verified_names), call.actor.name)


def is_caller(entity: Entity | None, call: ApiCall) -> bool:
    """Whether the entity is the caller: the user, root, or the role that the caller acts in.

    IAM ignores the case of names.
    """
    if entity is None:
        return False
    if entity == ROOT or call.actor.type == "Root":
        return entity == ROOT and call.actor.type == "Root"
    is_user = call.actor.type == "IAMUser"
    name = _user_name(call) if is_user else str(_issuer(call).get("userName") or "")
    return entity.kind == ("user" if is_user else "role") and entity.name.lower() == name.lower()


def is_service_work(call: ParsedCall, operation: IamOperation) -> bool:
    """Whether AWS did it for one of its services: service-linked roles, calls by a service's own identity."""
    if call.call.is_aws_work or operation in {IamOperation.SERVICE_ROLE_CREATED, IamOperation.SERVICE_ROLE_DELETED}:
        return True
    is_new_role = call.call.event_name == "CreateRole"
    return is_new_role and (as_text(call.request_parameters.get("path")) or "").startswith(_LINKED)


def _issuer(call: ApiCall) -> Fields:
    """`userIdentity.sessionContext.sessionIssuer` of the record: the role whose session made the call."""
    value: Any = call.record
    for key in ("userIdentity", "sessionContext", "sessionIssuer"):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
