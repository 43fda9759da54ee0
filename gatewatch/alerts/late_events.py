"""An event that arrives after its change was reported as one without an event: the texts that correct the report."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec import json
from msgspec.structs import replace

from gatewatch.model.message import OutboxMessage
from gatewatch.model.notification import AlertNotification, NoticeKind, OperatorNotice, Sentence
from gatewatch.model.severity import Severity
from gatewatch.rendering.time_text import local_minute

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gatewatch.alerts.silent_changes import SilentChange
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert

_MAX_LINES = 7  # of one paragraph
_MAX_NAME = 80


def with_explanation(
    message: OutboxMessage, explained: Mapping[str, SilentChange], alert: Alert, arrived: float
) -> OutboxMessage:
    """Return the alert with a sentence, and the keys of the reports that its event explains."""
    notification = message.notification
    if not isinstance(notification, AlertNotification):
        return message
    banner = Sentence("late_event", {"minutes": _minutes(alert, arrived), "count": str(len(explained))})
    notices = tuple(sorted({each.notice for each in explained.values()}))
    explaining = replace(notification, banners=(*notification.banners, banner), explains=notices)
    return replace(message, notification=explaining)


def correction_messages(
    explained: Mapping[str, SilentChange], alert: Alert, arrived: float, settings: Settings
) -> list[OutboxMessage]:
    """Return the notices that correct each report, one for each destination that got it."""
    return [
        OutboxMessage(destination=name, notification=replace(notice, parent_key=f"{report}#{name}"))
        for report, notice in _corrections(explained, alert, arrived)
        for name in settings.default_destinations
    ]


def _corrections(
    explained: Mapping[str, SilentChange], alert: Alert, arrived: float
) -> Iterator[tuple[str, OperatorNotice]]:
    for report in sorted({each.notice for each in explained.values()}):
        changes = {rule_id: each for rule_id, each in explained.items() if each.notice == report}
        yield report, _correction(report, changes, alert, arrived)


def _correction(report: str, changes: Mapping[str, SilentChange], alert: Alert, arrived: float) -> OperatorNotice:
    account, call = alert.account, alert.call
    place = {"account": f"{account.alias[:_MAX_NAME]} {account.id}", "region": call.region}
    by = {
        "time": local_minute(arrived, account.timezone),
        "minutes": _minutes(alert, arrived),
        "call": call.event_name,
        "person": call.actor.name[:_MAX_NAME],
    }
    return OperatorNotice(
        key=f"late-event-{hashlib.sha256(json.encode([report, call.delivery_key])).hexdigest()[:32]}",
        kind=NoticeKind.RESOLVED,
        severity=Severity.INFO,
        language=account.language,
        title=Sentence("late_event_title", place),
        paragraphs=(
            (Sentence("late_event_arrived", by),),
            tuple(_lines(list(changes.values()))),
            (Sentence("late_event_next", {"command": "gatewatch open"}),),
        ),
        account_id=account.id,
        event_id=call.event_id,
        actor=call.actor.name,
        resolves={rule_id: _resolution(each, by) for rule_id, each in changes.items()},
    )


def _lines(changes: Sequence[SilentChange]) -> Iterator[Sentence]:
    for each in changes[:_MAX_LINES]:
        yield Sentence("silent_change_line", {"text": each.text, "group": _group(each)})
    if len(changes) > _MAX_LINES:
        yield Sentence("more_lines", {"count": str(len(changes) - _MAX_LINES)})


def _resolution(change: SilentChange, by: Mapping[str, str]) -> Sentence:
    return Sentence("late_event_resolved", {"text": change.text, "group": _group(change), **by})


def _group(change: SilentChange) -> str:
    return " ".join(each for each in (change.group.name, change.group.id) if each)


def _minutes(alert: Alert, arrived: float) -> str:
    called = alert.call.time.timestamp() if alert.call.time else arrived
    return str(max(0, round((arrived - called) / 60)))
