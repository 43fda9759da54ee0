"""The notices about transitions: in the thread of each message that shows the alert, and to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gatewatch.model.alert_actions import GATEWATCH, ActionEvent
from gatewatch.model.message import OutboxMessage
from gatewatch.model.notification import NoticeKind, OperatorNotice, Sentence
from gatewatch.model.severity import Severity
from gatewatch.rendering.time_text import local_minute

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.actions.state_machine import Transition
    from gatewatch.delivery.action_store import PostedMessage
    from gatewatch.model.alert_actions import AuditRecord

_SILENT = frozenset({ActionEvent.START_REVERT, ActionEvent.START_UNDO})  # followed by its result within seconds
_WITH_PLAN = frozenset({ActionEvent.PROPOSE_REVERT, ActionEvent.PROPOSE_UNDO, ActionEvent.BREAK_GLASS})
_WITH_RESULT = frozenset(
    {ActionEvent.COMPLETE_REVERT, ActionEvent.FAIL_REVERT, ActionEvent.COMPLETE_UNDO, ActionEvent.FAIL_UNDO}
)


class Locale(NamedTuple):
    """What the account of an alert reads: its language, and the time zone that times are shown in."""

    language: str
    timezone: str


def thread_notes(
    alert: str, done: Transition, messages: Iterable[PostedMessage], locale: Locale, excerpt: str = ""
) -> list[OutboxMessage]:
    """A note for each message that shows the alert; its delivery renders that message again."""
    if done.record.event in _SILENT:
        return []
    return [
        OutboxMessage(
            destination=each.destination,
            notification=_notice(f"action_{done.record.event}", alert, done, locale, excerpt, each.key),
        )
        for each in messages
    ]


def note_to_everybody(alert: str, done: Transition, destinations: Iterable[str], locale: Locale) -> list[OutboxMessage]:
    """That one person executed a revert alone, with the reason and the plan."""
    notice = _notice("action_break_glass_title", alert, done, locale)
    return [OutboxMessage(destination=each, notification=notice) for each in destinations]


def _notice(
    title: str, alert: str, done: Transition, locale: Locale, excerpt: str = "", parent_key: str = ""
) -> OperatorNotice:
    record = done.record
    return OperatorNotice(
        key=f"action-{alert}-{record.event}-{record.at:.3f}-{title}",
        kind=NoticeKind.ACTION,
        severity=Severity.HIGH if record.event is ActionEvent.BREAK_GLASS else Severity.INFO,
        title=Sentence(title, _values(done, locale.timezone)),
        paragraphs=tuple(filter(None, _paragraphs(done, locale.timezone))),
        language=locale.language,
        excerpt=excerpt,
        actor=record.person.name,
        parent_key=parent_key,
    )


def _values(done: Transition, timezone: str) -> dict[str, str]:
    person = done.record.person
    return {"person": person.name or person.id, "time": local_minute(done.actions.snoozed_until, timezone)}


def _paragraphs(done: Transition, timezone: str) -> Iterator[tuple[Sentence, ...]]:
    record, proposal, result = done.record, done.actions.proposal, done.actions.result
    yield (_who(record, timezone),)
    if record.detail and record.event not in _WITH_RESULT:
        yield (Sentence("action_reason", {"text": record.detail}),)
    if record.event is ActionEvent.PROPOSE_EXCEPTION:
        yield (Sentence("action_exception_next"),)
    if proposal and record.event in _WITH_PLAN:
        yield (Sentence("action_plan", {"hash": proposal.plan.hash}), *proposal.plan.lines)
    if result and record.event in _WITH_RESULT:
        is_undoable = result.undo and record.event is not ActionEvent.COMPLETE_UNDO
        undo = (Sentence("action_undo", {"command": result.undo}),) if is_undoable else ()
        yield (*result.lines, *undo)


def _who(record: AuditRecord, timezone: str) -> Sentence:
    """The audit line: who by Slack user id and AWS identity, and when."""
    identities, time = ", ".join(record.person.identities), local_minute(record.at, timezone)
    if record.person == GATEWATCH:
        return Sentence("action_when", {"time": time})
    key = "action_who" if identities else "action_who_unmapped"
    return Sentence(key, {"person_id": record.person.id, "identity": identities, "time": time})
