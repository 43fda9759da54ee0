"""A plan as it is stored with the state of an alert, shown to those who approve it, and performed after that."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.model.notification import Sentence
from gatewatch.model.revert import FrozenPlan, RevertOutcome, RevertReport
from gatewatch.model.typed_decoding import decode_json
from gatewatch.remediation.revert.plan import NotRevertibleError, Obstacle, RevertPlan
from gatewatch.remediation.revert.sentences import plan_sentences, shown_resource, undo_sentences
from gatewatch.remediation.snapshots import SnapshotError

if TYPE_CHECKING:
    from gatewatch.remediation.revert.reverter import Reverter, RevertResult


class UndoPlan(Struct, frozen=True):
    """`change_id` is that of the revert, whose snapshot `plan` restores."""

    change_id: str
    plan: RevertPlan


def freeze(plan: RevertPlan) -> FrozenPlan:
    actions = msgspec.json.encode(plan, order="deterministic").decode()
    return FrozenPlan(plan.hash, plan_sentences(plan), actions)


def freeze_undo(change_id: str, reverter: Reverter) -> FrozenPlan:
    """Freeze the plan that undoes a revert. Raises `NotRevertibleError` and `HubTableError`."""
    try:
        plan = reverter.plan_undo(change_id)
    except SnapshotError as error:
        raise NotRevertibleError(Obstacle.NOT_FOUND, change_id) from error
    reverter.check_undo(plan)
    actions = msgspec.json.encode(UndoPlan(change_id, plan), order="deterministic")
    return FrozenPlan(hashlib.sha256(actions).hexdigest(), undo_sentences(plan), actions.decode())


def undo_frozen(frozen: FrozenPlan, reverter: Reverter) -> RevertReport:
    """Undo a revert as the frozen plan says, and report what became of it. Raises `HubTableError`."""
    undo = _undo_plan(frozen)
    if undo is None:
        return RevertReport(RevertOutcome.CHANGED)
    try:
        if reverter.plan_undo(undo.change_id) != undo.plan:
            return RevertReport(RevertOutcome.CHANGED, change_id=undo.change_id)
        result = reverter.undo(undo.change_id)
    except SnapshotError:
        return RevertReport(RevertOutcome.FAILED)
    except NotRevertibleError as error:
        return RevertReport(_outcome(error), (error.sentence,), undo.change_id)
    return _report(undo_sentences(undo.plan), RevertOutcome.UNDONE, result)


def _undo_plan(frozen: FrozenPlan) -> UndoPlan | None:
    """None for a plan that is not the one of its hash."""
    is_unchanged = hashlib.sha256(frozen.actions.encode()).hexdigest() == frozen.hash
    return decode_json(frozen.actions, UndoPlan) if is_unchanged else None


def perform_frozen(frozen: FrozenPlan, reverter: Reverter, actor: str = "") -> RevertReport:
    """Perform a frozen plan and report what became of it. `actor` made the call. Raises `HubTableError`.

    A plan that is not the one of its hash is not performed.
    """
    if hashlib.sha256(frozen.actions.encode()).hexdigest() != frozen.hash:
        return RevertReport(RevertOutcome.CHANGED)
    plan = decode_json(frozen.actions, RevertPlan)
    try:
        result = reverter.execute(plan, actor)
    except NotRevertibleError as error:
        if len(plan.changes) > 1 and reverter.was_started(plan):  # by a process that ended, maybe in between
            return RevertReport(
                RevertOutcome.FAILED, (Sentence("revert_partly", {"detail": error.detail}),), plan.change_id
            )
        return RevertReport(_outcome(error), (error.sentence,))
    return _report(plan_sentences(plan), RevertOutcome.REVERTED, result)


def _outcome(error: NotRevertibleError) -> RevertOutcome:
    return RevertOutcome.CHANGED if error.obstacle is Obstacle.CHANGED else RevertOutcome.FAILED


def _report(lines: tuple[Sentence, ...], outcome: RevertOutcome, result: RevertResult) -> RevertReport:
    failed = tuple(
        Sentence("revert_step_failed", {"resource": shown_resource(each.change), "reason": each.reason})
        for each in result.steps
        if not each.succeeded
    )
    if failed:
        return RevertReport(RevertOutcome.FAILED, failed, result.change_id)
    return RevertReport(outcome, lines, result.change_id)
