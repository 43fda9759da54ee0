"""Summarize activity: what is still open, who changed how much, what was suppressed."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from gatewatch.alerts.suppression import suppress
from gatewatch.digest.activity import MIN_SEVERITY
from gatewatch.digest.open_exposures import resolve_exposures
from gatewatch.model.account import Account
from gatewatch.model.alert import Alert, AssessedChange, Links
from gatewatch.model.api_call import AccessMethod, Actor, ApiCall
from gatewatch.model.change import Action, Change, Outcome
from gatewatch.model.severity import Assessment, Exposure, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.config.settings import Settings
    from gatewatch.digest.activity import AlertActivity, AlertSummary, RuleOpened
    from gatewatch.digest.open_exposures import OpenExposure, ResolvedExposures


class Period(Struct, frozen=True):
    """From `first` to `last`, both included. Open exposures are those at `now`, which may be later."""

    first: datetime
    last: datetime
    now: datetime

    def contains(self, at: datetime) -> bool:
        return self.first <= at <= self.last


class ExposedRule(Struct, frozen=True):
    """A rule that is open to the whole internet, with exceptions applied. `event_id`: the call that opened it."""

    account: Account
    region: str
    resource: str
    change: AssessedChange
    since: datetime
    actor: str
    event_id: str


class Digest(Struct, frozen=True, kw_only=True):
    """Counts are of changes. `open` is sorted by severity, then oldest first.

    `closed` are the durations of closed exposures. `recording_since` is the start of the activity log, None for a
    digest of files; `missing_events` is the number of events that the log lacks.
    """

    period: Period
    events: int
    severities: Counter[Severity]
    accounts: dict[Account, Counter[Severity]]
    actors: Counter[str]
    suppressed: Counter[str]
    open: tuple[ExposedRule, ...]
    closed: tuple[timedelta, ...]
    recording_since: datetime | None = None
    missing_events: int = 0

    @property
    def is_empty(self) -> bool:
        """Return whether nothing happened, nothing is open and no event is missing."""
        return not (self.events or self.open or self.missing_events)

    @property
    def median_closed(self) -> timedelta:
        return timedelta(seconds=median(each.total_seconds() for each in self.closed))


def summarize(
    summaries: Iterable[AlertSummary], found: ResolvedExposures, period: Period, settings: Settings
) -> Digest:
    """Summarize alerts, which must not contain duplicates."""
    events = 0
    accounts: dict[str, Counter[Severity]] = {}
    actors: Counter[str] = Counter()
    suppressed: Counter[str] = Counter()
    for summary in summaries:
        if period.contains(summary.at):
            events += 1
            accounts.setdefault(summary.account, Counter()).update(summary.severities)
            actors[summary.actor] += sum(summary.severities.values())
            suppressed.update(summary.suppressed)
    open_rules = (_exposed_rule(exposure, period.now, settings) for exposure in found.open)
    closed = (
        each for each in found.closed if period.contains(each.at) and _exposed_rule(each.exposure, each.at, settings)
    )
    return Digest(
        period=period,
        events=events,
        severities=sum(accounts.values(), Counter()),
        accounts={settings.account(account_id): counts for account_id, counts in accounts.items()},
        actors=actors,
        suppressed=suppressed,
        open=tuple(sorted(_without_twins(filter(None, open_rules)), key=_worst_and_oldest)),
        closed=tuple(each.at - each.exposure.since for each in closed),
    )


def summarize_activity(activity: Iterable[AlertActivity], settings: Settings, days: int | None = None) -> Digest | None:
    """Summarize activity as of its last event; with `days`, only the last so many days are counted.

    Duplicates are counted once, and the order does not matter. Returns None without activity.
    """
    known = {each.summary.key: each for each in activity}
    if not known:
        return None
    first, last = (find(each.summary.at for each in known.values()) for find in (min, max))
    period = Period(max(first, last - timedelta(days=days)) if days else first, last, last)
    steps = (step for each in known.values() for step in each.steps)
    return summarize((each.summary for each in known.values()), resolve_exposures(steps), period, settings)


def _exposed_rule(exposure: OpenExposure, at: datetime, settings: Settings) -> ExposedRule | None:
    """Return None for an exposure whose severity, after the exceptions at that time, is too low."""
    account, opened = settings.account(exposure.current.account), exposure.current
    (change,) = suppress(_alert(opened, account), settings.exceptions, at).alert.changes
    if change.assessment.severity.rank < MIN_SEVERITY.rank:
        return None
    first = exposure.opened[0]
    return ExposedRule(account, opened.region, opened.resource, change, first.at, first.actor, first.event_id)


def _without_twins(rules: Iterable[ExposedRule]) -> Iterator[ExposedRule]:
    """Yield rules that differ only in their peer once: IPv4 and IPv6 twins, and CIDRs that add up to the internet.

    `rules` are sorted oldest first; the oldest of them gets the highest severity.
    """
    twins: dict[tuple[object, ...], list[ExposedRule]] = {}
    for each in rules:
        traffic = each.change.change.rule.traffic
        twins.setdefault((each.account.id, each.region, each.resource, traffic), []).append(each)
    for found in twins.values():
        worst = max(found, key=lambda each: each.change.assessment.severity.rank)
        yield replace(found[0], change=worst.change)


def _worst_and_oldest(rule: ExposedRule) -> tuple[int, datetime]:
    return -rule.change.assessment.severity.rank, rule.since


def _alert(opened: RuleOpened, account: Account) -> Alert:
    """Return an alert with the fields that exceptions match on."""
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
        via=AccessMethod.UNKNOWN,
        source_ip=None,
        error_code=None,
        request=None,
        response=None,
        record={},
    )
    assessment = Assessment(opened.severity, (), Exposure.WORLD, opened.services)
    return Alert(call=call, account=account, changes=(AssessedChange(change, assessment),), links=Links())


def worst_first(counts: Counter[Severity]) -> Iterator[tuple[Severity, int]]:
    """Yield the non-zero counts, most severe first."""
    return ((each, counts[each]) for each in reversed(Severity) if counts[each])
