"""`severity.iam`, `severity.sign_in` and `access_keys` of policy.yaml."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from gatewatch.config.formats import ACCOUNT_ID, ACCOUNT_ID_PROBLEM
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROLE_ARN = re.compile(r"^arn:[\w*-]+:iam::(?:[0-9]{12}|\*):role/\S+\Z", re.ASCII)
_ROLE = re.compile(r"^[\w+=,.@-]{1,64}\Z", re.ASCII)
_LONGEST_BURST = 7 * 24 * 60
_LONGEST_DAYS = 36_500


class IamSeverity(Struct, frozen=True, forbid_unknown_fields=True):
    """Severity of each kind of applied IAM change.

    `administrator_policies` and `deny_policies` are patterns for names of managed or inline policies, case-insensitive;
    `known_accounts` are external accounts (vendors, auditors) that roles may trust; `deployment_roles` are patterns for
    ARNs of roles whose IAM changes of low severity are info.
    """

    everyone_trusted: Severity = Severity.CRITICAL
    everyone_trusted_if: Severity = Severity.HIGH
    stranger_trusted: Severity = Severity.HIGH
    known_account_trusted: Severity = Severity.LOW
    administrator: Severity = Severity.HIGH
    escalating: Severity = Severity.MEDIUM
    own_permissions: Severity = Severity.MEDIUM
    credentials_for_another: Severity = Severity.MEDIUM
    root: Severity = Severity.HIGH
    root_credentials: Severity = Severity.CRITICAL
    mfa_removed: Severity = Severity.HIGH
    password_policy_weakened: Severity = Severity.MEDIUM
    password_policy_deleted: Severity = Severity.HIGH
    boundary_removed: Severity = Severity.HIGH
    deny_removed: Severity = Severity.MEDIUM
    identity_provider: Severity = Severity.MEDIUM
    version_set: Severity = Severity.MEDIUM
    new_access: Severity = Severity.LOW
    other: Severity = Severity.LOW
    administrator_policies: tuple[str, ...] = ("AdministratorAccess", "IAMFullAccess", "PowerUserAccess")
    deny_policies: tuple[str, ...] = ("*deny*", "*quarantine*")
    known_accounts: tuple[str, ...] = ()
    deployment_roles: tuple[str, ...] = ()


class SignInSeverity(Struct, frozen=True, forbid_unknown_fields=True):
    """Severity of sign-ins. Every `burst_count`-th failure within `burst_minutes` is a burst."""

    root: Severity = Severity.HIGH
    root_without_mfa: Severity = Severity.CRITICAL
    without_mfa: Severity = Severity.MEDIUM
    password_recovery: Severity = Severity.HIGH
    burst: Severity = Severity.HIGH
    burst_count: int = 5
    burst_minutes: int = 10


class KeyExemption(Struct, frozen=True, forbid_unknown_fields=True):
    """A user whose keys are not rotated, in one account or in all, until the end of the day `expires`."""

    user: str
    owner: str
    reason: str
    expires: date
    account: str | None = None


class KeyPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """Access-key rotation. Ages are in whole days.

    A key that was used within `recently_used_days` is escalated instead of deactivated, unless `cut_recently_used`.
    `delete_at_once` deletes at `deactivate_after_days` without deactivating first. `role`: name of the role in each
    account that lists, deactivates and deletes keys.
    """

    mode: Literal["report", "enforce"] = "report"
    warn_after_days: int = 75
    deactivate_after_days: int = 90
    delete_after_deactivation_days: int = 14
    delete_at_once: bool = False
    recently_used_days: int = 7
    cut_recently_used: bool = False
    exempt: tuple[KeyExemption, ...] = ()
    role: str = "gatewatch-access-keys"


def access_problems(iam: IamSeverity, sign_in: SignInSeverity, keys: KeyPolicy) -> Iterator[tuple[str, str]]:
    """Yield key path and sentence for every problem that the types do not exclude."""
    for index, account in enumerate(iam.known_accounts):
        if not ACCOUNT_ID.match(account):
            yield f"severity.iam.known_accounts[{index}]", ACCOUNT_ID_PROBLEM
    for index, pattern in enumerate(iam.deployment_roles):
        if not _ROLE_ARN.match(pattern):
            yield (
                f"severity.iam.deployment_roles[{index}]",
                f'"{pattern}" is not the ARN of a role; write one such as arn:aws:iam::111122223333:role/deploy-*.',
            )
    for name in ("burst_count", "burst_minutes"):
        if getattr(sign_in, name) < 1:
            yield f"severity.sign_in.{name}", "must be at least 1; write a number such as 5."
    if sign_in.burst_minutes > _LONGEST_BURST:
        yield "severity.sign_in.burst_minutes", "is more than a week; write a number such as 10."
    yield from _key_problems(keys)


def _key_problems(keys: KeyPolicy) -> Iterator[tuple[str, str]]:
    if not 0 < keys.warn_after_days <= keys.deactivate_after_days:
        sentence = "is not between 1 and deactivate_after_days; write a number of days such as 75."
        yield "access_keys.warn_after_days", sentence
    for name in ("delete_after_deactivation_days", "recently_used_days"):
        if getattr(keys, name) < 0:
            yield f"access_keys.{name}", "is below zero; write a number of days such as 14."
    for name in ("deactivate_after_days", "delete_after_deactivation_days", "recently_used_days"):
        if getattr(keys, name) > _LONGEST_DAYS:
            yield f"access_keys.{name}", "is more than a hundred years; write a number of days such as 90."
    if not _ROLE.match(keys.role):
        yield "access_keys.role", f'"{keys.role}" is not a role name; write one such as gatewatch-access-keys.'
    for index, exemption in enumerate(keys.exempt):
        yield from _exemption_problems(f"access_keys.exempt[{index}]", exemption)


def _exemption_problems(key: str, exemption: KeyExemption) -> Iterator[tuple[str, str]]:
    for name in ("user", "owner", "reason"):
        if not getattr(exemption, name).strip():
            yield f"{key}.{name}", "is empty; an exemption names a user, an owner and a reason."
    if exemption.account is not None and not ACCOUNT_ID.match(exemption.account):
        yield f"{key}.account", ACCOUNT_ID_PROBLEM
