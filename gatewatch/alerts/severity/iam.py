"""Severity of IAM changes. Every check that matches gives a reason, the most severe first."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gatewatch.model.iam import IamFacts, IamOperation, PrivilegeLevel
from gatewatch.model.severity import Assessment, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gatewatch.config.severity import SeverityRules

_Finding = tuple[Severity, Reason]
_CREDENTIALS = frozenset(
    {
        IamOperation.KEY_CREATED,
        IamOperation.KEY_ACTIVATED,
        IamOperation.CREDENTIAL_CREATED,
        IamOperation.LOGIN_CREATED,
        IamOperation.LOGIN_CHANGED,
    }
)
_GRANTS = frozenset({IamOperation.POLICY_ATTACHED, IamOperation.POLICY_WRITTEN, IamOperation.GROUP_JOINED})
_PROVIDERS = frozenset({IamOperation.PROVIDER_CREATED, IamOperation.PROVIDER_CHANGED})
_NEW_ACCESS = _CREDENTIALS | _GRANTS
_NEW_ACCESS |= {
    IamOperation.POLICY_CREATED,
    IamOperation.VERSION_CREATED,
    IamOperation.TRUST_CHANGED,
    IamOperation.ENTITY_CREATED,
}
_NEW_ACCESS |= {IamOperation.PROFILE_ROLE_ADDED}
_OTHER = frozenset(
    {
        IamOperation.OTHER,
        IamOperation.ENTITY_CHANGED,
        IamOperation.CREDENTIAL_CHANGED,
        IamOperation.BOUNDARY_SET,
        IamOperation.MFA_DELETED,
    }
)
_OTHER |= {IamOperation.PROVIDER_DELETED}
_REMOVES_DENY = frozenset({IamOperation.POLICY_DETACHED, IamOperation.POLICY_REMOVED, IamOperation.POLICY_DELETED})
_ROOT = "root"
_NO_LIMIT = "AdministratorAccess"  # as a permissions boundary
# AWS attaches these to a user whose access key it found in public (IAM user guide, AWS managed policies).
_QUARANTINE = ("AWSCompromisedKeyQuarantine*", "AWSExposedCredentialPolicy_DO_NOT_REMOVE")


def iam_assessment(facts: IamFacts, policy: SeverityRules) -> Assessment:
    """Assess the change as if it had been applied."""
    if facts.is_service_work:
        return Assessment(Severity.INFO, (Reason("service_work"),))
    if not facts.has_parameters:
        return Assessment(Severity.LOW, (Reason("no_parameters"),))
    found = sorted(_findings(facts, policy), key=lambda each: -each[0].rank)
    shown = [each for each in found if each[0].rank > Severity.LOW.rank] or found[:1]
    severity = found[0][0] if found else Severity.INFO
    return Assessment(severity, tuple(reason for _, reason in shown))


def _findings(facts: IamFacts, policy: SeverityRules) -> Iterator[_Finding]:
    for check in _CHECKS:
        yield from check(facts, policy)


def _trust(facts: IamFacts, policy: SeverityRules) -> Iterator[_Finding]:
    trust, levels = facts.trust, policy.iam
    if trust is None:
        return
    if trust.everyone:
        yield levels.everyone_trusted, Reason("everyone_trusted")
    if trust.everyone_if:
        yield levels.everyone_trusted_if, Reason("everyone_trusted_if")
    known = policy.accounts.union(levels.known_accounts)
    if unknown := [account for account in trust.accounts if account not in known]:
        yield levels.stranger_trusted, Reason("stranger_trusted", {"peer": ", ".join(unknown)})
    if listed := [account for account in trust.accounts if account in known]:
        yield levels.known_account_trusted, Reason("known_account_trusted", {"peer": ", ".join(listed)})


def _privileges(facts: IamFacts, policy: SeverityRules) -> Iterator[_Finding]:
    levels = policy.iam
    attached = facts.target if facts.operation is IamOperation.POLICY_ATTACHED else None
    if attached and _is_named(attached.name, levels.administrator_policies):
        yield levels.administrator, Reason("administrator_policy", {"peer": attached.name})
    if facts.privilege_level is PrivilegeLevel.ADMINISTRATOR:
        yield levels.administrator, Reason("administrator_document")
    if facts.privilege_level is PrivilegeLevel.ESCALATES:
        yield levels.escalating, Reason("escalating")


def _is_named(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def _quarantine(facts: IamFacts, _policy: SeverityRules) -> Iterator[_Finding]:
    """AWS found an access key of the user in public and limited what it may do, or somebody lifted that limit."""
    if facts.target is None or not _is_named(facts.target.name, _QUARANTINE):
        return
    if facts.operation in {IamOperation.POLICY_ATTACHED, IamOperation.POLICY_WRITTEN}:
        yield Severity.HIGH, Reason("key_exposed")
    if facts.operation in {IamOperation.POLICY_DETACHED, IamOperation.POLICY_REMOVED}:
        yield Severity.HIGH, Reason("quarantine_removed")


def _only_denies(facts: IamFacts) -> bool:
    is_deny_all = facts.target is not None and (facts.target.arn or "").endswith(":aws:policy/AWSDenyAll")
    return facts.is_deny_only or is_deny_all


def _own_permissions(facts: IamFacts, policy: SeverityRules) -> Iterator[_Finding]:
    if facts.is_caller and facts.operation in _GRANTS and not _only_denies(facts):
        yield policy.iam.own_permissions, Reason("own_permissions")


def _credentials(facts: IamFacts, policy: SeverityRules) -> Iterator[_Finding]:
    if facts.operation in _CREDENTIALS and not facts.is_caller:
        yield policy.iam.credentials_for_another, Reason("credentials_for_another")


def _root(facts: IamFacts, policy: SeverityRules) -> Iterator[_Finding]:
    is_about_root = facts.entity is not None and facts.entity.name == _ROOT and facts.entity.kind == "user"
    if is_about_root and facts.operation in _CREDENTIALS | {IamOperation.MFA_REMOVED}:
        yield policy.iam.root_credentials, Reason("root_credentials")
    if is_about_root and facts.operation is IamOperation.LOGIN_DELETED:
        yield policy.iam.root, Reason("root_login_removed")


def _safeguards(facts: IamFacts, policy: SeverityRules) -> Iterator[_Finding]:
    """Controls that restricted somebody and are removed or weakened."""
    levels, removed = policy.iam, _SAFEGUARDS.get(facts.operation)
    if removed:
        yield getattr(levels, removed), Reason(removed)
    if facts.operation is IamOperation.BOUNDARY_SET and facts.target and facts.target.name == _NO_LIMIT:
        yield levels.boundary_removed, Reason("boundary_removed")
    if facts.operation is IamOperation.PASSWORD_POLICY_CHANGED and facts.weak_settings:
        yield levels.password_policy_weakened, Reason("password_policy_weakened")
    name = facts.target or facts.entity
    if facts.operation in _REMOVES_DENY and name and _is_named(name.name, levels.deny_policies):
        yield levels.deny_removed, Reason("deny_removed", {"peer": name.name})


_SAFEGUARDS = {
    IamOperation.MFA_REMOVED: "mfa_removed",
    IamOperation.BOUNDARY_REMOVED: "boundary_removed",
    IamOperation.PASSWORD_POLICY_DELETED: "password_policy_deleted",
    IamOperation.VERSION_SET: "version_set",
}


def _baseline(facts: IamFacts, policy: SeverityRules) -> Iterator[_Finding]:
    if facts.operation in _PROVIDERS:
        yield policy.iam.identity_provider, Reason("identity_provider")
    if facts.operation is IamOperation.ACCESS_FEATURE:
        yield Severity.MEDIUM, Reason("access_feature")
    if facts.operation in _NEW_ACCESS:
        yield policy.iam.new_access, Reason("adds_deny" if _only_denies(facts) else "new_access")
    if facts.operation in _OTHER:
        yield policy.iam.other, Reason("iam_write")


_CHECKS: tuple[Callable[[IamFacts, SeverityRules], Iterator[_Finding]], ...] = (
    _trust,
    _root,
    _privileges,
    _quarantine,
    _safeguards,
    _own_permissions,
    _credentials,
    _baseline,
)
