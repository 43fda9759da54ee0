"""What `gatewatch act` prints of an alert, as the columns of a list or the fields of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.model.alert_actions import ActionStatus
from gatewatch.remediation.revert.sentences import sentence_text
from gatewatch.rendering.text.headline import alert_headline
from gatewatch.rendering.time_text import utc_minute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.actions.posted_alerts import PostedAlert
    from gatewatch.model.alert_actions import AlertActions, AuditRecord, RevertProposal
    from gatewatch.rendering.text.labels import Labels


class AlertRow(Struct, frozen=True):
    """One alert of `gatewatch act list`."""

    id: str
    time: str
    account: str
    severity: str
    status: str
    what: str


class ProposalView(Struct, frozen=True):
    """A proposed revert. `lines` say what it changes."""

    id: str
    hash: str
    lines: tuple[str, ...]
    proposed_by: str
    expires: str


class AuditView(Struct, frozen=True):
    """One transition; `identities` are those in AWS."""

    time: str
    event: str
    before: str
    after: str
    person: str
    identities: tuple[str, ...]
    source: str
    detail: str


class AlertView(Struct, frozen=True):
    """What `gatewatch act show` says of one alert; without a proposal, snooze or result these are None or empty."""

    id: str
    event_id: str
    time: str
    account: str
    region: str
    severity: str
    status: str
    what: str
    acknowledged_by: str
    snoozed_until: str
    proposal: ProposalView | None
    result: tuple[str, ...]
    undo: str
    audit: tuple[AuditView, ...]


def alert_row(alert: PostedAlert, actions: AlertActions, labels: Labels) -> AlertRow:
    found = alert.notification.alert
    return AlertRow(
        id=alert.id,
        time=utc_minute(alert.notification.event_time or 0.0),
        account=f"{found.account.alias} {found.account.id}",
        severity=alert.subject.severity.value,
        status=actions.status.value,
        what=alert_headline(found, labels),
    )


def alert_view(alert: PostedAlert, actions: AlertActions, labels: Labels) -> AlertView:
    row, result = alert_row(alert, actions, labels), actions.result
    return AlertView(
        id=row.id,
        event_id=alert.notification.event_id,
        time=row.time,
        account=row.account,
        region=alert.notification.alert.call.region,
        severity=row.severity,
        status=row.status,
        what=row.what,
        acknowledged_by=actions.acknowledged.person.id if actions.acknowledged else "",
        snoozed_until=utc_minute(actions.snoozed_until) if actions.snoozed else "",
        proposal=_proposal_view(actions.proposal, labels) if actions.proposal else None,
        result=tuple(sentence_text(each, labels) for each in result.lines) if result else (),
        undo=result.undo if result else "",
        audit=tuple(_audit_views(actions.audit)),
    )


def _proposal_view(proposal: RevertProposal, labels: Labels) -> ProposalView:
    return ProposalView(
        id=proposal.id,
        hash=proposal.plan.hash,
        lines=tuple(sentence_text(each, labels) for each in proposal.plan.lines),
        proposed_by=proposal.proposed.person.id,
        expires=utc_minute(proposal.expires_at),
    )


def _audit_views(audit: tuple[AuditRecord, ...]) -> Iterator[AuditView]:
    for each in audit:
        yield AuditView(
            time=utc_minute(each.at),
            event=each.event.value,
            before=each.before.value,
            after=each.after.value,
            person=each.person.id,
            identities=each.person.identities,
            source=each.source,
            detail=each.detail,
        )


def has_failed(view: AlertView) -> bool:
    """Whether a revert or its undo was attempted and failed."""
    return view.status in {ActionStatus.REVERT_FAILED, ActionStatus.UNDO_FAILED}
