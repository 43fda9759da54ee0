"""What the exceptions and routes of a policy would have done to past events."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from gatewatch.alerts.routing import matches, route, routing_facts
from gatewatch.alerts.suppression import suppress
from gatewatch.config.paths import TEMPLATES
from gatewatch.config.patterns import pattern_list
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import sanitize
from gatewatch.rendering.text.headline import alert_headline
from gatewatch.rendering.text.labels import load_labels
from gatewatch.rendering.time_text import rfc3339

if TYPE_CHECKING:
    from gatewatch.config.destinations import Match
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert

_MAX_LISTED = 50
_MAX_LINE = 1000


class WhatIfReport:
    """A printer. Exceptions apply as at the time of each event, so the report does not depend on the current date."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._english = load_labels(TEMPLATES, "en")
        self._by_exception: dict[str, Counter[Severity]] = {each.id: Counter() for each in settings.exceptions}
        self._by_route: list[Counter[Severity]] = [Counter() for _ in settings.routes]
        self._alerts: Counter[Severity] = Counter()
        self._unrouted: Counter[Severity] = Counter()
        self._hidden_criticals: list[str] = []
        self._console = Console(highlight=False, soft_wrap=True)

    def alert(self, alert: Alert) -> None:
        self._alerts[alert.severity] += 1
        result = suppress(alert, self._settings.exceptions, alert.call.time)
        for before, after in zip(alert.changes, result.alert.changes, strict=True):
            for reason in after.assessment.reasons[len(before.assessment.reasons) :]:
                if reason.code != "exception_expired":
                    self._by_exception[reason.values["exception"]][before.assessment.severity] += 1
        if _criticals(alert) > _criticals(result.alert):
            self._add_hidden_critical(
                alert, f"{'suppressed' if result.is_suppressed else 'lowered'} by {', '.join(result.applied)}"
            )
        if result.is_suppressed:
            return
        for count, each in zip(self._by_route, self._settings.routes, strict=True):
            count[result.alert.severity] += matches(routing_facts(result.alert), each.match)
        if not route(result.alert, self._settings):
            self._unrouted[alert.severity] += 1
            self._add_hidden_critical(alert, "no route matches")

    def _add_hidden_critical(self, alert: Alert, reason: str) -> None:
        if alert.severity is Severity.CRITICAL:
            head = alert_headline(alert, self._english)
            call = alert.call
            self._hidden_criticals.append(
                f"{rfc3339(call.time)} {alert.account.alias} {call.region} {call.event_id}: {head} ({reason})"
            )

    def close(self) -> None:
        self._print("bold", f"{sum(self._alerts.values())} alerts: {_count_text(self._alerts)}")
        for each in self._settings.exceptions:
            found = _count_text(self._by_exception[each.id])
            self._print("default", f"exception {each.id}: {each.effect}, until {each.expires}: {found}")
        for number, (count, one) in enumerate(zip(self._by_route, self._settings.routes, strict=True)):
            self._print(
                "default", f"route {number} to {', '.join(one.to)} ({_match_text(one.match)}): {_count_text(count)}"
            )
        self._print(
            "yellow" if self._unrouted.total() > self._unrouted[Severity.INFO] else "default",
            f"sent to no destination, only counted in the digest: {_count_text(self._unrouted)}",
        )
        style = "bold red" if self._hidden_criticals else "green"
        self._print(style, f"critical alerts that would not have been sent as critical: {len(self._hidden_criticals)}")
        for line in self._hidden_criticals[:_MAX_LISTED]:
            self._print("default", f"  {line}")
        if more := len(self._hidden_criticals[_MAX_LISTED:]):
            self._print("default", f"  … and {more} more")

    def _print(self, style: str, line: str) -> None:
        self._console.print(Text(sanitize(line, _MAX_LINE), style))


def _criticals(alert: Alert) -> int:
    return sum(each.assessment.severity is Severity.CRITICAL for each in alert.changes)


def _count_text(count: Counter[Severity]) -> str:
    """`2 critical, 1 low`, worst first."""
    return ", ".join(f"{count[each]} {each}" for each in reversed(Severity) if count[each]) or "none"


def _match_text(match: Match) -> str:
    conditions = {name: value for name in match.__struct_fields__ if (value := getattr(match, name)) is not None}
    changed = {name: value for name, value in conditions.items() if value != getattr(type(match)(), name)}
    return ", ".join(f"{name} {' or '.join(pattern_list(value))}" for name, value in changed.items()) or "everything"
