"""What people read when an account or a Region falls silent, comes back, or was never heard of."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from markupsafe import Markup

from gatewatch.model import Message, Severity
from gatewatch.notice import notice
from gatewatch.safe_text import clean, code, mrkdwn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.heartbeat import Finding, Findings
    from gatewatch.settings import Settings

_LISTED = 25
_ALIAS = 80
_WHERE_TO_LOOK = Markup("To find out why: ") + code("gatewatch doctor")


def heartbeat_messages(findings: Findings, settings: Settings) -> list[Message]:
    """One message each for the silent, the returned and the never heard, to whoever hears everything."""
    return [message for told in _told(findings, settings) for message in _messages(*told, settings)]


def _told(findings: Findings, settings: Settings) -> Iterator[tuple[str, Severity, list[Markup]]]:
    if findings.silent:
        title = f"🔇 {_counted(findings.silent, 'place')} fell silent"
        said = Markup("No event can reach the hub from there, or no canary does:")
        lines = [_line(each, settings, "last heard") for each in findings.silent]
        yield title, Severity.HIGH, [said, *_listed(lines), _WHERE_TO_LOOK]
    if findings.unheard:
        title = f"🔇 {_counted(findings.unheard, 'account')} never reported"
        said = Markup("They are in the organization or in accounts.yaml, and the hub has heard nothing of them:")
        lines = [_account(each, settings) for each in findings.unheard]
        yield title, Severity.HIGH, [said, *_listed(lines), _WHERE_TO_LOOK]
    if findings.back:
        title = f"🔊 {_counted(findings.back, 'place')} heard again"
        said = Markup("What happened there in between may not have been told; the trail has it.")
        lines = [_line(each, settings, "silent since") for each in findings.back]
        yield title, Severity.INFO, [said, *_listed(lines)]


def _messages(title: str, severity: Severity, lines: Iterable[Markup], settings: Settings) -> Iterator[Message]:
    color = settings.colors.resolved if severity is Severity.INFO else settings.colors.high
    body = _colored(notice(title, lines), color)
    identity = hashlib.sha256(body.encode()).hexdigest()[:32]
    for name in settings.default_destinations:
        yield Message(key=f"heartbeat-{identity}#{name}", destination=name, body=body, severity=severity)


def _colored(payload: bytes, color: str) -> str:
    message = msgspec.json.decode(payload)
    message["attachments"][0]["color"] = color
    return msgspec.json.encode(message).decode()


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
