"""What people read when an account or a Region falls silent, comes back, or was never heard of."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from markupsafe import Markup

from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import clean, code, mrkdwn
from gatewatch.rendering.notices import Notice, messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.config.settings import Settings
    from gatewatch.model.message import Message
    from gatewatch.monitoring.heartbeat.judge import Finding, Findings

_LISTED = 25
_ALIAS = 80
_WHERE_TO_LOOK = Markup("To find out why: ") + code("gatewatch doctor")


def heartbeat_messages(findings: Findings, settings: Settings) -> list[Message]:
    """One message each for the silent, the returned and the never heard, to whoever hears everything."""
    return [message for told in _told(findings, settings) for message in _messages(told, settings)]


def _told(findings: Findings, settings: Settings) -> Iterator[Notice]:
    if findings.silent:
        title = f"{_counted(findings.silent, 'place')} fell silent"
        said = Markup("No event can reach the hub from there, or no canary does:")
        lines = [_line(each, settings, "last heard") for each in findings.silent]
        yield _notice("🔇", title, Severity.HIGH, (said, *_listed(lines), _WHERE_TO_LOOK), settings)
    if findings.unheard:
        title = f"{_counted(findings.unheard, 'account')} never reported"
        said = Markup("They are in the organization or in accounts.yaml, and the hub has heard nothing of them:")
        lines = [_account(each, settings) for each in findings.unheard]
        yield _notice("🔇", title, Severity.HIGH, (said, *_listed(lines), _WHERE_TO_LOOK), settings)
    if findings.back:
        title = f"{_counted(findings.back, 'place')} heard again"
        said = Markup("What happened there in between may not have been told; the trail has it.")
        lines = [_line(each, settings, "silent since") for each in findings.back]
        yield _notice("🔊", title, Severity.INFO, (said, *_listed(lines)), settings)


def _notice(mark: str, said: str, severity: Severity, lines: tuple[Markup, ...], settings: Settings) -> Notice:
    color = settings.colors.resolved if severity is Severity.INFO else settings.colors.high
    return Notice(title=f"{mark} {said}", lines=lines, subject=said, severity=severity, color=color)


def _messages(told: Notice, settings: Settings) -> list[Message]:
    """What says the same has the same key."""
    said = "\n".join((told.title, *told.lines))
    identity = hashlib.sha256(said.encode()).hexdigest()[:32]
    return messages(told, f"heartbeat-{identity}", settings.default_destinations, settings)


def _line(finding: Finding, settings: Settings, since: str) -> Markup:
    at = datetime.fromtimestamp(finding.last, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return _account(finding.place.account_id, settings) + mrkdwn(f" {finding.place.region} · {since} {at}")


def _account(account_id: str, settings: Settings) -> Markup:
    alias = mrkdwn(clean(settings.account(account_id).alias, _ALIAS))
    return Markup("• *{}* ").format(alias) + code(account_id)


def _listed(lines: Sequence[Markup]) -> Iterator[Markup]:
    more = len(lines) - _LISTED
    rest = [mrkdwn(f"… and {more} more")] if more > 0 else []
    yield Markup("\n").join([*lines[:_LISTED], *rest])


def _counted(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}" + ("" if len(things) == 1 else "s")
