"""Count failed sign-ins per user name and account, and per source address over all accounts, in bounded memory.

Denied calls on trails are counted in the same way, per caller and account.

`failed_sign_ins_table` counts them over all execution environments of functions/alert.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.change import Change, Outcome
from gatewatch.model.iam import SignInFacts
from gatewatch.model.monitoring import MonitoringFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gatewatch.config.iam import SignInSeverity
    from gatewatch.model.api_call import ApiCall

_COUNTED = (SignInFacts, MonitoringFacts)
_FACTS = attrgetter("facts")
_MAX_KEYS = 10_000
_MAX_ATTEMPTS_PER_KEY = 200


class SignInAttempt(Struct, frozen=True):
    """A failed sign-in, or a denied call on a trail.

    `keys` are (account id, `name`, value) and (empty, `address`, value), or (account id, `trail`, caller).

    `at` is in seconds since 1970. `root_account` is the account of a failure of the root user.
    """

    event_id: str
    at: int
    window: timedelta
    keys: tuple[tuple[str, str, str], ...]
    root_account: str | None = None

    @property
    def root_key(self) -> tuple[str, str, str] | None:
        """Counts accounts in which the same address failed as root."""
        addresses = (value for _, kind, value in self.keys if kind == "address")
        address = next(addresses, None) if self.root_account else None
        return ("", "root", address) if address else None


class FailureCount(Struct, frozen=True):
    """Failures within the window by each key, and the accounts in which this address failed as root."""

    failures: tuple[int, ...]
    root_accounts: int = 0

    def reported(self, burst_count: int) -> int:
        """Return the number that completes a burst, else the largest: any of the keys may complete one."""
        return next((each for each in self.failures if each % burst_count == 0), max(self.failures))


class SignInFailureCounter(Protocol):
    def with_failure_counts(
        self, changes: Sequence[Change], call: ApiCall, policy: SignInSeverity
    ) -> tuple[Change, ...]:
        """Return the changes; failed sign-ins and denied calls on trails with their number in the policy's window."""
        ...


def with_failure_counts(
    changes: Sequence[Change], call: ApiCall, policy: SignInSeverity, count: Callable[[SignInAttempt], FailureCount]
) -> tuple[Change, ...]:
    """Return the changes; failed sign-ins and denied calls on trails with what `count` returns for each attempt."""
    if not any(map(_FACTS, changes)):
        return tuple(changes)
    return tuple(_with_failure_count(each, call, policy, count) for each in changes)


def _with_failure_count(
    change: Change, call: ApiCall, policy: SignInSeverity, count: Callable[[SignInAttempt], FailureCount]
) -> Change:
    facts = change.facts
    if call.time is None or not isinstance(facts, _COUNTED):
        return change
    window = timedelta(minutes=policy.burst_minutes)
    if isinstance(facts, MonitoringFacts) and change.outcome is Outcome.DENIED and facts.weakens_trail:
        key = (call.account_id, "trail", _caller(call))
        denied = count(SignInAttempt(call.event_id, int(call.time.timestamp()), window, (key,)))
        return replace(change, facts=replace(facts, recent_denials=max(denied.failures)))
    if not isinstance(facts, SignInFacts) or change.outcome is Outcome.APPLIED:
        return change
    keys = tuple(_counter_keys(facts, call))
    root_account = call.account_id if facts.is_root else None
    attempt = SignInAttempt(call.event_id, int(call.time.timestamp()), window, keys, root_account)
    counted = count(attempt) if keys else FailureCount((1,))
    failures = counted.reported(policy.burst_count)
    return replace(change, facts=replace(facts, recent_failures=failures, root_accounts=counted.root_accounts))


class InMemorySignInFailures:
    """Times of failed sign-ins by key. An event that is delivered twice counts once."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[tuple[str, str, str], dict[str, int]] = OrderedDict()
        self._dropped: dict[tuple[str, str, str], int] = {}

    def with_failure_counts(
        self, changes: Sequence[Change], call: ApiCall, policy: SignInSeverity
    ) -> tuple[Change, ...]:
        return with_failure_counts(changes, call, policy, self.count)

    def count(self, attempt: SignInAttempt) -> FailureCount:
        failures = tuple(self._add(key, attempt, attempt.event_id) for key in attempt.keys)
        key, account = attempt.root_key, attempt.root_account
        return FailureCount(failures, self._add(key, attempt, account) if key and account else 0)

    def _add(self, key: tuple[str, str, str], attempt: SignInAttempt, entry: str) -> int:
        """Return the number of entries within the window of this one. Events may arrive out of order."""
        attempts = self._attempts.setdefault(key, {})
        self._attempts.move_to_end(key)
        attempts[entry] = attempt.at
        if len(self._attempts) > _MAX_KEYS:
            forgotten, _ = self._attempts.popitem(last=False)
            self._dropped.pop(forgotten, None)
        if len(attempts) > _MAX_ATTEMPTS_PER_KEY:
            del attempts[min(attempts, key=lambda each: attempts[each])]
            self._dropped[key] = self._dropped.get(key, 0) + 1
        within = sum(abs(attempt.at - each) <= attempt.window.total_seconds() for each in attempts.values())
        if within < len(attempts):  # what was dropped is older still
            self._dropped.pop(key, None)
        return within + self._dropped.get(key, 0)


def _caller(call: ApiCall) -> str:
    """The caller by a name that AWS vouches for: a session name may be another one in each call."""
    actor = call.actor
    person = actor.session if actor.is_session_verified else ""
    return f"{next(iter(actor.verified_names), actor.name)} {person}"


def _counter_keys(facts: SignInFacts, call: ApiCall) -> Iterator[tuple[str, str, str]]:
    """AWS ignores the case of a name that is typed at a sign-in."""
    if facts.user_name != UNKNOWN:
        yield call.account_id, "name", facts.user_name.casefold()
    if call.source_ip:
        yield "", "address", call.source_ip
