"""What people did about one alert: status, who acted, a proposed revert, and the audit record of every transition."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from gatewatch.model.revert import FrozenPlan, RevertReport


class ActionStatus(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    REVERT_PROPOSED = "revert_proposed"
    REVERT_APPROVED = "revert_approved"
    REVERT_EXECUTING = "revert_executing"
    REVERTED = "reverted"
    REVERT_FAILED = "revert_failed"
    REVERT_REJECTED = "revert_rejected"
    REVERT_EXPIRED = "revert_expired"
    UNDO_PROPOSED = "undo_proposed"
    UNDO_APPROVED = "undo_approved"
    UNDO_EXECUTING = "undo_executing"
    UNDONE = "undone"
    UNDO_FAILED = "undo_failed"
    CLOSED = "closed"


class ActionEvent(StrEnum):
    """What people do, and from CLOSE on what gatewatch finds or does itself."""

    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    ASK_ACTOR = "ask_actor"
    ANSWER_YES = "answer_yes"
    ANSWER_NO = "answer_no"
    PROPOSE_EXCEPTION = "propose_exception"
    PROPOSE_REVERT = "propose_revert"
    APPROVE_REVERT = "approve_revert"
    REJECT_REVERT = "reject_revert"
    BREAK_GLASS = "break_glass"
    PROPOSE_UNDO = "propose_undo"
    APPROVE_UNDO = "approve_undo"
    REJECT_UNDO = "reject_undo"
    CLOSE = "close"
    END_SNOOZE = "end_snooze"
    RAISE_SEVERITY = "raise_severity"
    EXPIRE_REVERT = "expire_revert"
    START_REVERT = "start_revert"
    COMPLETE_REVERT = "complete_revert"
    FAIL_REVERT = "fail_revert"
    ABANDON_REVERT = "abandon_revert"
    EXPIRE_UNDO = "expire_undo"
    START_UNDO = "start_undo"
    COMPLETE_UNDO = "complete_undo"
    FAIL_UNDO = "fail_undo"
    ABANDON_UNDO = "abandon_undo"


class ActionButton(StrEnum):
    """A button, or an entry of a menu. Its `action_id` in Slack is `gatewatch.` and this name."""

    ACKNOWLEDGE = "acknowledge"
    SNOOZE_HOUR = "snooze_hour"
    SNOOZE_DAY = "snooze_day"
    SNOOZE_UNTIL = "snooze_until"
    ASK_ACTOR = "ask_actor"
    ANSWER_YES = "answer_yes"
    ANSWER_NO = "answer_no"
    PROPOSE_EXCEPTION = "propose_exception"
    PROPOSE_REVERT = "propose_revert"
    APPROVE_REVERT = "approve_revert"
    REJECT_REVERT = "reject_revert"
    PROPOSE_UNDO = "propose_undo"
    APPROVE_UNDO = "approve_undo"
    REJECT_UNDO = "reject_undo"
    BREAK_GLASS = "break_glass"


class Person(Struct, frozen=True, omit_defaults=True):
    """Who acts: `id` is a Slack user id, or the ARN of the caller of `gatewatch act`.

    `identities` are AWS identities in lower case: ARNs, and user names of IAM Identity Center. Empty for people whom
    gatewatch cannot map; `unmapped` is then why, where it is known: `no_user` or `not_readable`.
    """

    id: str
    name: str = ""
    email: str = ""
    identities: tuple[str, ...] = ()
    unmapped: str = ""


GATEWATCH = Person("gatewatch")  # of transitions that nobody asked for


class Mark(Struct, frozen=True):
    """Who did something and when, in seconds since 1970."""

    person: Person
    at: float


class RevertProposal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A revert or its undo. `id` is opaque and differs between proposals, so that a click on an old one is refused."""

    id: str
    plan: FrozenPlan
    proposed: Mark
    expires_at: float
    reason: str = ""
    approved: Mark | None = None
    is_break_glass: bool = False


class AuditRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One transition. `source` is the Slack message, `channel/ts`, or `terminal`; `detail` a reason or a result.

    `key` identifies the request, so that one that is worked off again is recognised.
    """

    event: ActionEvent
    before: ActionStatus
    after: ActionStatus
    person: Person
    at: float
    source: str = ""
    detail: str = ""
    key: str = ""


_STILL_REVERTED = frozenset({ActionStatus.REVERTED, ActionStatus.UNDO_PROPOSED, ActionStatus.UNDO_APPROVED})
_REVERTED = frozenset(
    {
        *_STILL_REVERTED,
        ActionStatus.UNDO_EXECUTING,
        ActionStatus.UNDO_FAILED,
        ActionStatus.UNDONE,
    }
)


class AlertActions(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """State of one alert. `asked` is the person who was asked whether the call was theirs.

    `snoozed_until` is in seconds since 1970. `audit` has every transition, the oldest first. `is_undone`: what a revert
    closed is open again. `executed`: who approved the plan that was executed last.
    """

    status: ActionStatus = ActionStatus.OPEN
    acknowledged: Mark | None = None
    snoozed: Mark | None = None
    snoozed_until: float = 0.0
    asked: str = ""
    proposal: RevertProposal | None = None
    result: RevertReport | None = None
    executed: Mark | None = None
    is_undone: bool = False
    audit: tuple[AuditRecord, ...] = ()

    @property
    def was_reverted(self) -> bool:
        """Whether gatewatch closed, and maybe opened again, what the alert opened: other closings say nothing then."""
        return self.is_undone or self.status in _REVERTED

    @property
    def outcome(self) -> ActionStatus:
        """What the headline says: REVERTED as long as an undo is only proposed or approved, otherwise the status."""
        return ActionStatus.REVERTED if self.status in _STILL_REVERTED else self.status


NO_ACTIONS = AlertActions()


class ShownActions(Struct, frozen=True):
    """What a message shows of the actions of its alert: the opaque `id` of its buttons, the buttons and the state.

    `timezone` is the one that times are shown in.
    """

    id: str
    buttons: tuple[ActionButton, ...]
    actions: AlertActions
    timezone: str = "UTC"
