"""A plan as it is stored with the state of an alert, shown to those who approve it, and performed after that."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from gatewatch.model.notification import Sentence
from gatewatch.model.revert import FrozenPlan, RevertOutcome, RevertReport
from gatewatch.model.typed_decoding import decode_json
from gatewatch.remediation.revert.plan import NotRevertibleError, Obstacle, RevertPlan
from gatewatch.remediation.revert.sentences import plan_sentences, shown_resource

if TYPE_CHECKING:
    from gatewatch.remediation.revert.reverter import Reverter, RevertResult


def freeze(plan: RevertPlan) -> FrozenPlan:
    actions = msgspec.json.encode(plan, order="deterministic").decode()
    return FrozenPlan(plan.hash, plan_sentences(plan), actions)


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
        outcome = RevertOutcome.CHANGED if error.obstacle is Obstacle.CHANGED else RevertOutcome.FAILED
        return RevertReport(outcome, (error.sentence,))
    return _report(plan, result)


def _report(plan: RevertPlan, result: RevertResult) -> RevertReport:
    undo = f"gatewatch undo {result.change_id}"
    failed = tuple(
        Sentence("revert_step_failed", {"resource": shown_resource(each.change), "reason": each.reason})
        for each in result.steps
        if not each.succeeded
    )
    if failed:
        return RevertReport(RevertOutcome.FAILED, failed, undo)
    return RevertReport(RevertOutcome.REVERTED, plan_sentences(plan), undo)
