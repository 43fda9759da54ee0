"""IAM changes and log-ins + policy -> severity and reasons. Everything that is found counts; the worst comes first."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gatewatch.model.change import Change, Outcome
from gatewatch.model.iam import Deed, IamFacts, Reach, SignInFacts, SignInKind
from gatewatch.model.severity import Assessment, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gatewatch.config.iam import SignInSeverity
    from gatewatch.config.severity import Judgement

_Finding = tuple[Severity, Reason]
_CREDENTIALS = frozenset(
    {Deed.KEY_CREATED, Deed.KEY_ACTIVATED, Deed.CREDENTIAL_CREATED, Deed.LOGIN_CREATED, Deed.LOGIN_CHANGED}
)
_GRANTS = frozenset({Deed.POLICY_ATTACHED, Deed.POLICY_WRITTEN, Deed.GROUP_JOINED})
_PROVIDERS = frozenset({Deed.PROVIDER_CREATED, Deed.PROVIDER_CHANGED})
_NEW_ACCESS = _CREDENTIALS | _GRANTS
_NEW_ACCESS |= {Deed.POLICY_CREATED, Deed.VERSION_CREATED, Deed.TRUST_CHANGED, Deed.ENTITY_CREATED}
_NEW_ACCESS |= {Deed.PROFILE_ROLE_ADDED}
_OTHER = frozenset({Deed.OTHER, Deed.ENTITY_CHANGED, Deed.CREDENTIAL_CHANGED, Deed.BOUNDARY_SET, Deed.MFA_DELETED})
_OTHER |= {Deed.PROVIDER_DELETED}
_DENIALS_LOST = frozenset({Deed.POLICY_DETACHED, Deed.POLICY_REMOVED, Deed.POLICY_DELETED})
_ROOT = "root"


def iam_assessment(facts: IamFacts, judgement: Judgement) -> Assessment:
    """What the change would be once applied."""
    if facts.is_service_work:
        return Assessment(Severity.INFO, (Reason("service_work"),))
    if not facts.is_told:
        return Assessment(Severity.LOW, (Reason("no_parameters"),))
    found = sorted(_findings(facts, judgement), key=lambda each: -each[0].rank)
    telling = [each for each in found if each[0].rank > Severity.LOW.rank] or found[:1]
    severity = found[0][0] if found else Severity.INFO
    return Assessment(severity, tuple(reason for _, reason in telling))


def _findings(facts: IamFacts, judgement: Judgement) -> Iterator[_Finding]:
    for look in _LOOKS:
        yield from look(facts, judgement)


def _trust(facts: IamFacts, judgement: Judgement) -> Iterator[_Finding]:
    trust, policy = facts.trust, judgement.iam
    if trust is None:
        return
    if trust.everyone:
        yield policy.everyone_trusted, Reason("everyone_trusted")
    if trust.everyone_if:
        yield policy.everyone_trusted_if, Reason("everyone_trusted_if")
    known = judgement.accounts.union(policy.known_accounts)
    if strangers := [account for account in trust.accounts if account not in known]:
        yield policy.stranger_trusted, Reason("stranger_trusted", {"peer": ", ".join(strangers)})
    if ours := [account for account in trust.accounts if account in known]:
        yield policy.known_account_trusted, Reason("known_account_trusted", {"peer": ", ".join(ours)})


def _reach(facts: IamFacts, judgement: Judgement) -> Iterator[_Finding]:
    policy = judgement.iam
    named = facts.second if facts.deed is Deed.POLICY_ATTACHED else None
    if named and _is_named(named.name, policy.administrator_policies):
        yield policy.administrator, Reason("administrator_policy", {"peer": named.name})
    if facts.reach is Reach.ADMINISTRATOR:
        yield policy.administrator, Reason("administrator_document")
    if facts.reach is Reach.ESCALATES:
        yield policy.escalating, Reason("escalating")


def _is_named(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def _own_permissions(facts: IamFacts, judgement: Judgement) -> Iterator[_Finding]:
    if facts.is_own and facts.deed in _GRANTS:
        yield judgement.iam.own_permissions, Reason("own_permissions")


def _credentials(facts: IamFacts, judgement: Judgement) -> Iterator[_Finding]:
    if facts.deed in _CREDENTIALS and not facts.is_own:
        yield judgement.iam.credentials_for_another, Reason("credentials_for_another")


def _root(facts: IamFacts, judgement: Judgement) -> Iterator[_Finding]:
    is_about_root = facts.entity is not None and facts.entity.name == _ROOT and facts.entity.kind == "user"
    if is_about_root and facts.deed in _CREDENTIALS | {Deed.MFA_REMOVED}:
        yield judgement.iam.root_credentials, Reason("root_credentials")
    if facts.by_root:
        yield judgement.iam.root, Reason("by_root")


def _guards(facts: IamFacts, judgement: Judgement) -> Iterator[_Finding]:
    """What kept somebody from something, and is gone."""
    policy, lost = judgement.iam, _GUARDS.get(facts.deed)
    if lost:
        yield getattr(policy, lost), Reason(lost)
    if facts.deed is Deed.PASSWORD_POLICY_CHANGED and facts.weak:
        yield policy.password_policy_weakened, Reason("password_policy_weakened")
    name = facts.second or facts.entity
    if facts.deed in _DENIALS_LOST and name and _is_named(name.name, policy.deny_policies):
        yield policy.deny_removed, Reason("deny_removed", {"peer": name.name})


_GUARDS = {
    Deed.MFA_REMOVED: "mfa_removed",
    Deed.BOUNDARY_REMOVED: "boundary_removed",
    Deed.PASSWORD_POLICY_DELETED: "password_policy_deleted",
    Deed.VERSION_SET: "version_set",
}


def _base(facts: IamFacts, judgement: Judgement) -> Iterator[_Finding]:
    if facts.deed in _PROVIDERS:
        yield judgement.iam.identity_provider, Reason("identity_provider")
    if facts.deed in _NEW_ACCESS:
        yield judgement.iam.new_access, Reason("new_access")
    if facts.deed in _OTHER:
        yield judgement.iam.other, Reason("iam_write")


_LOOKS: tuple[Callable[[IamFacts, Judgement], Iterator[_Finding]], ...] = (
    _trust,
    _root,
    _reach,
    _guards,
    _own_permissions,
    _credentials,
    _base,
)


def sign_in_assessment(change: Change, facts: SignInFacts, policy: SignInSeverity) -> Assessment:
    """A log-in that did not happen is nothing by itself; many of them are somebody at the door."""
    if change.outcome is not Outcome.APPLIED:
        return _not_in(change, facts, policy)
    found = sorted(_log_in(facts, policy), key=lambda each: -each[0].rank)
    return Assessment(found[0][0] if found else Severity.INFO, tuple(reason for _, reason in found))


def _not_in(change: Change, facts: SignInFacts, policy: SignInSeverity) -> Assessment:
    if facts.failures and facts.failures % policy.burst_count == 0:
        values = {"count": str(facts.failures), "minutes": str(policy.burst_minutes)}
        return Assessment(policy.burst, (Reason("sign_in_burst", values),))
    denied = change.outcome is Outcome.DENIED
    return Assessment(Severity.LOW if denied else Severity.INFO, (Reason("sign_in_failed"),))


def _log_in(facts: SignInFacts, policy: SignInSeverity) -> Iterator[_Finding]:
    if facts.kind in {SignInKind.PASSWORD_RECOVERY, SignInKind.PASSWORD_CHANGED}:
        yield policy.password_recovery, Reason("password_recovery")
    elif facts.is_root:
        yield policy.root, Reason("root_sign_in")
    if facts.mfa is False:
        yield policy.root_without_mfa if facts.is_root else policy.without_mfa, Reason("without_mfa")
