"""Reverts and their undo as people see them: the frozen plan that they approve, and what became of it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from gatewatch.model.notification import Sentence


class FrozenPlan(Struct, frozen=True):
    """It is shown when a revert or its undo is proposed, and exactly this plan is executed after approval.

    `hash` is the SHA-256 of `actions`, the encoded plan, which only the executor reads. `lines` say what it does.
    """

    hash: str
    lines: tuple[Sentence, ...]
    actions: str


class RevertOutcome(StrEnum):
    """UNDONE: a revert was undone. CHANGED: nothing was done, because the resource has changed since the plan."""

    REVERTED = "reverted"
    UNDONE = "undone"
    CHANGED = "changed"
    FAILED = "failed"


class RevertReport(Struct, frozen=True):
    """What became of a revert or its undo: `lines` say what was done and what failed.

    `change_id` is that of the snapshot, from which the revert is undone; empty where nothing was changed.
    """

    outcome: RevertOutcome
    lines: tuple[Sentence, ...] = ()
    change_id: str = ""

    @property
    def undo(self) -> str:
        """The command that restores the snapshot; empty without one."""
        return f"gatewatch undo {self.change_id}" if self.change_id else ""
