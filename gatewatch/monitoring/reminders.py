"""Reminders about exceptions that expire within a week, sent once to the destinations of their owner."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gatewatch.aws.hub_rows import JsonRows
from gatewatch.model.message import addressed
from gatewatch.model.notification import NoticeKind, OperatorNotice, Sentence
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from gatewatch.aws.hub_table import HubTable
    from gatewatch.config.settings import Settings
    from gatewatch.config.suppression_rules import PolicyException
    from gatewatch.model.message import OutboxMessage

REMINDER_PERIOD = timedelta(days=7)
REMINDERS = JsonRows(prefix="reminders", name="the sent reminders", value_type=list[str])
_KEY = "sent"


def due_reminders(exceptions: Iterable[PolicyException], now: datetime, sent: frozenset[str]) -> list[PolicyException]:
    """Return the exceptions in their last week without a reminder. A new expiry date makes a new reminder."""
    return [
        each
        for each in exceptions
        if each.is_active(now) and not each.is_active(now + REMINDER_PERIOD) and reminder_id(each) not in sent
    ]


def reminder_id(exception: PolicyException) -> str:
    return f"{exception.id}#{exception.expires.isoformat()}"


def reminder_destinations(exception: PolicyException, settings: Settings) -> tuple[str, ...]:
    """Return `remind` of the exception, else the destinations of its owner, else the default destinations."""
    owned = [account for account in settings.accounts.values() if account.owner == exception.owner]
    owned_destinations = dict.fromkeys(name for account in owned for name in account.destinations)
    return exception.remind or tuple(owned_destinations) or settings.default_destinations


def reminder_messages(exceptions: Iterable[PolicyException], settings: Settings) -> Iterator[OutboxMessage]:
    for exception in exceptions:
        notice = _notice(exception, settings.defaults.language)
        yield from addressed(notice, reminder_destinations(exception, settings))


def _notice(exception: PolicyException, language: str) -> OperatorNotice:
    values = {"exception": exception.id, "date": exception.expires.isoformat()}
    lines = (
        Sentence("reminder", values),
        Sentence("reminder_owner", {"text": exception.owner}),
        Sentence("reminder_reason", {"text": exception.reason}),
        Sentence("reminder_ticket", {"text": exception.ticket}),
        Sentence(f"reminder_effect_{exception.effect.replace('-', '_')}"),
        Sentence("reminder_next"),
    )
    return OperatorNotice(
        key=f"reminder-{reminder_id(exception)}",
        kind=NoticeKind.REMINDER,
        severity=Severity.MEDIUM,
        language=language,
        title=Sentence("reminder_title", values),
        paragraphs=(lines,),
    )


class ReminderStore:
    """The ids of sent reminders: one row of the hub table."""

    def __init__(self, table: HubTable) -> None:
        self._table = table

    def read(self) -> frozenset[str]:
        return frozenset(self._table.get(REMINDERS, _KEY) or ())

    def write(self, reminder_ids: Iterable[str]) -> None:
        self._table.put(REMINDERS, _KEY, sorted(reminder_ids))
