"""What the exceptions and routes of a policy would have done to past events, and what nobody would have heard."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from gatewatch.alerts.routing import matches, route
from gatewatch.alerts.suppression import excepted
from gatewatch.config.paths import TEMPLATES
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import clean
from gatewatch.rendering.text import headline as words
from gatewatch.rendering.text.labels import load_labels
from gatewatch.rendering.time_text import rfc3339

if TYPE_CHECKING:
    from gatewatch.config.destinations import Match
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert

_LISTED = 50
_LONGEST = 1000


class WhatIf:
    """A printer for `replay`. Each event is held against the policy at the event's own time: the same every day."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._english = load_labels(TEMPLATES, "en")
        self._by_exception: dict[str, Counter[Severity]] = {each.id: Counter() for each in settings.exceptions}
        self._by_route: list[Counter[Severity]] = [Counter() for _ in settings.routes]
        self._alerts: Counter[Severity] = Counter()
        self._unheard: Counter[Severity] = Counter()
        self._hidden: list[str] = []
        self._console = Console(highlight=False, soft_wrap=True)

    def alert(self, alert: Alert) -> None:
        self._alerts[alert.severity] += 1
        result = excepted(alert, self._settings.exceptions, alert.call.time)
        for before, after in zip(alert.changes, result.alert.changes, strict=True):
            for reason in after.assessment.reasons[len(before.assessment.reasons) :]:
                if reason.code != "exception_expired":
                    self._by_exception[reason.values["exception"]][before.assessment.severity] += 1
        if _criticals(alert) > _criticals(result.alert):
            self._hide(alert, f"{'muted' if result.is_silent else 'lowered'} by {', '.join(result.applied)}")
        if result.is_silent:
            return
        for count, each in zip(self._by_route, self._settings.routes, strict=True):
            count[result.alert.severity] += matches(result.alert, each.match)
        if not route(result.alert, self._settings):
            self._unheard[alert.severity] += 1
            self._hide(alert, "no route takes it")

    def _hide(self, alert: Alert, why: str) -> None:
        if alert.severity is Severity.CRITICAL:
            head = words.headline(alert, self._english)
            call = alert.call
            self._hidden.append(
                f"{rfc3339(call.time)} {alert.account.alias} {call.region} {call.event_id}: {head} ({why})"
            )

    def close(self) -> None:
        self._say("bold", f"{sum(self._alerts.values())} alerts: {_counted(self._alerts)}")
        for each in self._settings.exceptions:
            found = _counted(self._by_exception[each.id])
            self._say("default", f"exception {each.id}: {each.effect}, until {each.expires}: {found}")
        for number, (count, one) in enumerate(zip(self._by_route, self._settings.routes, strict=True)):
            self._say("default", f"route {number} to {', '.join(one.to)} ({_named(one.match)}): {_counted(count)}")
        self._say("yellow" if self._unheard.total() else "default", f"heard by nobody: {_counted(self._unheard)}")
        style = "bold red" if self._hidden else "green"
        self._say(style, f"criticals that nobody would have seen as such: {len(self._hidden)}")
        for line in self._hidden[:_LISTED]:
            self._say("default", f"  {line}")
        if more := len(self._hidden[_LISTED:]):
            self._say("default", f"  … and {more} more")

    def _say(self, style: str, line: str) -> None:
        self._console.print(Text(clean(line, _LONGEST), style))


def _criticals(alert: Alert) -> int:
    return sum(each.assessment.severity is Severity.CRITICAL for each in alert.changes)


def _counted(count: Counter[Severity]) -> str:
    """`2 critical, 1 low`, worst first."""
    return ", ".join(f"{count[each]} {each}" for each in reversed(Severity) if count[each]) or "none"


def _named(match: Match) -> str:
    named = {name: value for name in match.__struct_fields__ if (value := getattr(match, name)) is not None}
    said = {name: value for name, value in named.items() if value != getattr(type(match)(), name)}
    return ", ".join(f"{name} {value}" for name, value in said.items()) or "everything"
