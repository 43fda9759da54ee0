"""What `gatewatch explain` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gatewatch.alerts.routing import route
from gatewatch.alerts.suppression import suppress
from gatewatch.cli.message_lines import message_for
from gatewatch.cli.record_fields import fields_of
from gatewatch.cli.text_lines import PipeConsole
from gatewatch.config.paths import TEMPLATES
from gatewatch.rendering.escaping import mrkdwn, sanitize
from gatewatch.rendering.slack import SlackRenderer
from gatewatch.rendering.sns import SnsRenderer
from gatewatch.rendering.templates import load_templates
from gatewatch.rendering.text.headline import alert_headline
from gatewatch.rendering.text.labels import load_labels
from gatewatch.rendering.text.rules import traffic_text
from gatewatch.rendering.text.source_network import source_text
from gatewatch.rendering.time_text import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.security_group import SecurityGroupRule
    from gatewatch.model.severity import Reason


class DecisionTrace:
    """A printer: what was decoded, the severity with its reasons, and the destinations of each alert."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._english = load_labels(TEMPLATES, "en")
        self._templates = load_templates(TEMPLATES)
        self._slack = SlackRenderer(self._templates, settings.colors)
        self._sns = SnsRenderer(self._templates, settings.colors)
        self._console = PipeConsole(highlight=False, soft_wrap=True)

    def alert(self, alert: Alert) -> None:
        call = alert.call
        self._field("event", f"{call.event_name} {call.event_id} at {rfc3339(call.time) or 'an unknown time'}")
        known = "from accounts.yaml" if alert.account.known else "not in accounts.yaml"
        self._field("account", f"{alert.account.id} {alert.account.alias} ({known}), region {call.region}")
        self._field("actor", f"{call.actor.name} ({call.actor.type}) via {call.via} from {call.source_ip}")
        if alert.source_network:
            self._field("source", source_text(mrkdwn(call.source_ip or ""), alert.source_network, self._english))
        for number, assessed in enumerate(alert.changes, start=1):
            self._change(f"change {number}", assessed)
        self._fields(alert)
        self._field("headline", alert_headline(alert, self._templates.labels(alert.account.language)))
        result = suppress(alert, self._settings.exceptions, call.time)
        for note in _notes(alert, result.alert):
            self._field("note", self._english.reason_text(note))
        if result.applied:
            self._field(
                "suppressed", f"by {', '.join(result.applied)}: {result.suppressed} of {len(alert.changes)} changes"
            )
        destinations = (
            "none: suppressed by exceptions" if result.is_suppressed else ", ".join(route(result.alert, self._settings))
        )
        self._field("sent to", destinations or "none: no route matches")
        message = message_for(alert)
        messages, sns_messages = len(self._slack.cut(message)), len(self._sns.cut(message))
        self._field("messages", f"{messages} for each Slack destination, {sns_messages} for each topic")
        self._console.print()

    def _change(self, name: str, assessed: AssessedChange) -> None:
        change, assessment = assessed.change, assessed.assessment
        group = change.group.id or change.group.name or change.resource_id or "no resource"
        recognized = "understood" if change.understood else "unrecognized format"
        self._field(name, f"{change.family} {change.action}, {change.outcome}, {group}, {recognized}")
        if change.facts is None:
            self._rule(change.rule)
        if assessment.exposure:
            self._field("  exposure", assessment.exposure)
        self._field("  severity", assessment.severity)
        for reason in assessment.reasons:
            self._field("  reason", self._english.reason_text(reason))

    def _fields(self, alert: Alert) -> None:
        """The fields of the record that the severity rests on, and those that the caller wrote and that only name."""
        deciding = [each.path for each in fields_of(alert.call.record, decides=True)]
        shown = [each.path for each in fields_of(alert.call.record, decides=False)]
        self._field("rests on", ", ".join(deciding) or "nothing")
        if shown:
            self._field("only shown", f"{', '.join(shown)} (written by the caller)")

    def _rule(self, rule: SecurityGroupRule) -> None:
        traffic = traffic_text(rule.traffic, self._english)
        peer = f"{rule.peer.kind} {rule.peer.text}" if rule.peer else "unknown peer"
        self._field("  rule", f"{rule.direction or 'unknown direction'}, {traffic}, {peer}")

    def _field(self, name: str, text: str) -> None:
        self._console.print(Text(f"{name:<12}", "bold").append(sanitize(text), "default"))

    def close(self) -> None:
        """Every alert is already printed."""


def _notes(before: Alert, after: Alert) -> Iterator[Reason]:
    """What the exceptions added to the reasons."""
    for old, new in zip(before.changes, after.changes, strict=True):
        yield from new.assessment.reasons[len(old.assessment.reasons) :]
