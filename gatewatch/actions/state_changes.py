"""What a transition changes in the state of an alert, beside its audit record.

Each function gets the state before, the request and the settings, and returns the new values of fields of
`AlertActions`. A status among them takes the place of the one of the rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.model.alert_actions import ActionEvent, ActionStatus, AlertActions, Mark, RevertProposal

if TYPE_CHECKING:
    from gatewatch.actions.request import ActionRequest
    from gatewatch.config.actions import ActionSettings

Changes = dict[str, Any]
StateChange = Callable[[AlertActions, "ActionRequest", "ActionSettings"], Changes]


def unchanged(_before: AlertActions, _request: ActionRequest, _settings: ActionSettings) -> Changes:
    return {}


def acknowledged(_before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Changes:
    return {"acknowledged": _mark(request), "snoozed": None, "snoozed_until": 0.0}


def snoozed(_before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Changes:
    return {"snoozed": _mark(request), "snoozed_until": request.until}


def reopened(_before: AlertActions, _request: ActionRequest, _settings: ActionSettings) -> Changes:
    return {"acknowledged": None, "snoozed": None, "snoozed_until": 0.0, "asked": ""}


def snooze_ended(before: AlertActions, request: ActionRequest, settings: ActionSettings) -> Changes:
    is_open = before.status is ActionStatus.SNOOZED
    return {**reopened(before, request, settings), **({"status": ActionStatus.OPEN} if is_open else {})}


def asked(_before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Changes:
    return {"asked": request.asked}


def answered(_before: AlertActions, _request: ActionRequest, _settings: ActionSettings) -> Changes:
    return {"asked": ""}


def proposed(_before: AlertActions, request: ActionRequest, settings: ActionSettings) -> Changes:
    if request.plan is None:
        raise ValueError("a proposal needs a plan")
    expires_at = request.at + 60 * settings.expires_minutes
    proposal = RevertProposal(
        id=request.proposal,
        plan=request.plan,
        proposed=_mark(request),
        expires_at=expires_at,
        reason=request.reason,
    )
    is_revert = request.event is ActionEvent.PROPOSE_REVERT  # an undo is about the result of its revert
    return {"proposal": proposal} | ({"result": None} if is_revert else {})


def not_reverted(before: AlertActions, _request: ActionRequest, _settings: ActionSettings) -> Changes:
    """An alert that somebody attends to is acknowledged or snoozed again."""
    if before.snoozed:
        return {"status": ActionStatus.SNOOZED}
    return {"status": ActionStatus.ACKNOWLEDGED} if before.acknowledged else {}


def approved(before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Changes:
    return {"proposal": before.proposal and msgspec.structs.replace(before.proposal, approved=_mark(request))}


def approved_alone(before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Changes:
    proposal = before.proposal and msgspec.structs.replace(
        before.proposal, approved=_mark(request), reason=request.reason, is_break_glass=True
    )
    return {"proposal": proposal}


def reverted(before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Changes:
    return {"result": request.result, "executed": _approval(before), "is_undone": False}


def undone(before: AlertActions, request: ActionRequest, settings: ActionSettings) -> Changes:
    return {
        **reopened(before, request, settings),
        "result": request.result,
        "executed": _approval(before),
        "is_undone": True,
    }


def failed(_before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Changes:
    return {"result": request.result}


def _approval(before: AlertActions) -> Mark | None:
    return before.proposal.approved if before.proposal else None


def _mark(request: ActionRequest) -> Mark:
    return Mark(request.person, request.at)
