"""Failed log-ins that belong together: one after the other, for the same name or from the same address.

In the memory of one process, bounded: a burst that is spread over several of them is noticed a little later.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gatewatch.access_model import SignInFacts
from gatewatch.identity import UNKNOWN
from gatewatch.model import Change, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from gatewatch.access_policy import SignInSeverity
    from gatewatch.model import ApiCall

_DOORS = 10_000
_KEPT_OF_ONE = 200
_Door = tuple[str, str, str]


class FailedSignIns:
    """When each door was last tried in vain. An event that comes twice counts once."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[_Door, dict[str, datetime]] = OrderedDict()

    def counted(self, changes: Sequence[Change], call: ApiCall, policy: SignInSeverity) -> tuple[Change, ...]:
        """The changes, failed log-ins with the number of failures of late."""
        return tuple(self._counted(each, call, policy) for each in changes)

    def _counted(self, change: Change, call: ApiCall, policy: SignInSeverity) -> Change:
        facts = change.facts
        if not isinstance(facts, SignInFacts) or change.outcome is Outcome.APPLIED or call.time is None:
            return change
        window = timedelta(minutes=policy.burst_minutes)
        failures = max((self._add(door, call.event_id, call.time, window) for door in _doors(facts, call)), default=1)
        return replace(change, facts=replace(facts, failures=failures))

    def _add(self, door: _Door, event_id: str, time: datetime, window: timedelta) -> int:
        """How many failures the window before `time` holds. Events may come out of order."""
        attempts = self._attempts.setdefault(door, {})
        self._attempts.move_to_end(door)
        attempts[event_id] = time
        if len(self._attempts) > _DOORS:
            self._attempts.popitem(last=False)
        if len(attempts) > _KEPT_OF_ONE:
            del attempts[min(attempts, key=lambda each: attempts[each])]
        return sum(abs(time - each) <= window for each in attempts.values())


def _doors(facts: SignInFacts, call: ApiCall) -> Iterator[_Door]:
    if facts.who != UNKNOWN:
        yield call.account_id, "name", facts.who
    if call.source_ip:
        yield call.account_id, "address", call.source_ip
