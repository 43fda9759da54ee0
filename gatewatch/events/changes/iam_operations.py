"""What the name of an IAM call means: a deed, an action, or a read that is nobody's business."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.normalization import Fields, is_true, text
from gatewatch.model.change import Action
from gatewatch.model.iam import Deed

if TYPE_CHECKING:
    from collections.abc import Callable

_READS = ("Get", "List", "Simulate", "Generate")
_ACTIONS = {
    "Attach": Action.ATTACH,
    "Detach": Action.DETACH,
    "Create": Action.CREATE,
    "Delete": Action.DELETE,
}
_PRINCIPALS = ("User", "Role", "Group")
_THINGS = (*_PRINCIPALS, "InstanceProfile", "AccountAlias")
_PROVIDERS = ("SAMLProvider", "OpenIDConnectProvider")
_CREDENTIALS = ("ServiceSpecificCredential", "SSHPublicKey", "SigningCertificate")
_TAGGABLE = (
    *_PRINCIPALS,
    "Policy",
    "InstanceProfile",
    "MFADevice",
    "SAMLProvider",
    "OpenIDConnectProvider",
    "ServerCertificate",
)


def _names(pattern: str, deed: Deed, things: tuple[str, ...]) -> dict[str, Deed]:
    return {pattern.format(each): deed for each in things}


DEEDS: dict[str, Deed] = {
    **_names("Attach{}Policy", Deed.POLICY_ATTACHED, _PRINCIPALS),
    **_names("Detach{}Policy", Deed.POLICY_DETACHED, _PRINCIPALS),
    **_names("Put{}Policy", Deed.POLICY_WRITTEN, _PRINCIPALS),
    **_names("Delete{}Policy", Deed.POLICY_REMOVED, _PRINCIPALS),
    "CreatePolicy": Deed.POLICY_CREATED,
    "DeletePolicy": Deed.POLICY_DELETED,
    "CreatePolicyVersion": Deed.VERSION_CREATED,
    "SetDefaultPolicyVersion": Deed.VERSION_SET,
    "DeletePolicyVersion": Deed.VERSION_DELETED,
    "UpdateAssumeRolePolicy": Deed.TRUST_CHANGED,
    **_names("Create{}", Deed.ENTITY_CREATED, _THINGS),
    **_names("Delete{}", Deed.ENTITY_DELETED, _THINGS),
    **_names("Update{}", Deed.ENTITY_CHANGED, (*_PRINCIPALS, "RoleDescription", "ServerCertificate")),
    "UploadServerCertificate": Deed.ENTITY_CREATED,
    "DeleteServerCertificate": Deed.ENTITY_DELETED,
    "CreateAccessKey": Deed.KEY_CREATED,
    "UpdateAccessKey": Deed.KEY_DEACTIVATED,
    "DeleteAccessKey": Deed.KEY_DELETED,
    **_names("Create{}", Deed.CREDENTIAL_CREATED, ("ServiceSpecificCredential",)),
    **_names("Upload{}", Deed.CREDENTIAL_CREATED, _CREDENTIALS[1:]),
    "ResetServiceSpecificCredential": Deed.CREDENTIAL_CREATED,
    **_names("Update{}", Deed.CREDENTIAL_CHANGED, _CREDENTIALS),
    **_names("Delete{}", Deed.CREDENTIAL_DELETED, _CREDENTIALS),
    "CreateLoginProfile": Deed.LOGIN_CREATED,
    "UpdateLoginProfile": Deed.LOGIN_CHANGED,
    "DeleteLoginProfile": Deed.LOGIN_DELETED,
    "ChangePassword": Deed.PASSWORD_CHANGED,
    "CreateVirtualMFADevice": Deed.MFA_CREATED,
    "EnableMFADevice": Deed.MFA_ENABLED,
    "DeactivateMFADevice": Deed.MFA_REMOVED,
    "DeleteVirtualMFADevice": Deed.MFA_DELETED,
    **_names("Put{}PermissionsBoundary", Deed.BOUNDARY_SET, ("User", "Role")),
    **_names("Delete{}PermissionsBoundary", Deed.BOUNDARY_REMOVED, ("User", "Role")),
    "UpdateAccountPasswordPolicy": Deed.PASSWORD_POLICY_CHANGED,
    "DeleteAccountPasswordPolicy": Deed.PASSWORD_POLICY_DELETED,
    "AddUserToGroup": Deed.GROUP_JOINED,
    "RemoveUserFromGroup": Deed.GROUP_LEFT,
    "AddRoleToInstanceProfile": Deed.PROFILE_ROLE_ADDED,
    "RemoveRoleFromInstanceProfile": Deed.PROFILE_ROLE_REMOVED,
    **_names("Create{}", Deed.PROVIDER_CREATED, _PROVIDERS),
    **_names("Update{}", Deed.PROVIDER_CHANGED, ("SAMLProvider", "OpenIDConnectProviderThumbprint")),
    "AddClientIDToOpenIDConnectProvider": Deed.PROVIDER_CHANGED,
    "RemoveClientIDFromOpenIDConnectProvider": Deed.PROVIDER_CHANGED,
    **_names("Delete{}", Deed.PROVIDER_DELETED, _PROVIDERS),
    "CreateServiceLinkedRole": Deed.SERVICE_ROLE_CREATED,
    "DeleteServiceLinkedRole": Deed.SERVICE_ROLE_DELETED,
    **_names("Tag{}", Deed.TAGGED, _TAGGABLE),
    **_names("Untag{}", Deed.UNTAGGED, _TAGGABLE),
}


def is_read(event_name: str) -> bool:
    return event_name.startswith(_READS)


def action_of(event_name: str) -> Action:
    """What the name says; everything that it does not say is `other`."""
    return next((action for prefix, action in _ACTIONS.items() if event_name.startswith(prefix)), Action.OTHER)


def deed_of(event_name: str, asked: Fields) -> Deed:
    deed = DEEDS.get(event_name, Deed.OTHER)
    is_activation = deed is Deed.KEY_DEACTIVATED and (text(asked.get("status")) or "").lower() == "active"
    return Deed.KEY_ACTIVATED if is_activation else deed


def _at_least(least: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least


# CIS AWS Foundations Benchmark 1.8 and 1.9: 14 characters, 24 passwords remembered; the rest is IAM.15's list.
CIS_PASSWORD_POLICY: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("minimumpasswordlength", _at_least(14)),
    ("passwordreuseprevention", _at_least(24)),
    ("requiresymbols", is_true),
    ("requirenumbers", is_true),
    ("requireuppercasecharacters", is_true),
    ("requirelowercasecharacters", is_true),
)
