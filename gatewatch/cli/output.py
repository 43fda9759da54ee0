"""What `gatewatch replay` and `gatewatch explain` print."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.text import Text

from gatewatch.alerts.routing import route
from gatewatch.alerts.suppression import excepted
from gatewatch.config.paths import TEMPLATES
from gatewatch.local.slack.inbox import Received
from gatewatch.local.slack.page import page
from gatewatch.model.change import Outcome
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import clean
from gatewatch.rendering.json_rows import rows
from gatewatch.rendering.slack import load_templates, slack_payloads
from gatewatch.rendering.sns import topic_bodies
from gatewatch.rendering.text import headline as words
from gatewatch.rendering.text import rules as rule_words
from gatewatch.rendering.text.fields import caller
from gatewatch.rendering.text.labels import load_labels
from gatewatch.rendering.time_text import local_time, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gatewatch.cli.app import Format
    from gatewatch.cli.replay import Printer
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.security_group import SecurityGroupRule
    from gatewatch.rendering.sns_body import TopicBody
    from gatewatch.rendering.text.labels import Labels

_STYLES = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "blue",
    Severity.INFO: "dim",
}


def printer(output: Format, settings: Settings, least: Severity) -> Printer:
    return _PRINTERS[output](settings, least)


class _Paper(Console):
    """Standard output, which may be a pipe that its reader has left: whoever prints hears of it."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _console() -> Console:
    return _Paper(highlight=False, soft_wrap=True)


# Ends of line to many a reader, though not to JSON: escaped, they mean the same and every row stays one line.
_LINE_ENDS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))


class JsonLines:
    """The replay contract: one row per change."""

    def __init__(self, _settings: Settings, least: Severity) -> None:
        self._english = load_labels(TEMPLATES, "en")
        self._least = least.rank
        self._encoder = msgspec.json.Encoder()

    def alert(self, alert: Alert) -> None:
        write = sys.stdout.buffer.write
        for row in rows(alert, self._english):
            if Severity(row.severity).rank >= self._least:
                write(_one_line(self._encoder.encode(row)) + b"\n")

    def close(self) -> None:
        sys.stdout.buffer.flush()


def _one_line(row: bytes) -> bytes:
    for end, escape in _LINE_ENDS:
        row = row.replace(end, escape)
    return row


class TextLines:
    """One line per call, one under it per change."""

    def __init__(self, settings: Settings, least: Severity) -> None:
        self._labels = {name: load_labels(TEMPLATES, name) for name in settings.languages}
        self._least = least.rank
        self._console = _console()

    def alert(self, alert: Alert) -> None:
        if alert.severity.rank < self._least:
            return
        labels = self._labels[alert.account.language]
        time = local_time(alert.call.time, alert.account.timezone) if alert.call.time else labels.field["unknown"]
        line = Text(f"{time}  ")
        line.append(f" {labels.severity[alert.severity]} ", _STYLES[alert.severity])
        line.append(clean(f" {words.headline(alert, labels)}"), "bold")
        who = caller(alert, labels)
        where = (f"{alert.account.alias} {alert.account.id}", alert.call.region)
        said = (*where, who, labels.via[alert.call.via]) if who else where
        line.append(clean(f" · {' · '.join(said)}"))
        self._console.print(line)
        for assessed in alert.changes:
            self._console.print(_change_line(assessed, labels))

    def close(self) -> None:
        """Nothing is kept back."""


def _change_line(assessed: AssessedChange, labels: Labels) -> Text:
    change, rule = assessed.change, assessed.change.rule
    parts = [
        labels.direction[rule.direction] if rule.direction else "",
        rule_words.traffic_text(rule.traffic, labels) if rule.traffic.protocol else "",
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
    line.append(clean("  ".join(each for each in parts if each)), "default")
    return line


class SlackLines:
    """The payload of each Slack message, exactly as it would be posted, one per line."""

    def __init__(self, settings: Settings, least: Severity) -> None:
        self._templates = load_templates(TEMPLATES, settings.languages)
        self._colors = settings.colors
        self._least = least.rank

    def alert(self, alert: Alert) -> None:
        if alert.severity.rank >= self._least:
            for payload in slack_payloads(alert, self._templates, self._colors):
                sys.stdout.buffer.write(payload + b"\n")

    def close(self) -> None:
        sys.stdout.buffer.flush()


class TopicLines:
    """What a topic's subscribers would get of each message: `show` says which of them, and how it is printed."""

    def __init__(self, settings: Settings, least: Severity, show: Callable[[TopicBody], bytes]) -> None:
        self._templates = load_templates(TEMPLATES, settings.languages)
        self._colors = settings.colors
        self._least = least.rank
        self._show = show

    def alert(self, alert: Alert) -> None:
        if alert.severity.rank >= self._least:
            for body in topic_bodies(alert, self._templates, self._colors):
                sys.stdout.buffer.write(self._show(body))

    def close(self) -> None:
        sys.stdout.buffer.flush()


def _notification(body: TopicBody) -> bytes:
    """Exactly as it would be published, one per line."""
    return msgspec.json.encode(body.chat) + b"\n"


def _mail(body: TopicBody) -> bytes:
    """With its subject; a line of equals signs ends it."""
    return f"Subject: {body.subject}\n\n{body.mail}\n{'=' * 40}\n".encode()


class HtmlPage:
    """The inbox page, as Slack would show the messages."""

    def __init__(self, settings: Settings, least: Severity) -> None:
        self._templates = load_templates(TEMPLATES, settings.languages)
        self._settings = settings
        self._least = least.rank
        self._received: list[Received] = []

    def alert(self, alert: Alert) -> None:
        if alert.severity.rank < self._least:
            return
        channels = route(alert, self._settings) or ("nowhere",)
        at = alert.call.time or datetime.fromtimestamp(0, UTC)
        for payload in slack_payloads(alert, self._templates, self._settings.colors):
            message = msgspec.json.decode(payload)
            for channel in channels:
                self._received.append(Received(len(self._received) + 1, channel, message, at))

    def close(self) -> None:
        sys.stdout.buffer.write(page(self._received, live=False, title="gatewatch replay").encode())
        sys.stdout.buffer.flush()


_PRINTERS: Mapping[str, Callable[[Settings, Severity], Printer]] = {
    "text": TextLines,
    "json": JsonLines,
    "slack": SlackLines,
    "chatbot": partial(TopicLines, show=_notification),
    "email": partial(TopicLines, show=_mail),
    "html": HtmlPage,
}


class Trace:
    """The decision trace: what was read, how it was judged and why, where it goes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._english = load_labels(TEMPLATES, "en")
        self._templates = load_templates(TEMPLATES, settings.languages)
        self._console = _console()

    def alert(self, alert: Alert) -> None:
        call = alert.call
        self._say("event", f"{call.event_name} {call.event_id} at {rfc3339(call.time) or 'an unknown time'}")
        known = "from accounts.yaml" if alert.account.known else "not in accounts.yaml"
        self._say("account", f"{alert.account.id} {alert.account.alias} ({known}), region {call.region}")
        self._say("actor", f"{call.actor.name} ({call.actor.type}) via {call.via} from {call.source_ip}")
        for number, assessed in enumerate(alert.changes, start=1):
            self._change(f"change {number}", assessed)
        self._say("headline", words.headline(alert, self._templates.labels[alert.account.language]))
        result = excepted(alert, self._settings.exceptions, call.time)
        if result.applied:
            self._say("excepted", f"by {', '.join(result.applied)}: {result.muted} of {len(alert.changes)} muted")
        places = "nobody: it is muted" if result.is_silent else ", ".join(route(result.alert, self._settings))
        self._say("goes to", places or "nowhere: no route matches")
        messages = len(slack_payloads(alert, self._templates, self._settings.colors))
        mails = len(topic_bodies(alert, self._templates, self._settings.colors))
        self._say("messages", f"{messages} for each Slack destination, {mails} for each topic")
        self._console.print()

    def _change(self, name: str, assessed: AssessedChange) -> None:
        change, verdict = assessed.change, assessed.assessment
        group = change.group.id or change.group.name or change.resource_id or "nothing named"
        shape = "understood" if change.understood else "shape not understood"
        self._say(name, f"{change.family} {change.action}, {change.outcome}, {group}, {shape}")
        if change.facts is None:
            self._rule(change.rule)
        if verdict.exposure:
            self._say("  exposure", verdict.exposure)
        self._say("  severity", verdict.severity)
        for reason in verdict.reasons:
            self._say("  because", self._english.reason_text(reason))

    def _rule(self, rule: SecurityGroupRule) -> None:
        traffic = rule_words.traffic_text(rule.traffic, self._english)
        peer = f"{rule.peer.kind} {rule.peer.text}" if rule.peer else "no peer said"
        self._say("  rule", f"{rule.direction or 'direction not said'}, {traffic}, {peer}")

    def _say(self, name: str, text: str) -> None:
        self._console.print(Text(f"{name:<12}", "bold").append(clean(text), "default"))

    def close(self) -> None:
        """Nothing is kept back."""
