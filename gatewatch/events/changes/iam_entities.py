"""Who and what an IAM call is about, and whether the caller did it to themselves, as root, or for AWS."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.normalization import Fields, first, text
from gatewatch.model.api_call import Via
from gatewatch.model.iam import Deed, Entity

if TYPE_CHECKING:
    from gatewatch.events.changes.base import ReadCall
    from gatewatch.model.api_call import ApiCall

ROOT = Entity("user", "root")
DENIED_ON = re.compile(r"on resource: (?:arn:[^:\s]*:iam::\d*:)?(user|role|group|policy|instance-profile)[ /](\S+)")
_LINKED = "/aws-service-role/"  # a path that IAM keeps for AWS
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
# Deeds of which the user is the caller when the call names none.
_OWN = frozenset(
    {Deed.KEY_CREATED, Deed.KEY_ACTIVATED, Deed.KEY_DEACTIVATED, Deed.KEY_DELETED, Deed.PASSWORD_CHANGED}
) | {Deed.CREDENTIAL_CREATED, Deed.LOGIN_CREATED, Deed.LOGIN_CHANGED, Deed.MFA_ENABLED, Deed.MFA_REMOVED}
SECONDS = {
    Deed.POLICY_ATTACHED: "policy",
    Deed.POLICY_DETACHED: "policy",
    Deed.POLICY_WRITTEN: "policy",
    Deed.POLICY_REMOVED: "policy",
    Deed.BOUNDARY_SET: "policy",
    Deed.GROUP_JOINED: "group",
    Deed.GROUP_LEFT: "group",
    Deed.PROFILE_ROLE_ADDED: "instance-profile",
    Deed.PROFILE_ROLE_REMOVED: "instance-profile",
}


def entity_of(call: ReadCall, deed: Deed) -> Entity | None:
    """The thing that the call is about; a call about one's own key, password or factor names nobody."""
    if deed is Deed.MFA_REMOVED and "root-account-mfa-device" in (text(call.asked.get("serialnumber")) or ""):
        return ROOT
    named = next((found for kind, names in _ENTITIES if (found := _named(kind, first(call.asked, *names)))), None)
    return named or (_caller(call) if deed in _OWN else None)


def second_of(call: ReadCall, deed: Deed) -> Entity | None:
    """The policy that an entity got or lost, the group, the instance profile."""
    kind = SECONDS.get(deed)
    names = dict(_ENTITIES).get(kind or "", ())
    value = first(call.asked, "permissionsboundary", *names) if deed is Deed.BOUNDARY_SET else first(call.asked, *names)
    return _named(kind, value) if kind else None


def _named(kind: str, value: Any) -> Entity | None:
    """`arn:…:policy/team/Deploy` has a name without its path, and is kept whole beside it."""
    name = text(value)
    if name is None:
        return None
    if name.startswith("arn:"):
        return Entity(kind, name.rpartition("/")[2], arn=name)
    return Entity(kind, name.removeprefix("https://"))


def _caller(call: ReadCall) -> Entity | None:
    answered = next((each for each in call.answered.values() if isinstance(each, dict)), {})
    if name := text(answered.get("username")):
        return Entity("user", name)
    if called_by_root(call.call):
        return ROOT
    return Entity("user", call.call.actor.name) if call.call.actor.type == "IAMUser" else None


def is_caller(entity: Entity | None, call: ApiCall) -> bool:
    """Whether the entity is the caller: the user, root, or the role that the caller acts in."""
    if entity is None:
        return False
    if entity == ROOT or call.actor.type == "Root":
        return entity == ROOT and called_by_root(call)
    if call.actor.type == "IAMUser":
        return entity == Entity("user", call.actor.name)
    return entity == Entity("role", str(_issuer(call).get("userName") or ""))


def called_by_root(call: ApiCall) -> bool:
    return call.actor.type == "Root"


def is_service_work(call: ReadCall, deed: Deed) -> bool:
    """What AWS does for its services: roles linked to one, calls made by one with an identity of its own."""
    if deed in {Deed.SERVICE_ROLE_CREATED, Deed.SERVICE_ROLE_DELETED} or call.call.actor.type == "AWSService":
        return True
    if call.call.via is Via.SERVICE and (text(call.asked.get("rolename")) or "").startswith("AWSServiceRoleFor"):
        return True
    return any(_LINKED in str(each) for each in (call.asked.get("path"), _issuer(call.call).get("arn")))


def _issuer(call: ApiCall) -> Fields:
    """The role whose session calls, of the record as it came."""
    value: Any = call.record
    for key in ("userIdentity", "sessionContext", "sessionIssuer"):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
