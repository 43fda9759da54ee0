"""Many alerts -> what one reads of them in the morning: what is still open, who changed how much, what was spared."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.exceptions_policy import excepted
from gatewatch.model import Account, Action, Alert, AssessedChange, Direction, Exposure, Outcome, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.exception_settings import PolicyException

_OPENING = frozenset({Action.AUTHORIZE, Action.MODIFY})
_LEAST = Severity.MEDIUM  # web ports are open to the world on purpose, nearly always


class OpenGate(Struct, frozen=True):
    """A rule that lets the whole internet in, since when, and who opened it."""

    account: Account
    region: str
    place: str
    rule: AssessedChange
    since: datetime
    actor: str

    def is_meant_by(self, account_id: str, region: str, change: AssessedChange) -> bool:
        """By the rule's id where both have one, else by what the rule lets through."""
        if (self.account.id, self.region) != (account_id, region):
            return False
        mine, other = self.rule.change.rule, change.change.rule
        if mine.rule_id and other.rule_id:
            return mine.rule_id == other.rule_id
        same = (mine.direction, mine.traffic, mine.peer) == (other.direction, other.traffic, other.peer)
        return same and self.place == _place(change)


class Digest(Struct, frozen=True, kw_only=True):
    """Counts are of changes; `open` has the oldest first, `closed` are the times that exposures stood open."""

    first: datetime
    last: datetime
    events: int
    severities: Counter[Severity]
    accounts: dict[str, Counter[Severity]]
    actors: Counter[str]
    muted: Counter[str]
    open: tuple[OpenGate, ...]
    closed: tuple[timedelta, ...]

    @property
    def median_closed(self) -> timedelta:
        return timedelta(seconds=median(each.total_seconds() for each in self.closed))


def digest(alerts: Iterable[Alert], exceptions: Sequence[PolicyException], days: int | None = None) -> Digest | None:
    """None without any event that says when it happened. With `days`, only the last so many are counted.

    What is open, and since when, is told from all the alerts. Duplicates count once, and order does not matter.
    """
    known = {each.call.delivery_key: each for each in alerts if each.call.time}
    ordered = sorted(known.values(), key=_time)
    if not ordered:
        return None
    last = _time(ordered[-1])
    first = max(_time(ordered[0]), last - timedelta(days=days)) if days else _time(ordered[0])
    gates, closed = _gates([excepted(each, exceptions, _time(each)).alert for each in ordered])
    counted = [each for each in ordered if _time(each) >= first]
    return Digest(
        first=first,
        last=last,
        events=len(ordered),
        severities=Counter(each.assessment.severity for alert in counted for each in alert.changes),
        accounts=_by_account(counted),
        actors=_by_actor(counted),
        muted=_muted(counted, exceptions),
        open=tuple(gates),
        closed=tuple(age for at, age in closed if at >= first),
    )


def _time(alert: Alert) -> datetime:
    if alert.call.time is None:
        raise ValueError(f"{alert.call.event_id} has no time")
    return alert.call.time


def _by_account(alerts: Iterable[Alert]) -> dict[str, Counter[Severity]]:
    """The one with the most changes first."""
    found: dict[str, Counter[Severity]] = {}
    for alert in alerts:
        name = alert.account.alias if alert.account.known else alert.account.id
        found.setdefault(name, Counter()).update(each.assessment.severity for each in alert.changes)
    return dict(sorted(found.items(), key=lambda entry: -entry[1].total()))


def _by_actor(alerts: Iterable[Alert]) -> Counter[str]:
    found: Counter[str] = Counter()
    for alert in alerts:
        found[alert.call.actor.name] += len(alert.changes)
    return found


def _muted(alerts: Iterable[Alert], exceptions: Sequence[PolicyException]) -> Counter[str]:
    """Muted changes by the exception that mutes them."""
    codes = (
        reason
        for alert in alerts
        for each in excepted(alert, exceptions, alert.call.time).alert.changes
        for reason in each.assessment.reasons
    )
    return Counter(reason.values["exception"] for reason in codes if reason.code == "exception_mute")


def _gates(alerts: Iterable[Alert]) -> tuple[list[OpenGate], list[tuple[datetime, timedelta]]]:
    """What is open at the end, and when what was closed, after how long."""
    still: list[OpenGate] = []
    closed: list[tuple[datetime, timedelta]] = []
    for alert in alerts:
        for change in alert.changes:
            if not _happened(change):
                continue
            gone = [gate for gate in still if _ends(gate, alert, change)]
            opened = _opened(alert, change, gone)
            if opened is None:
                closed.extend((_time(alert), _time(alert) - gate.since) for gate in gone)
            still = [gate for gate in still if gate not in gone] + ([opened] if opened else [])
    return still, closed


def _happened(assessed: AssessedChange) -> bool:
    is_outbound = assessed.change.rule.direction is Direction.EGRESS
    return assessed.change.outcome is Outcome.APPLIED and assessed.change.understood and not is_outbound


def _ends(gate: OpenGate, alert: Alert, change: AssessedChange) -> bool:
    """A revoke, a change of the same rule, or the end of its group. A change of the text alone ends nothing."""
    if change.change.action is Action.DELETE:
        return (gate.account.id, gate.region, gate.place) == (alert.account.id, alert.call.region, _place(change))
    is_about_rule = change.change.action in _OPENING | {Action.REVOKE}
    return is_about_rule and gate.is_meant_by(alert.account.id, alert.call.region, change)


def _opened(alert: Alert, change: AssessedChange, before: Sequence[OpenGate]) -> OpenGate | None:
    """One that was open already keeps the time and the name of its opening."""
    is_severe = change.assessment.severity.rank >= _LEAST.rank
    if change.change.action not in _OPENING or change.assessment.exposure is not Exposure.WORLD or not is_severe:
        return None
    since, actor = next(((gate.since, gate.actor) for gate in before), (_time(alert), alert.call.actor.name))
    return OpenGate(alert.account, alert.call.region, _place(change), change, since, actor)


def _place(assessed: AssessedChange) -> str:
    change = assessed.change
    return change.group.id or change.group.name or change.resource_id or ""


def severest(counts: Counter[Severity]) -> Iterator[tuple[Severity, int]]:
    """Worst first, without those that did not happen."""
    return ((each, counts[each]) for each in reversed(Severity) if counts[each])
