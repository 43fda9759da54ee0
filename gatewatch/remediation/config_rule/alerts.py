"""Messages about an enforcement: worded like any other alert, with the rules of the group before and after."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from gatewatch.alerts.enrichment import group_url, through_portal
from gatewatch.alerts.notifications import notification_of
from gatewatch.alerts.routing import route
from gatewatch.alerts.severity.assessment import assess
from gatewatch.config.suppression_rules import ExceptionEffect
from gatewatch.model.alert import Alert, AssessedChange, Links
from gatewatch.model.api_call import AccessMethod, Actor, ApiCall
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.message import OutboxMessage, addressed
from gatewatch.model.notification import AlertNotification, Section
from gatewatch.model.security_group import Group, SecurityGroupRule
from gatewatch.model.severity import Assessment, Reason, Severity
from gatewatch.remediation.config_rule.annotation import rule_text
from gatewatch.remediation.ingress.executor import StepStatus
from gatewatch.remediation.ingress.plan import Authorize, CurrentRule, Modify, rule_of
from gatewatch.rendering.escaping import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.alerts.suppression import PossibleSuppression
    from gatewatch.config.settings import Settings
    from gatewatch.remediation.ingress.enforcer import Enforcement, UnenforcedAction
    from gatewatch.remediation.ingress.executor import StepResult

EVENT_NAME = "GatewatchRemediation"
_MAX_RULES = 30
_MAX_LIST_CHARACTERS = 2400
_OUTCOME = {StepStatus.DONE: Outcome.APPLIED, StepStatus.ALREADY: Outcome.NO_OP}


def alerts_of(done: Enforcement, settings: Settings, at: float) -> Iterator[Alert]:
    """Yield one alert about what was attempted, and one for each rule that is newly not remediated and not muted."""
    if done.steps:
        yield _alert(done, settings, at, [_step_change(each, done) for each in done.steps], done.change_id)
    for each in done.unenforced:
        if each.is_new and not _is_muted(each):
            rule_id = each.rule.rule_id or each.conflict.access_hash
            event_id = f"unenforced-{done.group.group_id}-{rule_id}-{each.reason.value}-{int(at)}"
            yield _alert(done, settings, at, [_unenforced_change(each, done)], event_id)


def _alert(done: Enforcement, settings: Settings, at: float, changes: Sequence[AssessedChange], event_id: str) -> Alert:
    group = done.group
    call = ApiCall(
        event_id=event_id,
        event_name=EVENT_NAME,
        event_source="gatewatch",
        time=datetime.fromtimestamp(at, UTC),
        account_id=group.account_id,
        region=group.region,
        actor=Actor("gatewatch", "AssumedRole"),
        via=AccessMethod.SERVICE,
        source_ip=None,
        error_code=", ".join(dict.fromkeys(each.reason for each in done.failed)) or None,
        request=None,
        response=None,
        record={},
    )
    account = settings.account(group.account_id)
    links = through_portal(Links(group=group_url(group.region, group.group_id)), account, settings)
    with_exposure = tuple(_with_exposure(call, each, settings) for each in changes)
    return Alert(call=call, account=account, changes=with_exposure, links=links)


def _with_exposure(call: ApiCall, assessed: AssessedChange, settings: Settings) -> AssessedChange:
    """Add who could connect, and to which services, as in any other alert."""
    applied = msgspec.structs.replace(assessed.change, outcome=Outcome.APPLIED)
    (assessed_change,) = assess(call, [applied], settings.severity_rules)
    known = assessed_change.assessment
    assessment = msgspec.structs.replace(assessed.assessment, exposure=known.exposure, services=known.services)
    return AssessedChange(assessed.change, assessment)


def _step_change(step: StepResult, done: Enforcement) -> AssessedChange:
    action, outcome = step.action, _OUTCOME.get(step.status, Outcome.FAILED)
    if outcome is Outcome.FAILED:
        return _failed_change(step, done)
    if isinstance(action, Modify):
        narrowed = msgspec.structs.replace(action.rule, rule_id=action.current.rule.rule_id)
        change = _change(done, Action.MODIFY, outcome, narrowed, action.current.rule)
        return AssessedChange(change, Assessment(_closing_severity(done), (Reason("ingress_narrowed"),)))
    is_added = isinstance(action, Authorize)
    change = _change(done, Action.AUTHORIZE if is_added else Action.REVOKE, outcome, rule_of(action))
    code = "ingress_required" if is_added else "ingress_not_allowed"
    return AssessedChange(change, Assessment(Severity.LOW if is_added else _closing_severity(done), (Reason(code),)))


def _closing_severity(done: Enforcement) -> Severity:
    """MEDIUM when an allowed part could not be added: the headline then still names the rule that was closed."""
    return Severity.MEDIUM if any(isinstance(each.action, Authorize) for each in done.failed) else Severity.LOW


def _failed_change(step: StepResult, done: Enforcement) -> AssessedChange:
    """HIGH where something stays open or a required rule is missing; an allowed part that is closed is MEDIUM."""
    if not isinstance(step.action, Authorize):
        action, severity, code = Action.REVOKE, Severity.HIGH, "ingress_still_open"
    elif step.action.replaces is None:
        action, severity, code = Action.AUTHORIZE, Severity.HIGH, "ingress_failed"
    else:
        action, severity, code = Action.AUTHORIZE, Severity.MEDIUM, "ingress_part_not_kept"
    change = _change(done, action, Outcome.FAILED, rule_of(step.action))
    return AssessedChange(change, Assessment(severity, (Reason(code, {"error": step.reason}),)))


def _is_muted(action: UnenforcedAction) -> bool:
    """Whether a muting exception certainly covers it; a possible match is reported."""
    match = action.suppressed_by
    return match is not None and match.is_certain and match.exception.effect is ExceptionEffect.MUTE


def _unenforced_change(action: UnenforcedAction, done: Enforcement) -> AssessedChange:
    """The change that people made: they added the rule that stays, or removed the one that is missing."""
    change = _change(done, Action.REVOKE if action.is_missing else Action.AUTHORIZE, Outcome.APPLIED, action.rule)
    if action.suppressed_by is not None:
        return AssessedChange(change, _exception_assessment(action.suppressed_by))
    actor = action.author.name if action.author else "?"
    code = f"ingress_{'not_added' if action.is_missing else 'not_removed'}_{action.reason.value}"
    return AssessedChange(change, Assessment(Severity.HIGH, (Reason(code, {"actor": actor}),)))


def _exception_assessment(match: PossibleSuppression) -> Assessment:
    """LOW where an exception certainly covers the rule; HIGH where it only may, so that a person checks it."""
    exception = match.exception
    values = {
        "exception": exception.id,
        "ticket": exception.ticket,
        "owner": exception.owner,
        "date": exception.expires.isoformat(),
    }
    if match.is_certain:
        return Assessment(Severity.LOW, (Reason("ingress_exception", values),))
    return Assessment(Severity.HIGH, (Reason("ingress_possible_exception", values),))


def _change(
    done: Enforcement,
    action: Action,
    outcome: Outcome,
    rule: SecurityGroupRule,
    previous: SecurityGroupRule | None = None,
) -> Change:
    return Change(
        family=Family.SECURITY_GROUP,
        action=action,
        outcome=outcome,
        group=Group(id=done.group.group_id),
        rule=rule,
        previous=previous,
    )


def messages_of(done: Enforcement, settings: Settings, at: float) -> tuple[OutboxMessage, ...]:
    sections = tuple(_before_and_after(done))
    return tuple(
        message
        for alert in alerts_of(done, settings, at)
        for message in addressed(_notification(alert, done, sections), route(alert, settings))
    )


def _notification(alert: Alert, done: Enforcement, sections: tuple[Section, ...]) -> AlertNotification:
    """A rule that is not remediated opens and closes nothing: its opening had a message of its own."""
    notification = notification_of(alert, sections=sections)
    is_remediation = alert.call.event_id == done.change_id
    return notification if is_remediation else msgspec.structs.replace(notification, exposure_change=None)


def _before_and_after(done: Enforcement) -> Iterator[Section]:
    added, open_ = (_failures(done, is_added=each) for each in (True, False))
    for title, failures in (("ingress_still_open", open_), ("ingress_not_added", added)):
        if failures:
            yield Section(title, "\n".join(failures[:_MAX_RULES]), _MAX_LIST_CHARACTERS)
    for title, current in (("ingress_before", done.before), ("ingress_after", done.after)):
        yield Section(title, "\n".join(_lines(current)) or "-", _MAX_LIST_CHARACTERS)
    if done.change_id:
        yield Section("ingress_undo", f"gatewatch undo {done.change_id}")


def _failures(done: Enforcement, *, is_added: bool) -> list[str]:
    return [
        f"{_line(rule_of(each.action))} ({each.reason})"
        for each in done.failed
        if isinstance(each.action, Authorize) is is_added
    ]


def _lines(current: Iterable[CurrentRule]) -> Iterator[str]:
    rules = sorted(_line(each.rule) for each in current)
    yield from rules[:_MAX_RULES]
    if len(rules) > _MAX_RULES:
        yield f"… +{len(rules) - _MAX_RULES}"


def _line(rule: SecurityGroupRule) -> str:
    return f"{rule_text(rule)}  {sanitize(rule.description or '', 80)}".rstrip()
