"""Messages about access keys: one for each action, in the language of the account.

A message contains the masked key id only; a change has an id of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from gatewatch.model.change import Family
from gatewatch.model.iam import masked_key
from gatewatch.model.severity import Severity
from gatewatch.remediation.access_keys.plan import KeyDecision
from gatewatch.remediation.ingress.executor import StepStatus
from gatewatch.rendering.escaping import code, mrkdwn
from gatewatch.rendering.notices import OperatorNotice, notice_messages
from gatewatch.rendering.text.severity_marks import severity_mark
from gatewatch.rendering.time_text import local_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from gatewatch.config.destinations import Route
    from gatewatch.config.settings import Settings
    from gatewatch.model.account import Account
    from gatewatch.model.message import Message
    from gatewatch.remediation.access_keys.executor import KeyStepResult
    from gatewatch.rendering.text.labels import Labels

_MENTION = re.compile(r"^<(@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+)>$")
DRY_RUN = "dry_run"
_SEVERITIES = {KeyDecision.WARN: Severity.LOW, KeyDecision.REPORT: Severity.HIGH}
_REMINDED_WEEKLY = frozenset({"escalate", "escalate_restored", "report", "deactivate_due", "delete_due", "failed"})


def key_messages(step: KeyStepResult, settings: Settings, labels: Mapping[str, Labels], now: datetime) -> list[Message]:
    """Return one message for each destination of the account; none for an action that was skipped."""
    kind = _message_kind(step)
    if kind is None:
        return []
    account = settings.account(step.action.key.account_id)
    severity = (
        Severity.HIGH if step.status is StepStatus.FAILED else _SEVERITIES.get(step.action.decision, Severity.MEDIUM)
    )
    headline, english = (_headline(step, kind, labels[each]) for each in (account.language, "en"))
    operator_notice = OperatorNotice(
        title=f"{severity_mark(severity)} {headline}",
        lines=tuple(_lines(step, kind, settings, labels[account.language], now)),
        subject=english,
        severity=severity,
        color=_color(kind, severity, settings),
        account_id=account.id,
    )
    key = f"access-{step.action.key.change_id}-{kind}{_week(kind, now)}"
    return notice_messages(operator_notice, key, destinations(account, severity, settings), settings)


def refused_role_messages(account_id: str, settings: Settings, labels: Mapping[str, Labels]) -> list[Message]:
    """Return the messages that say that the role of access key rotation cannot be assumed in an account."""
    account, severity = settings.account(account_id), Severity.MEDIUM
    texts, english = labels[account.language].access_key, labels["en"].access_key
    notice = OperatorNotice(
        title=f"{severity_mark(severity)} {texts['refused'].format(account=account.alias)}",
        lines=(
            _named(labels[account.language].field["account"], code(account.alias), code(account.id)),
            mrkdwn(texts["advice_refused"].format(role=settings.access_keys.role)),
        ),
        subject=english["refused"].format(account=account.alias),
        severity=severity,
        color=settings.colors.addition,
        account_id=account.id,
    )
    return notice_messages(notice, f"access-refused-{account.id}", destinations(account, severity, settings), settings)


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


def destinations(account: Account, severity: Severity, settings: Settings) -> tuple[str, ...]:
    """Return the destinations of an account; a route that names a Region does not match."""
    routed = [name for each in settings.routes if _matches(each, account, severity) for name in each.to]
    return tuple(dict.fromkeys([*account.destinations, *routed])) or settings.default_destinations


def _matches(route: Route, account: Account, severity: Severity) -> bool:
    match = route.match
    facts = ((match.account, account.id), (match.environment, account.environment), (match.family, Family.IAM))
    named = all(wanted is None or wanted == actual for wanted, actual in facts) and match.region is None
    return named and severity.rank >= match.min_severity.rank


def _headline(step: KeyStepResult, kind: str, labels: Labels) -> str:
    return labels.access_key[kind].format(user=step.action.key.user, age=step.action.age)


def _color(kind: str, severity: Severity, settings: Settings) -> str:
    if severity is Severity.HIGH:
        return settings.colors.high
    return settings.colors.removal if kind in {KeyDecision.DEACTIVATE, KeyDecision.DELETE} else settings.colors.addition


def _lines(step: KeyStepResult, kind: str, settings: Settings, labels: Labels, now: datetime) -> Iterator[Markup]:
    action, texts = step.action, labels.access_key
    account = settings.account(action.key.account_id)
    yield _named(labels.field["account"], code(account.alias), code(account.id))
    if owner := action.owner or account.owner:
        yield _named(labels.field["owner"], mention(owner))
    yield _named(texts["key"], code(masked_key(action.key.key_id)), _ages(step, labels, account, now))
    yield mrkdwn(_advice(step, kind, settings, labels))
    if action.reason == "exemption_expired":
        yield mrkdwn(texts["exemption_expired"])


def _named(name: str, *texts: Markup) -> Markup:
    return Markup("*{}* ").format(mrkdwn(name)) + Markup(" ").join(texts)


def _advice(step: KeyStepResult, kind: str, settings: Settings, labels: Labels) -> str:
    """What happens next, or what to do."""
    due, zone = step.action.due, settings.account(step.action.key.account_id).timezone
    suffix = "_report" if kind == KeyDecision.WARN and settings.access_keys.mode == "report" else ""
    return labels.access_key[f"advice_{kind}{suffix}"].format_map(
        {
            "due": _date(due, zone) if due else "",
            "days": str(_days(kind, settings)),
            "change": step.action.key.change_id,
            "error": step.reason,
        }
    )


def _date(time: datetime, zone: str) -> str:
    return local_time(time, zone).partition(" ")[0]


def _days(kind: str, settings: Settings) -> int:
    policy = settings.access_keys
    return policy.recently_used_days if kind == KeyDecision.ESCALATE else policy.delete_after_deactivation_days


def _ages(step: KeyStepResult, labels: Labels, account: Account, now: datetime) -> Markup:
    texts, key = labels.access_key, step.action.key
    if key.created is None:
        return mrkdwn(texts["age_unknown"])
    used = _date(key.last_used, account.timezone) if key.last_used else texts["never"]
    return mrkdwn(texts["ages"].format(created=_date(key.created, account.timezone), age=key.age(now), used=used))


def mention(owner: str) -> Markup:
    """Return an owner of accounts.yaml as text; `<@U…>` and `<!subteam^S…>` stay Slack mentions."""
    match = _MENTION.match(owner)
    return Markup("<{}>").format(match[1]) if match else mrkdwn(owner)
