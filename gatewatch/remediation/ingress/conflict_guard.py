"""Remediation conflicts: when a rule is left as it is because its remediation keeps being reverted.

One row for each rule and direction of the conflict, independent of the rule's id: a re-created rule has a new id.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.aws.hub_rows import RowKind
from gatewatch.remediation.ingress.access import Access

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.aws.hub_table import HubTable
    from gatewatch.config.ingress import ConflictLimit

_STOP_SECONDS = 30 * 24 * 3600
_HOUR = 3600


class StopReason(StrEnum):
    """Why a rule is not remediated.

    CONFLICT: the remediation was reverted too often. UNDONE: `gatewatch undo` reverted it. OWN: gatewatch created the
    rule. EXCEPTION: an exception of the policy may cover it; stored only so that it is reported once.
    """

    CONFLICT = "conflict"
    UNDONE = "undone"
    OWN = "own"
    EXCEPTION = "exception"


class GroupRef(Struct, frozen=True):
    account_id: str
    region: str
    group_id: str


class RuleConflict(Struct, frozen=True):
    """A rule that exists and is not allowed, or (`is_missing`) is required and does not exist."""

    group: GroupRef
    access: Access
    is_missing: bool = False

    @property
    def access_hash(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self.access, order="deterministic")).hexdigest()[:24]

    @property
    def key(self) -> str:
        """Return the key of the conflict's row, which does not contain the rule's id."""
        group, suffix = self.group, "#missing" if self.is_missing else ""
        return f"{group.account_id}#{group.region}#{group.group_id}#{self.access_hash}{suffix}"


CONFLICTS = RowKind(prefix="conflict", name="the conflicts of a rule", lifetime=_STOP_SECONDS)


class ConflictGuard:
    """Counts remediations of a rule in the hub's table. Every method raises `HubTableError`.

    `now` returns seconds since 1970.
    """

    def __init__(self, table: HubTable, limit: ConflictLimit, now: Callable[[], float]) -> None:
        self._table = table
        self._limit = limit
        self._now = now

    def stop_reason(self, conflict: RuleConflict) -> StopReason | None:
        """Return why a rule must not be remediated now; None when it may be."""
        row = self._table.attributes(CONFLICTS, conflict.key)
        stored = StopReason(row["stopped"]) if "stopped" in row else None
        if stored not in {None, StopReason.EXCEPTION} and row["until"] > self._now():
            return stored
        earliest = self._now() - self._limit.hours * _HOUR
        times = [each for each in row.get("times", ()) if each > earliest]
        return StopReason.CONFLICT if len(times) >= self._limit.returns else None

    def count_change(self, conflict: RuleConflict) -> None:
        """Count one remediation: a rule that is not allowed was removed, or a required one authorised."""
        self._table.update(
            CONFLICTS,
            conflict.key,
            "SET #times = list_append(if_not_exists(#times, :none), :now)",
            {":none": [], ":now": [self._now()]},
            ExpressionAttributeNames={"#times": "times"},
        )

    def stop_enforcement(self, conflict: RuleConflict, reason: StopReason) -> bool:
        """Stop remediating a rule for 30 days, or for the conflict window when gatewatch created it.

        Returns whether this reason is new, so that it is reported once.
        """
        now = self._now()
        until = now + (self._limit.hours * _HOUR if reason is StopReason.OWN else _STOP_SECONDS)
        return self._table.update(
            CONFLICTS,
            conflict.key,
            "SET stopped = :reason, #until = :until",
            {":reason": reason.value, ":until": until, ":now": now},
            ExpressionAttributeNames={"#until": "until"},
            ConditionExpression="attribute_not_exists(stopped) OR stopped <> :reason OR #until <= :now",
        ).is_applied
