"""Notices about Regions that went silent or recovered, and accounts that never reported."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec import json

from gatewatch.model.message import addressed
from gatewatch.model.notification import NoticeKind, OperatorNotice, Sentence
from gatewatch.model.severity import Severity
from gatewatch.rendering.time_text import utc_minute

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.config.settings import Settings
    from gatewatch.model.message import OutboxMessage
    from gatewatch.monitoring.heartbeat.evaluation import HeartbeatChanges, SilentRegion

_MAX_LINES = 25
_MAX_ALIAS = 80
_NEXT_STEP = Sentence("find_out_why", {"command": "gatewatch doctor"})


def heartbeat_messages(changes: HeartbeatChanges, settings: Settings) -> list[OutboxMessage]:
    """Return one notice each for silent and recovered Regions and for accounts that never reported."""
    return [
        message
        for notice in _notices(changes, settings)
        for message in addressed(notice, settings.default_destinations)
    ]


def _notices(changes: HeartbeatChanges, settings: Settings) -> Iterator[OperatorNotice]:
    if changes.silent:
        lines = [_region(each, "silent_region", settings) for each in changes.silent]
        yield _notice(NoticeKind.SILENT, "silent", lines, settings, _NEXT_STEP)
    if changes.never_reported:
        lines = [Sentence("account_line", _account(each, settings)) for each in changes.never_reported]
        yield _notice(NoticeKind.SILENT, "never_reported", lines, settings, _NEXT_STEP)
    if changes.recovered:
        lines = [_region(each, "recovered_region", settings) for each in changes.recovered]
        yield _notice(NoticeKind.RECOVERED, "recovered", lines, settings)


def _notice(
    kind: NoticeKind, key: str, lines: Sequence[Sentence], settings: Settings, *more: Sentence
) -> OperatorNotice:
    """The key of the notice derives from its content: a repeated run sends nothing twice."""
    number = "one" if len(lines) == 1 else "many"
    title = Sentence(f"{key}_title_{number}", {"count": str(len(lines))})
    identity = hashlib.sha256(json.encode((title, lines))).hexdigest()[:32]
    return OperatorNotice(
        key=f"heartbeat-{identity}",
        kind=kind,
        severity=Severity.HIGH if kind is NoticeKind.SILENT else Severity.INFO,
        language=settings.defaults.language,
        title=title,
        paragraphs=((Sentence(key),), tuple(_limited(lines)), *((each,) for each in more)),
    )


def _region(silent: SilentRegion, key: str, settings: Settings) -> Sentence:
    values = {"region": silent.origin.region, "time": utc_minute(silent.last)}
    return Sentence(key, _account(silent.origin.account_id, settings) | values)


def _account(account_id: str, settings: Settings) -> dict[str, str]:
    return {"alias": settings.account(account_id).alias[:_MAX_ALIAS], "account_id": account_id}


def _limited(lines: Sequence[Sentence]) -> Iterator[Sentence]:
    yield from lines[:_MAX_LINES]
    if len(lines) > _MAX_LINES:
        yield Sentence("more_lines", {"count": str(len(lines) - _MAX_LINES)})
