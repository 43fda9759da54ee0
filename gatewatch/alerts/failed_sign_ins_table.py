"""Failed sign-ins counted in the hub table, over all execution environments of functions/alert.

A row holds the attempts for one key in one window, in the order of arrival. An event that SQS delivers again gets the
same number, and exactly one event is the fifth. When the table does not answer in time, the count of this process is
used.
"""

from __future__ import annotations

import hashlib
import time
from functools import partial
from typing import TYPE_CHECKING

from gatewatch.alerts.failed_sign_ins import InMemorySignInFailures, with_failure_counts
from gatewatch.aws.hub_table import RowKind
from gatewatch.aws.time_budget import TimeBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from logging import Logger

    from gatewatch.alerts.failed_sign_ins import SignInAttempt
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.config.iam import SignInSeverity
    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change

FAILED_SIGN_INS = RowKind(prefix="failed-sign-ins", name="failed sign-ins", lifetime=24 * 3600)
_IS_NEW = "attribute_not_exists(attempts) OR (NOT contains(attempts, :entry) AND size(attempts) < :max)"
_MAX_ATTEMPTS = 200  # listed in one row; further attempts are only counted


class DynamoSignInFailures:
    """The client of `table` should time out within a second. `monotonic` returns seconds."""

    def __init__(self, table: HubTable, log: Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._budget = TimeBudget(log, monotonic)
        self._memory = InMemorySignInFailures()

    def with_failure_counts(
        self, changes: Sequence[Change], call: ApiCall, policy: SignInSeverity
    ) -> tuple[Change, ...]:
        return with_failure_counts(changes, call, policy, self._count)

    def _count(self, attempt: SignInAttempt) -> int:
        in_process = self._memory.count(attempt)
        in_table = self._budget.run("failed sign-ins not counted", partial(self._count_in_table, attempt))
        return in_process if in_table is None else in_table

    def _count_in_table(self, attempt: SignInAttempt, check_time: Callable[[], None]) -> int:
        return max(self._count_key(key, attempt, check_time) for key in attempt.keys)

    def _count_key(self, key: tuple[str, ...], attempt: SignInAttempt, check_time: Callable[[], None]) -> int:
        """Return the number of attempts within the window up to this one: those of its row and the row before."""
        seconds = max(1, int(attempt.window.total_seconds()))
        window = attempt.at // seconds
        check_time()
        current = self._add(_key(key, window), attempt)
        check_time()
        earlier = _times(self._table.attributes(FAILED_SIGN_INS, _key(key, window - 1)).get("attempts", []))
        if isinstance(current, int):
            return current + sum(attempt.at - at <= seconds for at in earlier)
        return sum(abs(attempt.at - at) <= seconds for at in (*current, *earlier))

    def _add(self, key: str, attempt: SignInAttempt) -> list[int] | int:
        """Return the times of all attempts up to this one, or only their number when the row is full."""
        entry = f"{attempt.at} {hashlib.sha256(attempt.event_id.encode('utf-8', 'replace')).hexdigest()[:24]}"
        updated = self._table.update(
            FAILED_SIGN_INS,
            key,
            "SET attempts = list_append(if_not_exists(attempts, :none), :own)",
            {":none": [], ":own": [entry], ":entry": entry, ":max": _MAX_ATTEMPTS},
            ConditionExpression=_IS_NEW,
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        attempts = updated.attributes.get("attempts", [])
        return _times(attempts[: attempts.index(entry) + 1]) if entry in attempts else self._add_overflow(key)

    def _add_overflow(self, key: str) -> int:
        updated = self._table.update(FAILED_SIGN_INS, key, "ADD overflow :one", {":one": 1}, ReturnValues="UPDATED_NEW")
        return _MAX_ATTEMPTS + int(updated.attributes["overflow"])


def _times(attempts: Sequence[str]) -> list[int]:
    return [int(each.partition(" ")[0]) for each in attempts]


def _key(key: tuple[str, ...], window: int) -> str:
    """Hash the key, so that the table holds no user names."""
    return f"{hashlib.sha256(chr(10).join(key).encode('utf-8', 'replace')).hexdigest()}#{window}"
