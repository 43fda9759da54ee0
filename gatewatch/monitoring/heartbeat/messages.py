"""Notices about Regions that stopped or resumed sending canaries, and accounts that never sent one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from markupsafe import Markup

from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import code, mrkdwn, sanitize
from gatewatch.rendering.notices import OperatorNotice, notice_messages
from gatewatch.rendering.time_text import utc_minute

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.config.settings import Settings
    from gatewatch.model.message import Message
    from gatewatch.monitoring.heartbeat.judge import HeartbeatChanges, SilentRegion

_MAX_LINES = 25
_MAX_ALIAS = 80
_NEXT_STEP = Markup("To find out why: ") + code("gatewatch doctor")


def heartbeat_messages(changes: HeartbeatChanges, settings: Settings) -> list[Message]:
    """Return one notice each for silent and recovered Regions and for accounts that never reported."""
    return [message for notice in _notices(changes, settings) for message in _messages(notice, settings)]


def _notices(changes: HeartbeatChanges, settings: Settings) -> Iterator[OperatorNotice]:
    if changes.silent:
        title = f"{_count_of(changes.silent, 'Region')} went silent"
        text = Markup("No event reaches the hub from there, or no canary does:")
        lines = [_line(each, settings, "last canary") for each in changes.silent]
        yield _notice("🔇", title, Severity.HIGH, (text, *_limited(lines), _NEXT_STEP), settings)
    if changes.never_reported:
        title = f"{_count_of(changes.never_reported, 'account')} never reported"
        text = Markup("They are in the organization or in accounts.yaml, and the hub has received no canary from them:")
        lines = [_account(each, settings) for each in changes.never_reported]
        yield _notice("🔇", title, Severity.HIGH, (text, *_limited(lines), _NEXT_STEP), settings)
    if changes.recovered:
        title = f"{_count_of(changes.recovered, 'Region')} recovered"
        text = Markup("Alerts for the time in between may be missing; CloudTrail has the events.")
        lines = [_line(each, settings, "silent since") for each in changes.recovered]
        yield _notice("🔊", title, Severity.INFO, (text, *_limited(lines)), settings)


def _notice(mark: str, title: str, severity: Severity, lines: tuple[Markup, ...], settings: Settings) -> OperatorNotice:
    color = settings.colors.resolved if severity is Severity.INFO else settings.colors.high
    return OperatorNotice(title=f"{mark} {title}", lines=lines, subject=title, severity=severity, color=color)


def _messages(notice: OperatorNotice, settings: Settings) -> list[Message]:
    """Derive the key from the text: a repeated run sends nothing twice."""
    text = "\n".join((notice.title, *notice.lines))
    identity = hashlib.sha256(text.encode()).hexdigest()[:32]
    return notice_messages(notice, f"heartbeat-{identity}", settings.default_destinations, settings)


def _line(silent: SilentRegion, settings: Settings, since: str) -> Markup:
    at = utc_minute(silent.last)
    return _account(silent.origin.account_id, settings) + mrkdwn(f" {silent.origin.region} · {since} {at}")


def _account(account_id: str, settings: Settings) -> Markup:
    alias = mrkdwn(sanitize(settings.account(account_id).alias, _MAX_ALIAS))
    return Markup("• *{}* ").format(alias) + code(account_id)


def _limited(lines: Sequence[Markup]) -> Iterator[Markup]:
    more = len(lines) - _MAX_LINES
    omitted = [mrkdwn(f"… and {more} more")] if more > 0 else []
    yield Markup("\n").join([*lines[:_MAX_LINES], *omitted])


def _count_of(items: Sequence[object], name: str) -> str:
    return f"{len(items)} {name}" + ("" if len(items) == 1 else "s")
