"""Reverts as people see them: the frozen plan that they approve, and what became of it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from gatewatch.model.notification import Sentence


class FrozenPlan(Struct, frozen=True):
    """It is shown when a revert is proposed, and exactly this plan is executed after approval.

    `hash` is the SHA-256 of `actions`, the encoded plan, which only the executor reads. `lines` say what it does.
    """

    hash: str
    lines: tuple[Sentence, ...]
    actions: str


class RevertOutcome(StrEnum):
    """CHANGED: nothing was done, because the resource is not as it was when the plan was made."""

    REVERTED = "reverted"
    CHANGED = "changed"
    FAILED = "failed"


class RevertReport(Struct, frozen=True):
    """`lines` say what was done and what failed; `undo` is the command that restores the snapshot."""

    outcome: RevertOutcome
    lines: tuple[Sentence, ...] = ()
    undo: str = ""
