"""Count failed sign-ins per user name and per source address, in the bounded memory of one process.

`failed_sign_ins_table` counts them over all execution environments of functions/alert.
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

_MAX_KEYS = 10_000
_MAX_ATTEMPTS_PER_KEY = 200


class SignInAttempt(Struct, frozen=True):
    """A failed sign-in. `keys` are (account id, `name` or `address`, value); `at` is in seconds since 1970."""

    event_id: str
    at: int
    window: timedelta
    keys: tuple[tuple[str, str, str], ...]


class SignInFailureCounter(Protocol):
    def with_failure_counts(
        self, changes: Sequence[Change], call: ApiCall, policy: SignInSeverity
    ) -> tuple[Change, ...]:
        """Return the changes; failed sign-ins with the number of failures within the window of the policy."""
        ...


def with_failure_counts(
    changes: Sequence[Change], call: ApiCall, policy: SignInSeverity, count: Callable[[SignInAttempt], int]
) -> tuple[Change, ...]:
    return tuple(_with_failure_count(each, call, policy, count) for each in changes)


def _with_failure_count(
    change: Change, call: ApiCall, policy: SignInSeverity, count: Callable[[SignInAttempt], int]
) -> Change:
    facts = change.facts
    if not isinstance(facts, SignInFacts) or change.outcome is Outcome.APPLIED or call.time is None:
        return change
    window, keys = timedelta(minutes=policy.burst_minutes), tuple(_counter_keys(facts, call))
    attempt = SignInAttempt(call.event_id, int(call.time.timestamp()), window, keys)
    return replace(change, facts=replace(facts, recent_failures=count(attempt) if keys else 1))


class InMemorySignInFailures:
    """Times of failed sign-ins by key. An event that is delivered twice counts once."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[tuple[str, str, str], dict[str, int]] = OrderedDict()

    def with_failure_counts(
        self, changes: Sequence[Change], call: ApiCall, policy: SignInSeverity
    ) -> tuple[Change, ...]:
        return with_failure_counts(changes, call, policy, self.count)

    def count(self, attempt: SignInAttempt) -> int:
        return max(self._add(key, attempt) for key in attempt.keys)

    def _add(self, key: tuple[str, str, str], attempt: SignInAttempt) -> int:
        """Return the number of failures within the window of this one. Events may arrive out of order."""
        attempts = self._attempts.setdefault(key, {})
        self._attempts.move_to_end(key)
        attempts[attempt.event_id] = attempt.at
        if len(self._attempts) > _MAX_KEYS:
            self._attempts.popitem(last=False)
        if len(attempts) > _MAX_ATTEMPTS_PER_KEY:
            del attempts[min(attempts, key=lambda each: attempts[each])]
        return sum(abs(attempt.at - each) <= attempt.window.total_seconds() for each in attempts.values())


def _counter_keys(facts: SignInFacts, call: ApiCall) -> Iterator[tuple[str, str, str]]:
    if facts.user_name != UNKNOWN:
        yield call.account_id, "name", facts.user_name
    if call.source_ip:
        yield call.account_id, "address", call.source_ip
