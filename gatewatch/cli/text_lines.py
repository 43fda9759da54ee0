"""`gatewatch replay --format text`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from gatewatch.config.paths import TEMPLATES
from gatewatch.model.change import Outcome
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import sanitize
from gatewatch.rendering.text.fields import caller
from gatewatch.rendering.text.headline import alert_headline
from gatewatch.rendering.text.labels import load_labels
from gatewatch.rendering.text.rules import traffic_text
from gatewatch.rendering.time_text import local_time

if TYPE_CHECKING:
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.rendering.text.labels import Labels

_STYLES = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "blue",
    Severity.INFO: "dim",
}


class PipeConsole(Console):
    """A console that raises `BrokenPipeError` when the reader of a pipe has gone; rich's own exits."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


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
        (change.resource_id != change.group.id and change.resource_id) or "",
        "" if change.outcome is Outcome.APPLIED else labels.outcome[change.outcome],
        f"“{rule.description}”" if rule.description else "",
    ]
    severity = assessed.assessment.severity
    line = Text(f"    {severity:<8} ", _STYLES[severity])
    line.append(f"{change.action:<10} ", "default")
    line.append(sanitize("  ".join(each for each in parts if each)), "default")
    line.rstrip()
    return line
