"""What people are told of their access keys: one message an action, in the language of the account, to its owner.

Never a whole key id: it is masked, and a change is named by an id of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from gatewatch.model.change import Family
from gatewatch.model.iam import masked_key
from gatewatch.model.severity import Severity
from gatewatch.remediation.access_keys.plan import Verdict
from gatewatch.remediation.ingress.executor import Done
from gatewatch.rendering import notices as notice
from gatewatch.rendering.escaping import code, mrkdwn
from gatewatch.rendering.notices import Notice
from gatewatch.rendering.text.severity_marks import mark
from gatewatch.rendering.time_text import local_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from gatewatch.config.destinations import Route
    from gatewatch.config.settings import Settings
    from gatewatch.model.account import Account
    from gatewatch.model.message import Message
    from gatewatch.remediation.access_keys.executor import KeyStep
    from gatewatch.rendering.text.labels import Labels

_MENTION = re.compile(r"^<(@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+)>$")
DRY_RUN = "dry_run"
_SEVERITIES = {Verdict.WARN: Severity.LOW, Verdict.REPORT: Severity.HIGH}
_REMINDED_WEEKLY = frozenset({"escalate", "escalate_restored", "report", "deactivate_due", "delete_due", "failed"})


def messages(step: KeyStep, settings: Settings, labels: Mapping[str, Labels], now: datetime) -> list[Message]:
    """One for each destination of the account; none for an action that was passed over."""
    kind = _kind(step)
    if kind is None:
        return []
    account = settings.account(step.action.key.account_id)
    severity = Severity.HIGH if step.done is Done.FAILED else _SEVERITIES.get(step.action.verdict, Severity.MEDIUM)
    said, english = (_headline(step, kind, labels[each]) for each in (account.language, "en"))
    told = Notice(
        title=f"{mark(severity)} {said}",
        lines=tuple(_lines(step, kind, settings, labels[account.language], now)),
        subject=english,
        severity=severity,
        color=_color(kind, severity, settings),
        account_id=account.id,
    )
    key = f"access-{step.action.key.change_id}-{kind}{_week(kind, now)}"
    return notice.messages(told, key, destinations(account, severity, settings), settings)


def _kind(step: KeyStep) -> str | None:
    """Which phrase: the verdict, how it went, and whether it only would have been."""
    verdict = step.action.verdict
    if step.done is Done.FAILED:
        return "failed"
    if verdict.is_silent or step.done in {Done.SKIPPED, Done.ALREADY}:
        return None
    if verdict is Verdict.ESCALATE and step.action.why == "restored":
        return "escalate_restored"
    return f"{verdict}_due" if step.why == DRY_RUN else verdict.value


def _week(kind: str, now: datetime) -> str:
    """What stays as it is, is told again each week; a deed is told once."""
    year, week, _ = now.isocalendar()
    return f"-{year}w{week:02}" if kind in _REMINDED_WEEKLY else ""


def destinations(account: Account, severity: Severity, settings: Settings) -> tuple[str, ...]:
    """As `route` does it, for what is no event: a route that names a Region does not match."""
    routed = [name for each in settings.routes if _matches(each, account, severity) for name in each.to]
    return tuple(dict.fromkeys([*account.destinations, *routed])) or settings.default_destinations


def _matches(route: Route, account: Account, severity: Severity) -> bool:
    match = route.match
    facts = ((match.account, account.id), (match.environment, account.environment), (match.family, Family.IAM))
    named = all(wanted is None or wanted == actual for wanted, actual in facts) and match.region is None
    return named and severity.rank >= match.min_severity.rank


def _headline(step: KeyStep, kind: str, labels: Labels) -> str:
    return labels.access_key[kind].format(user=step.action.key.user, age=step.action.age)


def _color(kind: str, severity: Severity, settings: Settings) -> str:
    if severity is Severity.HIGH:
        return settings.colors.high
    return settings.colors.removal if kind in {Verdict.DEACTIVATE, Verdict.DELETE} else settings.colors.addition


def _lines(step: KeyStep, kind: str, settings: Settings, labels: Labels, now: datetime) -> Iterator[Markup]:
    action, words = step.action, labels.access_key
    account = settings.account(action.key.account_id)
    yield _named(labels.field["account"], code(account.alias), code(account.id))
    if owner := action.owner or account.owner:
        yield _named(labels.field["owner"], mention(owner))
    yield _named(words["key"], code(masked_key(action.key.key_id)), _ages(step, labels, account, now))
    yield mrkdwn(_what(step, kind, settings, labels))
    if action.why == "exemption_expired":
        yield mrkdwn(words["exemption_expired"])


def _named(name: str, *texts: Markup) -> Markup:
    return Markup("*{}* ").format(mrkdwn(name)) + Markup(" ").join(texts)


def _what(step: KeyStep, kind: str, settings: Settings, labels: Labels) -> str:
    """What happens next, or what a person should do."""
    due, zone = step.action.due, settings.account(step.action.key.account_id).timezone
    suffix = "_report" if kind == Verdict.WARN and settings.access_keys.mode == "report" else ""
    return labels.access_key[f"what_{kind}{suffix}"].format_map(
        {
            "due": _date(due, zone) if due else "",
            "days": str(_days(kind, settings)),
            "change": step.action.key.change_id,
            "why": step.why,
        }
    )


def _date(time: datetime, zone: str) -> str:
    return local_time(time, zone).partition(" ")[0]


def _days(kind: str, settings: Settings) -> int:
    policy = settings.access_keys
    return policy.recently_used_days if kind == Verdict.ESCALATE else policy.delete_after_deactivation_days


def _ages(step: KeyStep, labels: Labels, account: Account, now: datetime) -> Markup:
    words, key = labels.access_key, step.action.key
    if key.created is None:
        return mrkdwn(words["age_unknown"])
    used = _date(key.last_used, account.timezone) if key.last_used else words["never"]
    return mrkdwn(words["ages"].format(made=_date(key.created, account.timezone), age=key.age(now), used=used))


def mention(owner: str) -> Markup:
    """`<@U…>` and `<!subteam^S…>` of accounts.yaml call the person; anything else is a name."""
    match = _MENTION.match(owner)
    return Markup("<{}>").format(match[1]) if match else mrkdwn(owner)
