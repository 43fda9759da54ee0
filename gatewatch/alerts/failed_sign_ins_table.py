"""Failed sign-ins, and denied calls on trails, counted over all execution environments in the hub table.

A row holds the attempts for one key in one window, in the order of arrival. An event that SQS delivers again gets the
same number, and exactly one event is the fifth. When the table does not answer in time, the count of this process is
used.
"""

from __future__ import annotations

import hashlib
import time
from functools import partial
from typing import TYPE_CHECKING

from gatewatch.alerts.failed_sign_ins import FailureCount, InMemorySignInFailures, with_failure_counts
from gatewatch.aws.hub_rows import RowKind
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

    def _count(self, attempt: SignInAttempt) -> FailureCount:
        in_process = self._memory.count(attempt)
        in_table = self._budget.run("failed sign-ins not counted", partial(self._count_in_table, attempt))
        return in_process if in_table is None else in_table

    def _count_in_table(self, attempt: SignInAttempt, check_time: Callable[[], None]) -> FailureCount:
        digest = hashlib.sha256(attempt.event_id.encode("utf-8", "replace")).hexdigest()[:24]
        counts = [self._entries(key, attempt, digest, check_time) for key in attempt.keys]
        failures = tuple(full + len(entries) for full, entries in counts)
        if not attempt.root_key or not attempt.root_account:
            return FailureCount(failures)
        _, entries = self._entries(attempt.root_key, attempt, attempt.root_account, check_time)
        return FailureCount(failures, len({entry.partition(" ")[2] for entry in entries} | {attempt.root_account}))

    def _entries(
        self, key: tuple[str, ...], attempt: SignInAttempt, tag: str, check_time: Callable[[], None]
    ) -> tuple[int, list[str]]:
        """Return the entries within the window, up to this one, of its row and of the previous window's row.

        A full row is not listed: the first value is the number of its entries, else 0.
        """
        seconds = max(1, int(attempt.window.total_seconds()))
        window = attempt.at // seconds
        check_time()
        current = self._add(_key(key, window), f"{attempt.at} {tag}")
        check_time()
        earlier = self._table.attributes(FAILED_SIGN_INS, _key(key, window - 1)).get("attempts", [])
        number, listed = (current, []) if isinstance(current, int) else (0, current)
        return number, [each for each in (*listed, *earlier) if abs(attempt.at - _time(each)) <= seconds]

    def _add(self, key: str, entry: str) -> list[str] | int:
        """Return all entries up to this one, or only their number when the row is full."""
        updated = self._table.update(
            FAILED_SIGN_INS,
            key,
            "SET attempts = list_append(if_not_exists(attempts, :none), :own)",
            {":none": [], ":own": [entry], ":entry": entry, ":max": _MAX_ATTEMPTS},
            ConditionExpression=_IS_NEW,
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        attempts: list[str] = updated.attributes.get("attempts", [])
        return attempts[: attempts.index(entry) + 1] if entry in attempts else self._add_overflow(key)

    def _add_overflow(self, key: str) -> int:
        updated = self._table.update(FAILED_SIGN_INS, key, "ADD overflow :one", {":one": 1}, ReturnValues="UPDATED_NEW")
        return _MAX_ATTEMPTS + int(updated.attributes["overflow"])


def _time(entry: str) -> int:
    return int(entry.partition(" ")[0])


def _key(key: tuple[str, ...], window: int) -> str:
    """Hash the key, so that the table holds no user names."""
    return f"{hashlib.sha256(chr(10).join(key).encode('utf-8', 'replace')).hexdigest()}#{window}"
