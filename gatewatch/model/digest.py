"""Digest: what changed in a period, and which rules are open to the internet at its end."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from gatewatch.model.account import Account
from gatewatch.model.alert import AssessedChange, Links
from gatewatch.model.exposure import Origin
from gatewatch.model.reachability import Reachability
from gatewatch.model.resource import ResourceFacts
from gatewatch.model.severity import Severity
from gatewatch.model.trend import Trend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_EXPOSURES, MAX_BARS = 15, 10  # of a message


class Period(Struct, frozen=True):
    """From `first` to `last`, both included. Open exposures are those at `now`, which may be later."""

    first: datetime
    last: datetime
    now: datetime

    def contains(self, at: datetime) -> bool:
        return self.first <= at <= self.last


class ExposedRule(Struct, frozen=True):
    """A rule that is open to the whole internet, or a resource to outsiders, with exceptions applied.

    `links`: its group and its opening. `actor` is unknown without an event.
    """

    account: Account
    region: str
    resource: str
    change: AssessedChange
    since: datetime
    actor: str
    links: Links
    origin: Origin = Origin.EVENT
    reachability: Reachability | None = None

    @property
    def severity(self) -> Severity:
        return self.change.assessment.severity

    @property
    def twin_key(self) -> tuple[object, ...]:
        """What rules have in common that differ only in their peer."""
        return self.account.id, self.region, self.resource, self.change.change.rule.traffic

    @property
    def is_resource(self) -> bool:
        return isinstance(self.change.change.facts, ResourceFacts)


class ShortLivedRole(Struct, frozen=True):
    """An IAM role that one actor created and deleted within an hour; counted as one change of the severity."""

    account: Account
    name: str
    actor: str
    lifetime: timedelta
    severity: Severity


class AccountChanges(Struct, frozen=True):
    account: Account
    severities: dict[Severity, int]

    @property
    def total(self) -> int:
        return sum(self.severities.values())


class ReadingSummary(Struct, frozen=True):
    """What the sweep read: `since` is the time of the oldest reading, `unread` what it could not read, and why.

    `omitted_unread` counts what is not in `unread`.
    """

    accounts: int
    regions: int
    since: datetime
    unread: tuple[str, ...] = ()
    omitted_unread: int = 0


class ActionCounts(Struct, frozen=True):
    """Actions of people on alerts."""

    performed: int
    refused: int


class Digest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Counts are of changes; `closed` are the durations of closed exposures.

    `accounts` has most changes first; `open` (rules) and `public` (resources) the worst and then the oldest first.

    `omitted_open` and `omitted_public` count by severity those that are not in `open` and `public`, `omitted_roles` the
    roles that are not in `short_lived_roles`. `recording_since`: start of the activity log, None for a digest of files.
    `missing_events`: events that it lacks. `late_events`: rules that were reported as changed without an event before
    their event arrived. `actions`: None while actions are off. `readings`: None while no account is
    read, so that what no event reported is not known. `trend`: of a weekly digest.
    """

    period: Period
    events: int
    severities: dict[Severity, int]
    accounts: tuple[AccountChanges, ...]
    actors: dict[str, int]
    suppressed: dict[str, int]
    open: tuple[ExposedRule, ...]
    closed: tuple[timedelta, ...]
    public: tuple[ExposedRule, ...] = ()
    omitted_open: dict[Severity, int] = {}
    omitted_public: dict[Severity, int] = {}
    short_lived_roles: tuple[ShortLivedRole, ...] = ()
    omitted_roles: int = 0
    recording_since: datetime | None = None
    missing_events: int = 0
    late_events: int = 0
    actions: ActionCounts | None = None
    readings: ReadingSummary | None = None
    trend: Trend | None = None

    @property
    def open_count(self) -> int:
        return len(self.open) + sum(self.omitted_open.values())

    @property
    def public_count(self) -> int:
        return len(self.public) + sum(self.omitted_public.values())

    @property
    def worst_open(self) -> Severity | None:
        shown = (each.severity for each in (*self.open, *self.public))
        severities = [*self.omitted_open, *self.omitted_public, *shown]
        return max(severities, key=lambda each: each.rank, default=None)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing happened or was done, nothing is open and no event is missing."""
        acted = self.actions and (self.actions.performed or self.actions.refused)
        return not (self.events or self.open or self.public or self.missing_events or self.late_events or acted)

    @property
    def median_closed(self) -> timedelta:
        ordered, middle = sorted(self.closed), len(self.closed) // 2
        return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def shortened(digest: Digest) -> Digest:
    """Return a digest with no more than a message shows."""
    return replace(
        digest,
        accounts=digest.accounts[:MAX_BARS],
        actors=dict(most_common(digest.actors)),
        suppressed=dict(most_common(digest.suppressed)),
        open=digest.open[:MAX_EXPOSURES],
        omitted_open=_omitted(digest.omitted_open, digest.open),
        public=digest.public[:MAX_EXPOSURES],
        omitted_public=_omitted(digest.omitted_public, digest.public),
        short_lived_roles=digest.short_lived_roles[:MAX_BARS],
        omitted_roles=digest.omitted_roles + len(digest.short_lived_roles[MAX_BARS:]),
        readings=digest.readings and _shortened_readings(digest.readings),
    )


def _shortened_readings(readings: ReadingSummary) -> ReadingSummary:
    omitted = readings.omitted_unread + len(readings.unread[MAX_BARS:])
    return replace(readings, unread=readings.unread[:MAX_BARS], omitted_unread=omitted)


def _omitted(before: Mapping[Severity, int], exposed: Sequence[ExposedRule]) -> dict[Severity, int]:
    omitted = Counter(before)
    omitted.update(each.severity for each in exposed[MAX_EXPOSURES:])
    return dict(omitted)


def most_common(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The largest counts; equal counts are sorted by name, so that the same digest always has the same text."""
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:MAX_BARS]
