"""Names of IAM calls -> operation and action, and which names are reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.normalization import Fields, as_text, is_true
from gatewatch.model.change import Action
from gatewatch.model.iam import IamOperation

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
_ENTITY_TYPES = (*_PRINCIPALS, "InstanceProfile", "AccountAlias")
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


def _operations(pattern: str, operation: IamOperation, types: tuple[str, ...]) -> dict[str, IamOperation]:
    return {pattern.format(each): operation for each in types}


OPERATIONS: dict[str, IamOperation] = {
    **_operations("Attach{}Policy", IamOperation.POLICY_ATTACHED, _PRINCIPALS),
    **_operations("Detach{}Policy", IamOperation.POLICY_DETACHED, _PRINCIPALS),
    **_operations("Put{}Policy", IamOperation.POLICY_WRITTEN, _PRINCIPALS),
    **_operations("Delete{}Policy", IamOperation.POLICY_REMOVED, _PRINCIPALS),
    "CreatePolicy": IamOperation.POLICY_CREATED,
    "DeletePolicy": IamOperation.POLICY_DELETED,
    "CreatePolicyVersion": IamOperation.VERSION_CREATED,
    "SetDefaultPolicyVersion": IamOperation.VERSION_SET,
    "DeletePolicyVersion": IamOperation.VERSION_DELETED,
    "UpdateAssumeRolePolicy": IamOperation.TRUST_CHANGED,
    **_operations("Create{}", IamOperation.ENTITY_CREATED, _ENTITY_TYPES),
    **_operations("Delete{}", IamOperation.ENTITY_DELETED, _ENTITY_TYPES),
    **_operations("Update{}", IamOperation.ENTITY_CHANGED, (*_PRINCIPALS, "RoleDescription", "ServerCertificate")),
    "UploadServerCertificate": IamOperation.ENTITY_CREATED,
    "DeleteServerCertificate": IamOperation.ENTITY_DELETED,
    "AcquireRole": IamOperation.ENTITY_CREATED,
    "CreateAccessKey": IamOperation.KEY_CREATED,
    "UpdateAccessKey": IamOperation.KEY_DEACTIVATED,
    "DeleteAccessKey": IamOperation.KEY_DELETED,
    **_operations("Create{}", IamOperation.CREDENTIAL_CREATED, ("ServiceSpecificCredential",)),
    **_operations("Upload{}", IamOperation.CREDENTIAL_CREATED, _CREDENTIALS[1:]),
    "ResetServiceSpecificCredential": IamOperation.CREDENTIAL_CREATED,
    **_operations("Update{}", IamOperation.CREDENTIAL_CHANGED, _CREDENTIALS),
    **_operations("Delete{}", IamOperation.CREDENTIAL_DELETED, _CREDENTIALS),
    "CreateLoginProfile": IamOperation.LOGIN_CREATED,
    "UpdateLoginProfile": IamOperation.LOGIN_CHANGED,
    "DeleteLoginProfile": IamOperation.LOGIN_DELETED,
    "ChangePassword": IamOperation.PASSWORD_CHANGED,
    "CreateVirtualMFADevice": IamOperation.MFA_CREATED,
    "EnableMFADevice": IamOperation.MFA_ENABLED,
    "DeactivateMFADevice": IamOperation.MFA_REMOVED,
    "DeleteVirtualMFADevice": IamOperation.MFA_DELETED,
    **_operations("Put{}PermissionsBoundary", IamOperation.BOUNDARY_SET, ("User", "Role")),
    **_operations("Delete{}PermissionsBoundary", IamOperation.BOUNDARY_REMOVED, ("User", "Role")),
    "UpdateAccountPasswordPolicy": IamOperation.PASSWORD_POLICY_CHANGED,
    "DeleteAccountPasswordPolicy": IamOperation.PASSWORD_POLICY_DELETED,
    "AddUserToGroup": IamOperation.GROUP_JOINED,
    "RemoveUserFromGroup": IamOperation.GROUP_LEFT,
    "AddRoleToInstanceProfile": IamOperation.PROFILE_ROLE_ADDED,
    "RemoveRoleFromInstanceProfile": IamOperation.PROFILE_ROLE_REMOVED,
    **_operations("Create{}", IamOperation.PROVIDER_CREATED, _PROVIDERS),
    **_operations("Update{}", IamOperation.PROVIDER_CHANGED, (*_PROVIDERS, "OpenIDConnectProviderThumbprint")),
    "AddClientIDToOpenIDConnectProvider": IamOperation.PROVIDER_CHANGED,
    "RemoveClientIDFromOpenIDConnectProvider": IamOperation.PROVIDER_CHANGED,
    **_operations("Delete{}", IamOperation.PROVIDER_DELETED, _PROVIDERS),
    "CreateServiceLinkedRole": IamOperation.SERVICE_ROLE_CREATED,
    "DeleteServiceLinkedRole": IamOperation.SERVICE_ROLE_DELETED,
    # Each lets somebody outside act in the account, or vouch for its identities elsewhere.
    "AcceptDelegationRequest": IamOperation.ACCESS_FEATURE,
    "SendDelegationToken": IamOperation.ACCESS_FEATURE,
    "EnableOrganizationsRootCredentialsManagement": IamOperation.ACCESS_FEATURE,
    "EnableOrganizationsRootSessions": IamOperation.ACCESS_FEATURE,
    "EnableOutboundWebIdentityFederation": IamOperation.ACCESS_FEATURE,
    **_operations("Tag{}", IamOperation.TAGGED, _TAGGABLE),
    **_operations("Untag{}", IamOperation.UNTAGGED, _TAGGABLE),
}


def is_read(event_name: str) -> bool:
    return event_name.startswith(_READS)


def action_of(event_name: str) -> Action:
    """The action that the prefix of the name says, else `other`."""
    return next((action for prefix, action in _ACTIONS.items() if event_name.startswith(prefix)), Action.OTHER)


def operation_of(event_name: str, request: Fields) -> IamOperation:
    operation = OPERATIONS.get(event_name, IamOperation.OTHER)
    is_inactive = (as_text(request.get("status")) or "").lower() == "inactive"
    return IamOperation.KEY_ACTIVATED if operation is IamOperation.KEY_DEACTIVATED and not is_inactive else operation


def _at_least(least: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least


# CIS AWS Foundations Benchmark 1.8 and 1.9: 14 characters, 24 passwords remembered. The others are Security Hub IAM.15.
CIS_PASSWORD_POLICY: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("minimumpasswordlength", _at_least(14)),
    ("passwordreuseprevention", _at_least(24)),
    ("requiresymbols", is_true),
    ("requirenumbers", is_true),
    ("requireuppercasecharacters", is_true),
    ("requirelowercasecharacters", is_true),
)
