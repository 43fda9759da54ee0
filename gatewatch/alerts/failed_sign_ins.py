"""Failed log-ins that belong together: one after the other, for the same name or from the same address.

In the memory of one process, bounded. Those of all runs of functions/alert are counted by `table_bursts`.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.change import Change, Outcome
from gatewatch.model.iam import SignInFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gatewatch.config.iam import SignInSeverity
    from gatewatch.model.api_call import ApiCall

_DOORS = 10_000
_KEPT_OF_ONE = 200


class Attempt(Struct, frozen=True):
    """A failed log-in. `doors`: account, kind and value of each thing it tried; `at` in seconds since 1970."""

    event_id: str
    at: int
    window: timedelta
    doors: tuple[tuple[str, str, str], ...]


class Failures(Protocol):
    def counted(self, changes: Sequence[Change], call: ApiCall, policy: SignInSeverity) -> tuple[Change, ...]:
        """The changes, failed log-ins with the number of failures of late."""
        ...


def counted(
    changes: Sequence[Change], call: ApiCall, policy: SignInSeverity, count: Callable[[Attempt], int]
) -> tuple[Change, ...]:
    return tuple(_counted(each, call, policy, count) for each in changes)


def _counted(change: Change, call: ApiCall, policy: SignInSeverity, count: Callable[[Attempt], int]) -> Change:
    facts = change.facts
    if not isinstance(facts, SignInFacts) or change.outcome is Outcome.APPLIED or call.time is None:
        return change
    window, doors = timedelta(minutes=policy.burst_minutes), tuple(_doors(facts, call))
    attempt = Attempt(call.event_id, int(call.time.timestamp()), window, doors)
    return replace(change, facts=replace(facts, failures=count(attempt) if doors else 1))


class FailedSignIns:
    """When each door was last tried in vain. An event that comes twice counts once."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[tuple[str, str, str], dict[str, int]] = OrderedDict()

    def counted(self, changes: Sequence[Change], call: ApiCall, policy: SignInSeverity) -> tuple[Change, ...]:
        return counted(changes, call, policy, self.count)

    def count(self, attempt: Attempt) -> int:
        return max(self._add(door, attempt) for door in attempt.doors)

    def _add(self, door: tuple[str, str, str], attempt: Attempt) -> int:
        """How many failures the window before this one holds. Events may come out of order."""
        attempts = self._attempts.setdefault(door, {})
        self._attempts.move_to_end(door)
        attempts[attempt.event_id] = attempt.at
        if len(self._attempts) > _DOORS:
            self._attempts.popitem(last=False)
        if len(attempts) > _KEPT_OF_ONE:
            del attempts[min(attempts, key=lambda each: attempts[each])]
        return sum(abs(attempt.at - each) <= attempt.window.total_seconds() for each in attempts.values())


def _doors(facts: SignInFacts, call: ApiCall) -> Iterator[tuple[str, str, str]]:
    if facts.who != UNKNOWN:
        yield call.account_id, "name", facts.who
    if call.source_ip:
        yield call.account_id, "address", call.source_ip
