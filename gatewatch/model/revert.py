"""Reverts: the plan that would undo the changes of an alert, and what became of it."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from msgspec import Struct


class FrozenPlan(Struct, frozen=True, kw_only=True):
    """A frozen plan: it is shown when a revert is proposed, and exactly this plan is executed after approval.

    `lines` are the AWS calls as a person reads them. `actions` is their encoded form, which only the executor reads.
    """

    account_id: str
    region: str
    lines: tuple[str, ...]
    actions: str

    @property
    def hash(self) -> str:
        """SHA-256 of everything that is executed, as 64 hexadecimal digits."""
        parts = f"{self.account_id}\0{self.region}\0{self.actions}"
        return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()


class RevertOutcome(StrEnum):
    """CHANGED: nothing was done, because the resource is not as it was when the plan was made."""

    REVERTED = "reverted"
    CHANGED = "changed"
    FAILED = "failed"


class RevertReport(Struct, frozen=True):
    """`detail` names what failed or differs, without secrets; `undo` is the command that restores the snapshot."""

    outcome: RevertOutcome
    detail: str = ""
    undo: str = ""
