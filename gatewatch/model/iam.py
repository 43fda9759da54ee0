"""The words of the families `iam` and `sign_in`: what was done to whose access, and who came in."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

_SHOWN = 4


def masked_key(key_id: str) -> str:
    """`AKIA…MPLE`: a message never holds a whole access key id."""
    return f"{key_id[:_SHOWN]}…{key_id[-_SHOWN:]}" if len(key_id) > 3 * _SHOWN else f"{key_id[:_SHOWN]}…"


class Deed(StrEnum):
    """What an IAM call does. Each is a phrase of `templates/labels` and a row of the judgement."""

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
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  a deed, no password
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
    TAGGED = "tagged"
    UNTAGGED = "untagged"
    OTHER = "other"


class Entity(Struct, frozen=True):
    """A thing of IAM: `kind` is user, role, group, policy …; the root user is the user `root`."""

    kind: str
    name: str
    arn: str | None = None

    @property
    def text(self) -> str:
        return self.arn or f"{self.kind}/{self.name}"


class Reach(StrEnum):
    """How far a policy document goes.

    ADMINISTRATOR: everything, or all of IAM, or everything but a few services.
    ESCALATES: a call with which one gives oneself more.
    """

    ADMINISTRATOR = "administrator"
    ESCALATES = "escalates"
    ORDINARY = "ordinary"


class Trust(Struct, frozen=True):
    """Whom a trust policy lets in from outside. `everyone_if`: everyone who meets a condition."""

    everyone: bool = False
    everyone_if: bool = False
    accounts: tuple[str, ...] = ()


class IamFacts(Struct, frozen=True, kw_only=True):
    """What an IAM call says. `second` is the policy that an entity got, the group that it joined.

    `key` is masked. `is_own`: the caller did it to themselves. `is_service_work`: AWS did it for a service.
    `weak`: what of a password policy is weaker than the CIS benchmark asks.
    """

    deed: Deed
    entity: Entity | None = None
    second: Entity | None = None
    key: str | None = None
    reach: Reach | None = None
    trust: Trust | None = None
    denies: bool = False
    is_own: bool = False
    by_root: bool = False
    is_service_work: bool = False
    weak: tuple[str, ...] = ()
    is_told: bool = True


class SignInKind(StrEnum):
    CONSOLE = "console"
    PORTAL = "portal"
    SWITCH_ROLE = "switch_role"
    PASSWORD_RECOVERY = "password_recovery"  # noqa: S105  an event, no password
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  likewise


class SignInFacts(Struct, frozen=True, kw_only=True):
    """Who came in. `mfa` is None where the event does not know: a federated session got its factor elsewhere.

    `failures`: how many attempts of the same kind failed lately, this one among them.
    """

    kind: SignInKind
    who: str
    is_root: bool = False
    mfa: bool | None = None
    role: str | None = None
    failures: int = 0
