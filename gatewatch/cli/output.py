"""The output formats of `gatewatch replay`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.text import Text

from gatewatch.alerts.notifications import notification_of
from gatewatch.alerts.routing import route
from gatewatch.config.paths import TEMPLATES
from gatewatch.local.slack.inbox import ReceivedMessage
from gatewatch.local.slack.page import render_page
from gatewatch.model.change import Outcome
from gatewatch.model.message import OutboxMessage
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import sanitize
from gatewatch.rendering.json_rows import rows
from gatewatch.rendering.slack import SlackRenderer
from gatewatch.rendering.sns import SnsRenderer
from gatewatch.rendering.templates import load_templates
from gatewatch.rendering.text.fields import caller
from gatewatch.rendering.text.headline import alert_headline
from gatewatch.rendering.text.labels import load_labels
from gatewatch.rendering.text.rules import traffic_text
from gatewatch.rendering.time_text import local_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gatewatch.cli.alert_printing import Printer
    from gatewatch.cli.replay import Format
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.rendering.sns_body import SnsBody
    from gatewatch.rendering.text.labels import Labels

ALERTS_PER_PAGE = 200
_STYLES = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "blue",
    Severity.INFO: "dim",
}


def printer_for(output: Format, settings: Settings, min_severity: Severity, page: int = 1) -> Printer:
    """The printer of a format; `page` counts from 1 and is for HTML."""
    if output == "html":
        return HtmlPage(settings, min_severity, page)
    return _PRINTERS[output](settings, min_severity)


class PipeConsole(Console):
    """A console that raises `BrokenPipeError` when the reader of a pipe has gone; rich's own exits."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


# Line separators for many programs, though not for JSON: escaped, so that every row stays one line.
_LINE_ENDS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))


class JsonLines:
    """JSON Lines: one row per change, see docs/commands.md."""

    def __init__(self, _settings: Settings, min_severity: Severity) -> None:
        self._english = load_labels(TEMPLATES, "en")
        self._min_rank = min_severity.rank
        self._encoder = msgspec.json.Encoder()

    def alert(self, alert: Alert) -> None:
        write = sys.stdout.buffer.write
        for row in rows(alert, self._english):
            if Severity(row.severity).rank >= self._min_rank:
                write(_one_line(self._encoder.encode(row)) + b"\n")

    def close(self) -> None:
        sys.stdout.buffer.flush()


def _one_line(row: bytes) -> bytes:
    for end, escape in _LINE_ENDS:
        row = row.replace(end, escape)
    return row


class TextLines:
    """One line per call, followed by one line per change."""

    def __init__(self, settings: Settings, min_severity: Severity) -> None:
        self._labels = {name: load_labels(TEMPLATES, name) for name in settings.languages}
        self._min_rank = min_severity.rank
        self._console = PipeConsole(highlight=False, soft_wrap=True)

    def alert(self, alert: Alert) -> None:
        if alert.severity.rank < self._min_rank:
            return
        labels = self._labels[alert.account.language]
        time = local_time(alert.call.time, alert.account.timezone) if alert.call.time else labels.field["unknown"]
        line = Text(f"{time}  ")
        line.append(f" {labels.severity[alert.severity]} ", _STYLES[alert.severity])
        line.append(sanitize(f" {alert_headline(alert, labels)}"), "bold")
        actor = caller(alert, labels)
        location = (f"{alert.account.alias} {alert.account.id}", alert.call.region)
        parts = (*location, actor, labels.via[alert.call.via]) if actor else location
        line.append(sanitize(f" · {' · '.join(parts)}"))
        self._console.print(line)
        for assessed in alert.changes:
            self._console.print(_change_line(assessed, labels))

    def close(self) -> None:
        """Every alert is already printed."""


def _change_line(assessed: AssessedChange, labels: Labels) -> Text:
    change, rule = assessed.change, assessed.change.rule
    parts = [
        labels.direction[rule.direction] if rule.direction else "",
        traffic_text(rule.traffic, labels) if rule.traffic.protocol else "",
        rule.peer.text if rule.peer else "",
        change.group.id or change.group.name or "",
        rule.rule_id or "",
        change.resource_id or "",
        "" if change.outcome is Outcome.APPLIED else labels.outcome[change.outcome],
        f"“{rule.description}”" if rule.description else "",
    ]
    severity = assessed.assessment.severity
    line = Text(f"    {severity:<8} ", _STYLES[severity])
    line.append(f"{change.action:<10} ", "default")
    line.append(sanitize("  ".join(each for each in parts if each)), "default")
    return line


class SlackLines:
    """The payload of each Slack message, exactly as posted, one per line."""

    def __init__(self, settings: Settings, min_severity: Severity) -> None:
        self._renderer = SlackRenderer(load_templates(TEMPLATES), settings.colors)
        self._min_rank = min_severity.rank

    def alert(self, alert: Alert) -> None:
        if alert.severity.rank >= self._min_rank:
            for payload in self._renderer.messages(message_for(alert)):
                sys.stdout.buffer.write(msgspec.json.encode(payload) + b"\n")

    def close(self) -> None:
        sys.stdout.buffer.flush()


class SnsMessages:
    """SNS messages; `show` selects the body for one kind of subscriber and formats it."""

    def __init__(self, settings: Settings, min_severity: Severity, show: Callable[[SnsBody], bytes]) -> None:
        self._renderer = SnsRenderer(load_templates(TEMPLATES), settings.colors)
        self._min_rank = min_severity.rank
        self._show = show

    def alert(self, alert: Alert) -> None:
        if alert.severity.rank >= self._min_rank:
            for body in self._renderer.messages(message_for(alert)):
                sys.stdout.buffer.write(self._show(body))

    def close(self) -> None:
        sys.stdout.buffer.flush()


def _chatbot_line(body: SnsBody) -> bytes:
    """The body for Amazon Q Developer in chat applications, exactly as published, one per line."""
    return msgspec.json.encode(body.chat) + b"\n"


def _email(body: SnsBody) -> bytes:
    """The e-mail with its subject; a line of equals signs separates e-mails."""
    return f"Subject: {body.subject}\n\n{body.mail}\n{'=' * 40}\n".encode()


class HtmlPage:
    """The messages as an HTML page that looks like Slack. A page has the messages of ALERTS_PER_PAGE alerts."""

    def __init__(self, settings: Settings, min_severity: Severity, page: int) -> None:
        self._page = page
        self._alerts = 0
        self._renderer = SlackRenderer(load_templates(TEMPLATES), settings.colors)
        self._settings = settings
        self._min_rank = min_severity.rank
        self._received: list[ReceivedMessage] = []

    def alert(self, alert: Alert) -> None:
        if alert.severity.rank < self._min_rank:
            return
        self._alerts += 1
        if (self._alerts - 1) // ALERTS_PER_PAGE != self._page - 1:
            return
        channels = route(alert, self._settings) or ("no destination",)
        at = alert.call.time or datetime.fromtimestamp(0, UTC)
        for message in self._renderer.messages(message_for(alert)):
            for channel in channels:
                self._received.append(ReceivedMessage(len(self._received) + 1, channel, message, at))

    def close(self) -> None:
        pages = max(1, -(-self._alerts // ALERTS_PER_PAGE))
        title = "gatewatch replay" if pages == 1 else f"gatewatch replay, page {self._page} of {pages}"
        sys.stdout.buffer.write(render_page(self._received, live=False, title=title).encode())
        sys.stdout.buffer.flush()
        if pages > 1:
            sys.stderr.write(
                f"gatewatch: page {self._page} of {pages} with {ALERTS_PER_PAGE} alerts each; select one with --page\n"
            )


def message_for(alert: Alert, destination: str = "") -> OutboxMessage:
    """The message that delivery would render."""
    return OutboxMessage(destination=destination, notification=notification_of(alert))


_PRINTERS: Mapping[str, Callable[[Settings, Severity], Printer]] = {
    "text": TextLines,
    "json": JsonLines,
    "slack": SlackLines,
    "chatbot": partial(SnsMessages, show=_chatbot_line),
    "email": partial(SnsMessages, show=_email),
}
