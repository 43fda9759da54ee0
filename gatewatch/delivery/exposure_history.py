"""Exposures of one security group or setting as one destination was notified of them: what is open, who closed it when.

A history is two sets that only grow, and everything is computed from them: the order of messages and repeats do not
change the result.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.model.exposure import RuleRef
from gatewatch.model.message_state import AlertState, EarlierExposure, ExposureEnd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.exposure import ExposureChange

_ID_LENGTH = 32
_MAX_ENTRIES = 500  # openings and closings of one group; an item of DynamoDB holds 400 KB


class ExposureOpened(Struct, frozen=True, order=True):
    """`key` is the key of the message, `event_id` that of its event."""

    at: float
    key: str
    rule: RuleRef
    actor: str
    event_id: str


class ExposureClosed(Struct, frozen=True, order=True):
    """`how` is `closed` or `narrowed`. `closes_others`: all are closed but `kept`, which the same call opened."""

    at: float
    key: str
    rule: RuleRef
    actor: str
    how: str = "closed"
    closes_others: bool = False
    kept: tuple[RuleRef, ...] = ()

    def closes(self, opened: ExposureOpened) -> bool:
        """CloudTrail has seconds: within one, only the id shows that a closed rule is not an earlier one."""
        if self.closes_others:
            return self.at >= opened.at and opened.rule not in self.kept
        if not self.rule.matches(opened.rule):
            return False
        has_same_id = bool(self.rule.rule_id) and self.rule.rule_id == opened.rule.rule_id
        return self.at > opened.at or (has_same_id and self.at == opened.at and self.key != opened.key)

    def reports_same_removal(self, other: ExposureClosed) -> bool:
        """Gatewatch reports its own removal of a rule, and CloudTrail does; the id of a rule is never reused."""
        is_removal = self.how == other.how == "closed" and bool(self.rule.rule_id)
        return is_removal and self.rule.rule_id == other.rule.rule_id


class ExposureHistory(Struct, frozen=True):
    openings: tuple[ExposureOpened, ...] = ()
    closings: tuple[ExposureClosed, ...] = ()

    def with_change(self, key: str, change: ExposureChange) -> ExposureHistory:
        """The history with the change that the message of this key reports."""
        opened = (ExposureOpened(change.at, key, each, change.actor, change.event_id) for each in change.opened)
        openings, closings = {*self.openings, *opened}, {*self.closings, *closings_of(key, change)}
        return ExposureHistory(tuple(sorted(openings)[-_MAX_ENTRIES:]), tuple(sorted(closings)[-_MAX_ENTRIES:]))

    def state_of(self, key: str) -> AlertState:
        """The state of the alert in the message of this key: what it opened, or else what it closed."""
        opened = [each for each in self.openings if each.key == key]
        ends = [end for end in map(self._end, opened) if end is not None]
        if not ends:
            return AlertState(exposed=len(opened), ended=self._ended(key))
        end = None
        if len(ends) == len(opened):
            last = max(ends)
            end = ExposureEnd(last.how, last.at - min(each.at for each in opened), last.actor)
        return AlertState(exposed=len(opened), closed=len(ends), end=end)

    def closed_by(self, key: str) -> tuple[ExposureOpened, ...]:
        """What the message of this key closed: the latest opening of each message, the latest first."""
        found = {each.key: each for each in self.openings if self._is_closed_by(each, key)}
        return tuple(sorted(found.values(), reverse=True))

    def exposure_id(self, group_key: str, key: str) -> str:
        """The id of what the message of this key opened: the same whenever the same rules of a group are opened."""
        rules = sorted({each.rule.shape or each.rule.rule_id for each in self.openings if each.key == key})
        return hashlib.sha256("\n".join([group_key, *rules]).encode()).hexdigest()[:_ID_LENGTH] if rules else ""

    def _ended(self, key: str) -> EarlierExposure | None:
        openings = self.closed_by(key)
        if not openings:
            return None
        first = min(openings)
        closed_at = max(each.at for each in self.closings if each.key == key)
        return EarlierExposure(closed_at - first.at, first.actor)

    def _is_closed_by(self, opened: ExposureOpened, key: str) -> bool:
        end = self._end(opened)
        if end is None or opened.key == key:
            return False
        return end.key == key or any(each.key == key and each.reports_same_removal(end) for each in self.closings)

    def _end(self, opened: ExposureOpened) -> ExposureClosed | None:
        return min((each for each in self.closings if each.closes(opened)), default=None)


def closings_of(key: str, change: ExposureChange) -> Iterator[ExposureClosed]:
    for how, rules in (("closed", change.closed), ("narrowed", change.narrowed)):
        yield from (ExposureClosed(change.at, key, each, change.actor, how) for each in rules)
    if change.closes_others:
        yield ExposureClosed(change.at, key, RuleRef(), change.actor, closes_others=True, kept=change.opened)
