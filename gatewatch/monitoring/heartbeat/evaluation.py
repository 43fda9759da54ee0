"""Compare the last canary of every account and Region with what was reported before."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from gatewatch.events.canary import AccountRegion
from gatewatch.monitoring.heartbeat.store import ReportedState

# The time that a new hub or a new account has until its member stacks are deployed.
GRACE_SECONDS = 2 * 3600


class SilentRegion(Struct, frozen=True):
    """`last`: time of the last canary before the silence, in seconds since 1970."""

    origin: AccountRegion
    last: int


class HeartbeatChanges(Struct, frozen=True):
    """What is not reported yet, sorted; `never_reported` are account ids."""

    silent: tuple[SilentRegion, ...] = ()
    recovered: tuple[SilentRegion, ...] = ()
    never_reported: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.silent or self.recovered or self.never_reported)


class HeartbeatState(Struct, frozen=True):
    """`last_canaries` by Region; `expected`: ids of the accounts that should send canaries. Times are in seconds."""

    last_canaries: Mapping[AccountRegion, int]
    expected: frozenset[str]
    now: int
    silent_after: int


def evaluate(state: HeartbeatState, reported: ReportedState) -> tuple[HeartbeatChanges, ReportedState]:
    """Return what to report now, and the state after that report."""
    silent = {
        str(origin): last for origin, last in state.last_canaries.items() if state.now - last > state.silent_after
    }
    never_reported = _never_reported(state, reported)
    changes = HeartbeatChanges(
        silent=_silent_regions({name: last for name, last in silent.items() if name not in reported.silent}),
        recovered=_silent_regions({name: last for name, last in reported.silent.items() if name not in silent}),
        never_reported=tuple(account for account in never_reported if account not in reported.never_reported),
    )
    # A Region that is still silent keeps the time that was reported.
    still_silent = {name: reported.silent.get(name, last) for name, last in silent.items()}
    return changes, ReportedState(since=reported.since, silent=still_silent, never_reported=never_reported)


def _never_reported(state: HeartbeatState, reported: ReportedState) -> tuple[str, ...]:
    if state.now - reported.since < GRACE_SECONDS:
        return reported.never_reported
    return tuple(sorted(state.expected - {origin.account_id for origin in state.last_canaries}))


def _silent_regions(regions: Mapping[str, int]) -> tuple[SilentRegion, ...]:
    return tuple(SilentRegion(AccountRegion.parse(name), last) for name, last in sorted(regions.items()))
