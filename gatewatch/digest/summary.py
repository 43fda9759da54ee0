"""What was noted of many alerts -> what one reads in the morning: what is still open, who changed how much, what was
spared.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.alerts.suppression import excepted
from gatewatch.digest.activity import LEAST
from gatewatch.digest.open_exposures import gates
from gatewatch.model.account import Account
from gatewatch.model.alert import Alert, AssessedChange, Links
from gatewatch.model.api_call import Actor, ApiCall, Via
from gatewatch.model.change import Action, Change, Outcome
from gatewatch.model.severity import Assessment, Exposure, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.config.settings import Settings
    from gatewatch.digest.activity import Entry, Noted, Opened
    from gatewatch.digest.open_exposures import Gates, OpenGate


class Period(Struct, frozen=True):
    """From `first` to `last`, both included. What is open is told as of `now`, which may be later."""

    first: datetime
    last: datetime
    now: datetime

    def holds(self, at: datetime) -> bool:
        return self.first <= at <= self.last


class Exposed(Struct, frozen=True):
    """A rule that lets the whole internet in, as the exceptions have it, since when, and who opened it."""

    account: Account
    region: str
    place: str
    rule: AssessedChange
    since: datetime
    actor: str


class Digest(Struct, frozen=True, kw_only=True):
    """Counts are of changes; `open` has the oldest first, `closed` are the times that exposures stood open.

    Of the day book: when it `began`, and how many events it is known to lack. None: all the events there were.
    """

    period: Period
    events: int
    severities: Counter[Severity]
    accounts: dict[Account, Counter[Severity]]
    actors: Counter[str]
    muted: Counter[str]
    open: tuple[Exposed, ...]
    closed: tuple[timedelta, ...]
    began: datetime | None = None
    missed: int = 0

    @property
    def is_empty(self) -> bool:
        """Nothing happened, nothing stands open, and nothing is missing."""
        return not (self.events or self.open or self.missed)

    @property
    def median_closed(self) -> timedelta:
        return timedelta(seconds=median(each.total_seconds() for each in self.closed))


def digest(entries: Iterable[Entry], found: Gates, period: Period, settings: Settings) -> Digest:
    """Every entry that is brought is counted, so there are to be no doubles among them."""
    events = 0
    accounts: dict[str, Counter[Severity]] = {}
    actors: Counter[str] = Counter()
    muted: Counter[str] = Counter()
    for entry in entries:
        if period.holds(entry.at):
            events += 1
            accounts.setdefault(entry.account, Counter()).update(entry.severities)
            actors[entry.actor] += sum(entry.severities.values())
            muted.update(entry.muted)
    exposed = (_exposed(gate, period.now, settings) for gate in found.open)
    closed = (each for each in found.closed if period.holds(each.at) and _exposed(each.gate, each.at, settings))
    return Digest(
        period=period,
        events=events,
        severities=sum(accounts.values(), Counter()),
        accounts={settings.account(account_id): counts for account_id, counts in accounts.items()},
        actors=actors,
        muted=muted,
        open=tuple(gate for gate in exposed if gate),
        closed=tuple(each.at - each.gate.since for each in closed),
    )


def digest_of(noted: Iterable[Noted], settings: Settings, days: int | None = None) -> Digest | None:
    """The digest of all that was noted, as of its last event; with `days`, only the last so many are counted.

    Duplicates count once, and order does not matter. None without anything.
    """
    known = {each.entry.key: each for each in noted}
    if not known:
        return None
    first, last = (find(each.entry.at for each in known.values()) for find in (min, max))
    period = Period(max(first, last - timedelta(days=days)) if days else first, last, last)
    steps = (step for each in known.values() for step in each.steps)
    return digest((each.entry for each in known.values()), gates(steps), period, settings)


def _exposed(gate: OpenGate, at: datetime, settings: Settings) -> Exposed | None:
    """None for one that the exceptions of that time spare."""
    account, opened = settings.account(gate.form.account), gate.form
    (rule,) = excepted(_alert(opened, account), settings.exceptions, at).alert.changes
    if rule.assessment.severity.rank < LEAST.rank:
        return None
    return Exposed(account, opened.region, opened.place, rule, gate.since, gate.actor)


def _alert(opened: Opened, account: Account) -> Alert:
    """As much of the alert as an exception looks at."""
    change = Change(
        family=opened.family,
        action=Action.AUTHORIZE,
        outcome=Outcome.APPLIED,
        group=opened.group,
        rule=opened.rule,
        resource_id=opened.resource_id or None,
    )
    call = ApiCall(
        event_id=opened.key,
        event_name="",
        event_source="",
        time=opened.at,
        account_id=opened.account,
        region=opened.region,
        actor=Actor(opened.actor, ""),
        via=Via.UNKNOWN,
        source_ip=None,
        error_code=None,
        request=None,
        response=None,
        record={},
    )
    assessment = Assessment(opened.severity, (), Exposure.WORLD, opened.services)
    return Alert(call=call, account=account, changes=(AssessedChange(change, assessment),), links=Links())


def severest(counts: Counter[Severity]) -> Iterator[tuple[Severity, int]]:
    """Worst first, without those that did not happen."""
    return ((each, counts[each]) for each in reversed(Severity) if counts[each])
