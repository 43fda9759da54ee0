"""Derive open exposures, and the closing times of the others, from steps in any order.

The result depends on the steps alone, not on their order or on duplicates. An exposure that is opened again while open
keeps the time and actor of its first opening.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.alerts.exposures import rule_ref
from gatewatch.digest.activity import RuleClosed, RuleOpened
from gatewatch.model.exposure import Origin
from gatewatch.model.reachability import Reachability

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gatewatch.digest.activity import ExposureStep
    from gatewatch.model.exposure import RuleRef

_IndexKey = tuple[str, str, str, str]  # account, Region, resource and rule; a rule id needs no resource


class OpenExposure(Struct, frozen=True):
    """`opened`: all openings while it was open, in order. `reachability`: None where no reading has it."""

    opened: tuple[RuleOpened, ...]
    origin: Origin = Origin.EVENT
    reachability: Reachability | None = None

    @property
    def current(self) -> RuleOpened:
        """Return the latest state of the rule."""
        return self.opened[-1]

    @property
    def since(self) -> datetime:
        return self.opened[0].at

    @property
    def actor(self) -> str:
        return self.opened[0].actor


class ClosedExposure(Struct, frozen=True):
    exposure: OpenExposure
    at: datetime


class ResolvedExposures(Struct, frozen=True):
    """Open exposures, oldest first, and closed ones in the order of closing."""

    open: tuple[OpenExposure, ...] = ()
    closed: tuple[ClosedExposure, ...] = ()


def resolve_exposures(steps: Iterable[ExposureStep]) -> ResolvedExposures:
    index = _OpenIndex()
    closed: list[ClosedExposure] = []
    for step in sorted({(each.key, each.number): each for each in steps}.values(), key=_order):
        closed_now = index.take(step)
        if isinstance(step, RuleOpened):
            index.put(OpenExposure((*_merge_openings(closed_now), step)))
        else:
            closed.extend(ClosedExposure(exposure, step.at) for exposure in closed_now)
    found = sorted(index.exposures.values(), key=lambda exposure: _order(exposure.opened[0]))
    return ResolvedExposures(tuple(found), tuple(closed))


def _merge_openings(closed_now: Sequence[OpenExposure]) -> Sequence[RuleOpened]:
    if len(closed_now) == 1:
        return closed_now[0].opened
    return sorted((opened for exposure in closed_now for opened in exposure.opened), key=_order)


class _OpenIndex:
    """Open exposures, indexed by rule id, by rule shape and by resource, because a year has many steps."""

    def __init__(self) -> None:
        self.exposures: dict[tuple[str, int], OpenExposure] = {}
        self._found: dict[_IndexKey, dict[tuple[str, int], OpenExposure]] = {}

    def put(self, exposure: OpenExposure) -> None:
        name = (exposure.current.key, exposure.current.number)
        self.exposures[name] = exposure
        for each in _index_keys(exposure.current):
            self._found.setdefault(each, {})[name] = exposure

    def take(self, step: ExposureStep) -> list[OpenExposure]:
        """Remove and return the exposures that a step concerns, in the order of opening."""
        keys = [_resource_key(step)] if isinstance(step, RuleClosed) and step.is_all else _rule_keys(step)
        candidates = {name: exposure for each in keys for name, exposure in self._found.get(each, {}).items()}
        taken = {name: exposure for name, exposure in candidates.items() if _is_same_rule(step, exposure)}
        for name, exposure in taken.items():
            del self.exposures[name]
            for each in _index_keys(exposure.current):
                del self._found[each][name]
        return sorted(taken.values(), key=lambda exposure: _order(exposure.opened[0]))


def _index_keys(opened: RuleOpened) -> list[_IndexKey]:
    return [*_rule_keys(opened), _resource_key(opened)]


def _rule_keys(step: ExposureStep) -> list[_IndexKey]:
    ref = _ref(step)
    by_id: list[_IndexKey] = [(step.account, step.region, "", ref.rule_id)] if ref.rule_id else []
    return [*by_id, (step.account, step.region, step.resource, ref.shape)] if ref.shape else by_id


def _resource_key(step: ExposureStep) -> _IndexKey:
    return step.account, step.region, step.resource, ""


def _ref(step: ExposureStep) -> RuleRef:
    if isinstance(step, RuleClosed):
        return step.rule
    return step.ref if step.setting else rule_ref(step.rule)


def _order(step: ExposureStep) -> tuple[datetime, int, str, int]:
    """Return the sort key. CloudTrail times have seconds: within one, closings by rule id sort after openings."""
    rank = 1 if isinstance(step, RuleOpened) else 3 if step.is_all else 2 if step.rule.rule_id else 0
    return step.at, rank, step.key, step.number


def _is_same_rule(step: ExposureStep, exposure: OpenExposure) -> bool:
    """Return whether a step concerns an exposure. Two rule ids decide, where both sides have one."""
    if isinstance(step, RuleClosed) and step.is_all:
        return _ref(exposure.current) not in step.kept
    return _ref(exposure.current).matches(_ref(step))
