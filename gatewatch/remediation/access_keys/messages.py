"""Messages about access keys: one for each action, in the language of the account.

A message contains the masked key id only; a change has an id of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.alerts.routing import RoutingFacts, destinations_of
from gatewatch.model.change import Action, Family
from gatewatch.model.iam import masked_key
from gatewatch.model.message import addressed
from gatewatch.model.notification import NoticeKind, OperatorNotice, Sentence
from gatewatch.model.severity import Severity
from gatewatch.remediation.access_keys.plan import KeyDecision
from gatewatch.remediation.ingress.executor import StepStatus
from gatewatch.rendering.time_text import local_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from gatewatch.config.settings import Settings
    from gatewatch.model.account import Account
    from gatewatch.model.message import OutboxMessage
    from gatewatch.remediation.access_keys.executor import KeyStepResult
    from gatewatch.remediation.access_keys.plan import AccessKey

DRY_RUN = "dry_run"
_SEVERITIES = {KeyDecision.WARN: Severity.LOW, KeyDecision.REPORT: Severity.HIGH}
_REMINDED_WEEKLY = frozenset({"escalate", "escalate_restored", "report", "deactivate_due", "delete_due", "failed"})


def key_messages(step: KeyStepResult, settings: Settings, now: datetime) -> list[OutboxMessage]:
    """Return one message for each destination of the account; none for an action that was skipped."""
    kind = _message_kind(step)
    if kind is None:
        return []
    account, action = settings.account(step.action.key.account_id), step.action
    is_failed = step.status is StepStatus.FAILED
    severity = Severity.HIGH if is_failed else _SEVERITIES.get(action.decision, Severity.MEDIUM)
    is_removal = kind in {KeyDecision.DEACTIVATE, KeyDecision.DELETE}
    notice = OperatorNotice(
        key=f"access-{action.key.change_id}-{kind}{_week(kind, now)}",
        kind=NoticeKind.ACCESS_KEY_REMOVED if is_removal else NoticeKind.ACCESS_KEY,
        severity=severity,
        language=account.language,
        title=Sentence(f"access_key_{kind}", {"user": action.key.user, "age": str(action.age)}),
        paragraphs=tuple((each,) for each in _lines(step, kind, settings, now)),
        account_id=account.id,
    )
    return addressed(notice, _destinations(account, severity, settings))


def refused_role_messages(account_id: str, settings: Settings) -> list[OutboxMessage]:
    """Return the messages that say that the role of access key rotation cannot be assumed in an account."""
    account, severity = settings.account(account_id), Severity.MEDIUM
    notice = OperatorNotice(
        key=f"access-refused-{account.id}",
        kind=NoticeKind.ACCESS_KEY,
        severity=severity,
        language=account.language,
        title=Sentence("access_key_refused", {"account": account.alias}),
        paragraphs=(
            (Sentence("access_key_account", {"text": account.alias, "account_id": account.id}),),
            (Sentence("access_key_advice_refused", {"role": settings.access_keys.role}),),
        ),
        account_id=account.id,
    )
    return addressed(notice, _destinations(account, severity, settings))


def _destinations(account: Account, severity: Severity, settings: Settings) -> tuple[str, ...]:
    facts = RoutingFacts(account=account, severity=severity, changes=frozenset({(Family.IAM, Action.OTHER)}))
    return destinations_of(facts, settings) or settings.default_destinations


def _message_kind(step: KeyStepResult) -> str | None:
    """Return the label key for a decision, its result, and whether it was a dry run; None for no message."""
    decision = step.action.decision
    if step.status is StepStatus.FAILED:
        return "failed"
    if decision.is_silent or step.status in {StepStatus.SKIPPED, StepStatus.ALREADY}:
        return None
    if decision is KeyDecision.ESCALATE and step.action.reason == "restored":
        return "escalate_restored"
    return f"{decision}_due" if step.reason == DRY_RUN else decision.value


def _week(kind: str, now: datetime) -> str:
    """Key suffix that repeats a message about an unchanged key every week."""
    year, week, _ = now.isocalendar()
    return f"-{year}w{week:02}" if kind in _REMINDED_WEEKLY else ""


def _lines(step: KeyStepResult, kind: str, settings: Settings, now: datetime) -> Iterator[Sentence]:
    action = step.action
    account = settings.account(action.key.account_id)
    yield Sentence("access_key_account", {"text": account.alias, "account_id": account.id})
    if owner := action.owner or account.owner:
        yield Sentence("access_key_owner", {"owner": owner})
    yield _ages(action.key, account, now)
    yield _advice(step, kind, settings)
    if action.reason == "exemption_expired":
        yield Sentence("access_key_exemption_expired")


def _advice(step: KeyStepResult, kind: str, settings: Settings) -> Sentence:
    """What happens next, or what to do."""
    due, zone = step.action.due, settings.account(step.action.key.account_id).timezone
    suffix = "_report" if kind == KeyDecision.WARN and settings.access_keys.mode == "report" else ""
    values = {
        "due": _date(due, zone) if due else "",
        "days": str(_days(kind, settings)),
        "change": step.action.key.change_id,
        "error": step.reason,
    }
    return Sentence(f"access_key_advice_{kind}{suffix}", values)


def _date(time: datetime, zone: str) -> str:
    return local_time(time, zone).partition(" ")[0]


def _days(kind: str, settings: Settings) -> int:
    policy = settings.access_keys
    return policy.recently_used_days if kind == KeyDecision.ESCALATE else policy.delete_after_deactivation_days


def _ages(key: AccessKey, account: Account, now: datetime) -> Sentence:
    values = {"key": masked_key(key.key_id)}
    if key.created is None:
        return Sentence("access_key_age_unknown", values)
    values |= {"created": _date(key.created, account.timezone), "age": str(key.age(now))}
    if key.last_used is None:
        return Sentence("access_key_unused", values)
    return Sentence("access_key_used", values | {"used": _date(key.last_used, account.timezone)})
