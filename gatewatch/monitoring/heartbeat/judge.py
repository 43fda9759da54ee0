"""Is it quiet, or is it broken? What was heard of every place, held against what people were told of it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from gatewatch.events.canary import Place
from gatewatch.monitoring.heartbeat.store import Told

# A new hub has no members yet, and a StackSet takes its time.
GRACE_SECONDS = 2 * 3600


class Finding(Struct, frozen=True):
    """A place, and when it was last heard of before it fell silent."""

    place: Place
    last: int


class Findings(Struct, frozen=True):
    """What people do not know yet, each in order; `unheard` are account ids."""

    silent: tuple[Finding, ...] = ()
    back: tuple[Finding, ...] = ()
    unheard: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.silent or self.back or self.unheard)


class Heard(Struct, frozen=True):
    """`seen`: when each place was last heard of. `expected`: the accounts that should have been."""

    seen: Mapping[Place, int]
    expected: frozenset[str]
    now: int
    silent_after: int


def judge(heard: Heard, told: Told) -> tuple[Findings, Told]:
    """What to tell now, and what people then know."""
    silent = {str(place): last for place, last in heard.seen.items() if heard.now - last > heard.silent_after}
    unheard = _unheard(heard, told)
    findings = Findings(
        silent=_findings({name: last for name, last in silent.items() if name not in told.silent}),
        back=_findings({name: last for name, last in told.silent.items() if name not in silent}),
        unheard=tuple(account for account in unheard if account not in told.unheard),
    )
    # Who is silent keeps the time that people were told.
    known = {name: told.silent.get(name, last) for name, last in silent.items()}
    return findings, Told(since=told.since, silent=known, unheard=unheard)


def _unheard(heard: Heard, told: Told) -> tuple[str, ...]:
    if heard.now - told.since < GRACE_SECONDS:
        return told.unheard
    reported = {place.account_id for place in heard.seen}
    return tuple(sorted(heard.expected - reported))


def _findings(places: Mapping[str, int]) -> tuple[Finding, ...]:
    return tuple(Finding(Place.parse(name), last) for name, last in sorted(places.items()))
