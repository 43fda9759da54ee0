"""Steps in any order -> the gates that stand open, and when each of the others was closed.

What a digest says is computed from the steps alone: in whatever order they came, and however often, it is the same.
One that was open already when it was opened again keeps the time and the name of its first opening.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.alerts.exposures import rule_ref
from gatewatch.digest.activity import Closed, Opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gatewatch.digest.activity import Step
    from gatewatch.model.exposure import RuleRef

_Name = tuple[str, str, str, str]  # account, Region, place and rule; a rule's id needs no place


class OpenGate(Struct, frozen=True):
    """`opened` is all that opened it, while it was open, in its order."""

    opened: tuple[Opened, ...]

    @property
    def form(self) -> Opened:
        """What the rule looks like now."""
        return self.opened[-1]

    @property
    def since(self) -> datetime:
        return self.opened[0].at

    @property
    def actor(self) -> str:
        return self.opened[0].actor


class ClosedGate(Struct, frozen=True):
    gate: OpenGate
    at: datetime


class Gates(Struct, frozen=True):
    """The open ones oldest first, the closed ones in the order of their closing."""

    open: tuple[OpenGate, ...] = ()
    closed: tuple[ClosedGate, ...] = ()


def gates(steps: Iterable[Step]) -> Gates:
    still = _Still()
    closed: list[ClosedGate] = []
    for step in sorted({(each.key, each.number): each for each in steps}.values(), key=_order):
        gone = still.take(step)
        if isinstance(step, Opened):
            still.put(OpenGate((*_merged(gone), step)))
        else:
            closed.extend(ClosedGate(gate, step.at) for gate in gone)
    found = sorted(still.gates.values(), key=lambda gate: _order(gate.opened[0]))
    return Gates(tuple(found), tuple(closed))


def _merged(gone: Sequence[OpenGate]) -> Sequence[Opened]:
    if len(gone) == 1:
        return gone[0].opened
    return sorted((opened for gate in gone for opened in gate.opened), key=_order)


class _Still:
    """What is open so far, found by rule, by what a rule lets through, and by place: a year has many steps."""

    def __init__(self) -> None:
        self.gates: dict[tuple[str, int], OpenGate] = {}
        self._found: dict[_Name, dict[tuple[str, int], OpenGate]] = {}

    def put(self, gate: OpenGate) -> None:
        name = (gate.form.key, gate.form.number)
        self.gates[name] = gate
        for each in _names(gate.form):
            self._found.setdefault(each, {})[name] = gate

    def take(self, step: Step) -> list[OpenGate]:
        """Those that a step is about, in the order of their opening; they are open no more."""
        sought = [_place(step)] if isinstance(step, Closed) and step.is_all else _rule_names(step)
        candidates = {name: gate for each in sought for name, gate in self._found.get(each, {}).items()}
        taken = {name: gate for name, gate in candidates.items() if _is_about(step, gate)}
        for name, gate in taken.items():
            del self.gates[name]
            for each in _names(gate.form):
                del self._found[each][name]
        return sorted(taken.values(), key=lambda gate: _order(gate.opened[0]))


def _names(opened: Opened) -> list[_Name]:
    return [*_rule_names(opened), _place(opened)]


def _rule_names(step: Step) -> list[_Name]:
    ref = _ref(step)
    by_id: list[_Name] = [(step.account, step.region, "", ref.rule_id)] if ref.rule_id else []
    return [*by_id, (step.account, step.region, step.place, ref.shape)] if ref.shape else by_id


def _place(step: Step) -> _Name:
    return step.account, step.region, step.place, ""


def _ref(step: Step) -> RuleRef:
    return rule_ref(step.rule) if isinstance(step, Opened) else step.rule


def _order(step: Step) -> tuple[datetime, int, str, int]:
    """CloudTrail counts in seconds. Within one, only its id tells that a rule closed is not the one before."""
    rank = 1 if isinstance(step, Opened) else 3 if step.is_all else 2 if step.rule.rule_id else 0
    return step.at, rank, step.key, step.number


def _is_about(step: Step, gate: OpenGate) -> bool:
    """What stands under the same name; two ids settle it, where both sides have one."""
    return (isinstance(step, Closed) and step.is_all) or _ref(gate.form).names(_ref(step))
