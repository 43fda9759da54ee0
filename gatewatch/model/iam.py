"""Values of the families `iam` and `sign_in`."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

_SHOWN = 4  # characters at each end of a masked key


def masked_key(key_id: str) -> str:
    """Return `AKIA…MPLE`: messages never hold a whole access key id."""
    return f"{key_id[:_SHOWN]}…{key_id[-_SHOWN:]}" if len(key_id) > 3 * _SHOWN else f"{key_id[:_SHOWN]}…"


class IamOperation(StrEnum):
    """What an IAM call does. Each has a phrase in `templates/labels`."""

    POLICY_ATTACHED = "policy_attached"
    POLICY_DETACHED = "policy_detached"
    POLICY_WRITTEN = "policy_written"
    POLICY_REMOVED = "policy_removed"
    POLICY_CREATED = "policy_created"
    POLICY_DELETED = "policy_deleted"
    VERSION_CREATED = "version_created"
    VERSION_SET = "version_set"
    VERSION_DELETED = "version_deleted"
    TRUST_CHANGED = "trust_changed"
    ENTITY_CREATED = "entity_created"
    ENTITY_CHANGED = "entity_changed"
    ENTITY_DELETED = "entity_deleted"
    KEY_CREATED = "key_created"
    KEY_ACTIVATED = "key_activated"
    KEY_DEACTIVATED = "key_deactivated"
    KEY_DELETED = "key_deleted"
    CREDENTIAL_CREATED = "credential_created"
    CREDENTIAL_CHANGED = "credential_changed"
    CREDENTIAL_DELETED = "credential_deleted"
    LOGIN_CREATED = "login_created"
    LOGIN_CHANGED = "login_changed"
    LOGIN_DELETED = "login_deleted"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  an operation, not a password
    MFA_CREATED = "mfa_created"
    MFA_ENABLED = "mfa_enabled"
    MFA_REMOVED = "mfa_removed"
    MFA_DELETED = "mfa_deleted"
    BOUNDARY_SET = "boundary_set"
    BOUNDARY_REMOVED = "boundary_removed"
    PASSWORD_POLICY_CHANGED = "password_policy_changed"  # noqa: S105  likewise
    PASSWORD_POLICY_DELETED = "password_policy_deleted"  # noqa: S105  likewise
    GROUP_JOINED = "group_joined"
    GROUP_LEFT = "group_left"
    PROFILE_ROLE_ADDED = "profile_role_added"
    PROFILE_ROLE_REMOVED = "profile_role_removed"
    PROVIDER_CREATED = "provider_created"
    PROVIDER_CHANGED = "provider_changed"
    PROVIDER_DELETED = "provider_deleted"
    SERVICE_ROLE_CREATED = "service_role_created"
    SERVICE_ROLE_DELETED = "service_role_deleted"
    ACCESS_FEATURE = "access_feature"
    TAGGED = "tagged"
    UNTAGGED = "untagged"
    OTHER = "other"


class Entity(Struct, frozen=True):
    """An IAM resource: `kind` is user, role, group, policy …; the root user is the user `root`."""

    kind: str
    name: str
    arn: str | None = None

    @property
    def text(self) -> str:
        return self.arn or f"{self.kind}/{self.name}"


class PrivilegeLevel(StrEnum):
    """Permissions that a policy document grants.

    ADMINISTRATOR: everything, or all of IAM, or everything but a few services.
    ESCALATES: a call with which the holder can grant themselves more.
    """

    ADMINISTRATOR = "administrator"
    ESCALATES = "escalates"
    ORDINARY = "ordinary"


class Trust(Struct, frozen=True):
    """Principals outside the account that a trust policy admits. `everyone_if`: everyone who meets a condition."""

    everyone: bool = False
    everyone_if: bool = False
    accounts: tuple[str, ...] = ()


class IamFacts(Struct, frozen=True, kw_only=True, tag=True):
    """Facts of an IAM call. `target` is the policy that `entity` got, or the group that it joined.

    `key` is masked. `is_caller`: `entity` is the caller. `is_service_work`: AWS did it for one of its services.
    `has_deny`, `is_deny_only`: some or all statements of the policy deny. `weak_settings`: settings of a password
    policy that are weaker than the CIS benchmark asks. `has_parameters` is False when the event does not say what was
    requested.
    """

    operation: IamOperation
    entity: Entity | None = None
    target: Entity | None = None
    key: str | None = None
    privilege_level: PrivilegeLevel | None = None
    trust: Trust | None = None
    has_deny: bool = False
    is_deny_only: bool = False
    is_caller: bool = False
    is_service_work: bool = False
    weak_settings: tuple[str, ...] = ()
    has_parameters: bool = True


class SignInKind(StrEnum):
    CONSOLE = "console"
    PORTAL = "portal"
    SWITCH_ROLE = "switch_role"
    PASSWORD_RECOVERY = "password_recovery"  # noqa: S105  an event, not a password
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  likewise
    CREDENTIAL = "credential"


class SignInFacts(Struct, frozen=True, kw_only=True, tag=True):
    """Facts of a sign-in. `mfa` is None when the event does not show it: federated users sign in elsewhere.

    `recent_failures`: number of failed attempts in the window of the policy, including this one. `root_accounts`: in
    how many accounts this address failed to sign in as root within it. `is_instance_role`: the session is that of an
    EC2 instance's role.
    """

    kind: SignInKind
    user_name: str
    is_root: bool = False
    mfa: bool | None = None
    role: str | None = None
    recent_failures: int = 0
    root_accounts: int = 0
    is_instance_role: bool = False
