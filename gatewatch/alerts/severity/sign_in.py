"""Severity of sign-ins: successful ones by identity and MFA, failed ones by what they are part of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.change import Change, Outcome
from gatewatch.model.iam import SignInFacts, SignInKind
from gatewatch.model.security_group import AccountPeer
from gatewatch.model.severity import Assessment, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.severity import SeverityRules
    from gatewatch.model.api_call import ApiCall

_Finding = tuple[Severity, Reason]
_MANY_ACCOUNTS = 2


def sign_in_assessment(call: ApiCall, change: Change, facts: SignInFacts, policy: SeverityRules) -> Assessment:
    """Assess a sign-in; every check that matches gives a reason, the most severe first."""
    if not change.understood:
        return Assessment(Severity.MEDIUM, (Reason("not_understood"),))
    is_success = change.outcome is Outcome.APPLIED
    checks = _success(call, change, facts, policy) if is_success else _failure(facts, policy)
    found = sorted(checks, key=lambda each: -each[0].rank)
    if not found and not is_success:
        is_low = change.outcome is Outcome.DENIED or facts.is_root
        found = [(Severity.LOW if is_low else Severity.INFO, Reason("sign_in_failed"))]
    return Assessment(found[0][0] if found else Severity.INFO, tuple(reason for _, reason in found))


def _failure(facts: SignInFacts, policy: SeverityRules) -> Iterator[_Finding]:
    levels = policy.sign_in
    minutes = str(levels.burst_minutes)
    if facts.root_accounts >= _MANY_ACCOUNTS:
        values = {"count": str(facts.root_accounts), "minutes": minutes}
        yield levels.burst, Reason("root_across_accounts", values)
    if facts.recent_failures and facts.recent_failures % levels.burst_count == 0:
        yield levels.burst, Reason("sign_in_burst", {"count": str(facts.recent_failures), "minutes": minutes})
    if facts.mfa:
        yield Severity.MEDIUM, Reason("password_known")


def _success(call: ApiCall, change: Change, facts: SignInFacts, policy: SeverityRules) -> Iterator[_Finding]:
    levels = policy.sign_in
    if facts.kind in {SignInKind.PASSWORD_RECOVERY, SignInKind.PASSWORD_CHANGED}:
        yield levels.password_recovery, Reason("password_recovery")
    elif facts.is_root:
        yield levels.root, Reason("root_sign_in")
    if facts.mfa is False:
        yield levels.root_without_mfa if facts.is_root else levels.without_mfa, Reason("without_mfa")
    if facts.is_instance_role:
        yield Severity.HIGH, Reason("instance_role_sign_in")
    if isinstance(change.rule.peer, AccountPeer):
        account = change.rule.peer.account_id
        is_known = account == call.account_id or account in policy.accounts.union(policy.iam.known_accounts)
        code = "switched_from_known" if is_known else "switched_from_unknown"
        yield Severity.LOW if is_known else Severity.MEDIUM, Reason(code, {"account": account})
