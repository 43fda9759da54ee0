"""Reminders about exceptions that expire within a week, sent once to the destinations of their owner."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from markupsafe import Markup

from gatewatch.aws.hub_table import JsonRows
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import code, mrkdwn, sanitize
from gatewatch.rendering.notices import OperatorNotice, notice_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from gatewatch.aws.hub_table import HubTable
    from gatewatch.config.settings import Settings
    from gatewatch.config.suppression_rules import PolicyException
    from gatewatch.digest.labels import DigestLabels
    from gatewatch.model.message import Message

REMINDER_PERIOD = timedelta(days=7)
REMINDERS = JsonRows(prefix="reminders", name="the sent reminders", value_type=list[str])
_KEY = "sent"
_MAX_VALUE = 600


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


def reminder_messages(
    exceptions: Sequence[PolicyException], settings: Settings, labels: Mapping[str, DigestLabels]
) -> Iterator[Message]:
    text, english = labels[settings.defaults.language].reminder, labels["en"].reminder
    for exception in exceptions:
        notice = _notice(exception, text, english)
        yield from notice_messages(
            notice, f"reminder-{reminder_id(exception)}", reminder_destinations(exception, settings), settings
        )


def _notice(exception: PolicyException, text: Mapping[str, str], english: Mapping[str, str]) -> OperatorNotice:
    values = {"exception": exception.id, "date": exception.expires.isoformat()}
    lines = [
        mrkdwn(text["what"].format(**values)),
        *(
            Markup("*{}* {}").format(mrkdwn(text[key]), code(sanitize(value, _MAX_VALUE)))
            for key, value in (
                ("owner", exception.owner),
                ("reason", exception.reason),
                ("ticket", exception.ticket),
                ("effect", text[exception.effect.replace("-", "_")]),
            )
        ),
        mrkdwn(text["next"]),
    ]
    return OperatorNotice(
        title="⏳ " + text["title"].format(**values),
        lines=(Markup("\n").join(lines),),
        subject=english["title"].format(**values),
        severity=Severity.MEDIUM,
    )


class ReminderStore:
    """The ids of sent reminders: one row of the hub table."""

    def __init__(self, table: HubTable) -> None:
        self._table = table

    def read(self) -> frozenset[str]:
        return frozenset(self._table.get(REMINDERS, _KEY) or ())

    def write(self, reminder_ids: Iterable[str]) -> None:
        self._table.put(REMINDERS, _KEY, sorted(reminder_ids))
