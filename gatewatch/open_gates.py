"""Steps in any order -> the gates that stand open, and when each of the others was closed.

What a digest says is computed from the steps alone: in whatever order they came, and however often, it is the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.exposures import rule_ref
from gatewatch.noted import Closed, Opened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.noted import Step

_Where = tuple[str, str]


class OpenGate(Struct, frozen=True):
    """`form` is what the rule looks like now; `since` and `actor` are of its opening."""

    form: Opened
    since: datetime
    actor: str


class ClosedGate(Struct, frozen=True):
    gate: OpenGate
    at: datetime


def gates(steps: Iterable[Step]) -> tuple[list[OpenGate], list[ClosedGate]]:
    """The open ones oldest first, the closed ones in the order of their closing."""
    still: dict[_Where, list[OpenGate]] = {}
    closed: list[ClosedGate] = []
    for step in sorted({(each.key, each.number): each for each in steps}.values(), key=_order):
        here = still.setdefault((step.account, step.region), [])
        gone = [gate for gate in here if _is_about(step, gate)]
        here[:] = [gate for gate in here if gate not in gone]
        if isinstance(step, Opened):
            here.append(_opened(step, gone))
        else:
            closed.extend(ClosedGate(gate, step.at) for gate in gone)
    return sorted((gate for each in still.values() for gate in each), key=_age), closed


def _order(step: Step) -> tuple[datetime, int, str, int]:
    """CloudTrail counts in seconds. Within one, only its id tells that a rule closed is not the one before."""
    rank = 1 if isinstance(step, Opened) else 3 if step.is_all else 2 if step.rule.rule_id else 0
    return step.at, rank, step.key, step.number


def _age(gate: OpenGate) -> tuple[datetime, str, int]:
    return gate.since, gate.form.key, gate.form.number


def _is_about(step: Step, gate: OpenGate) -> bool:
    """By the rule's id, wherever it stands; else by what it lets through, in the same place."""
    if isinstance(step, Closed) and step.is_all:
        return step.place == gate.form.place
    mine, other = rule_ref(gate.form.rule), rule_ref(step.rule) if isinstance(step, Opened) else step.rule
    is_by_id = bool(mine.rule_id and other.rule_id)
    return mine.names(other) and (is_by_id or step.place == gate.form.place)


def _opened(step: Opened, before: list[OpenGate]) -> OpenGate:
    """One that was open already keeps the time and the name of its opening."""
    first = min(before, key=_age, default=None)
    return OpenGate(step, first.since, first.actor) if first else OpenGate(step, step.at, step.actor)
