"""The story of one group's gates as one destination was told it: which are still open, who closed which and when.

A story is two sets that only grow, and all that it says is computed from them: in whatever order the messages come,
and however often, it ends the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.model.exposure import RuleRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.exposure import ExposureChange

_LONGEST = 500  # openings and closings of one group; a row of DynamoDB holds 400 KB


class ExposureOpened(Struct, frozen=True, order=True):
    at: float
    key: str
    rule: RuleRef
    who: str
    thread: str


class ExposureClosed(Struct, frozen=True, order=True):
    """`how` is `closed` or `narrowed`; a deleted group closes everything it had."""

    at: float
    key: str
    rule: RuleRef
    who: str
    how: str = "closed"
    is_group_deleted: bool = False

    def ends(self, opening: ExposureOpened) -> bool:
        """CloudTrail counts in seconds: within one, only the id tells that a rule closed is not the one before."""
        if self.is_group_deleted:
            return self.at >= opening.at
        if not self.rule.names(opening.rule):
            return False
        is_same_id = bool(self.rule.rule_id) and self.rule.rule_id == opening.rule.rule_id
        return self.at > opening.at or (is_same_id and self.at == opening.at and self.key != opening.key)

    def tells_the_same(self, other: ExposureClosed) -> bool:
        """A rule's id goes once and never comes again: gatewatch tells of its own removal, and then CloudTrail does."""
        is_removal = self.how == other.how == "closed" and bool(self.rule.rule_id)
        return is_removal and self.rule.rule_id == other.rule.rule_id


class ExposureStatus(Struct, frozen=True):
    """How it stands with what one message opened: how many gates, how many of them closed, and the last of those."""

    gates: int = 0
    closed: int = 0
    since: float = 0.0
    last: ExposureClosed | None = None

    @property
    def is_over(self) -> bool:
        return self.gates > 0 and self.closed == self.gates


class ExposureHistory(Struct, frozen=True):
    openings: tuple[ExposureOpened, ...] = ()
    closings: tuple[ExposureClosed, ...] = ()

    def told(self, gate: ExposureChange) -> ExposureHistory:
        openings = {
            *self.openings,
            *(ExposureOpened(gate.at, gate.key, each, gate.who, gate.thread) for each in gate.opened),
        }
        closings = {*self.closings, *_closings(gate)}
        return ExposureHistory(tuple(sorted(openings)[-_LONGEST:]), tuple(sorted(closings)[-_LONGEST:]))

    def standing(self, key: str) -> ExposureStatus:
        """Of the message with this key."""
        mine = [each for each in self.openings if each.key == key]
        ends = [end for end in map(self._end, mine) if end is not None]
        since = min((each.at for each in mine), default=0.0)
        return ExposureStatus(len(mine), len(ends), since, max(ends, default=None))

    def ended_by(self, key: str) -> tuple[ExposureOpened, ...]:
        """What the message with this key closed, the latest opening of each message first."""
        found = {each.key: each for each in self.openings if self._is_ended_by(each, key)}
        return tuple(sorted(found.values(), reverse=True))

    def _is_ended_by(self, opening: ExposureOpened, key: str) -> bool:
        end = self._end(opening)
        if end is None or opening.key == key:
            return False
        return end.key == key or any(each.key == key and each.tells_the_same(end) for each in self.closings)

    def _end(self, opening: ExposureOpened) -> ExposureClosed | None:
        return min((each for each in self.closings if each.ends(opening)), default=None)


def _closings(gate: ExposureChange) -> Iterator[ExposureClosed]:
    for how, rules in (("closed", gate.closed), ("narrowed", gate.narrowed)):
        yield from (ExposureClosed(gate.at, gate.key, each, gate.who, how) for each in rules)
    if gate.is_group_deleted:
        yield ExposureClosed(gate.at, gate.key, RuleRef(), gate.who, is_group_deleted=True)
