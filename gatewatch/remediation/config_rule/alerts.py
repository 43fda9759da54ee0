"""What gatewatch did to a group -> messages: the words of any other alert, and the group before and after."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from gatewatch.alerts.enrichment import group_url
from gatewatch.alerts.exposures import gate_of
from gatewatch.alerts.routing import route
from gatewatch.alerts.severity.assess import assess
from gatewatch.config.suppression_rules import Effect
from gatewatch.model.alert import Alert, AssessedChange, Links
from gatewatch.model.api_call import Actor, ApiCall, Via
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.message import Message
from gatewatch.model.security_group import Group, SecurityGroupRule
from gatewatch.model.severity import Assessment, Reason, Severity
from gatewatch.remediation.config_rule.annotation import rule_text
from gatewatch.remediation.ingress.executor import Done
from gatewatch.remediation.ingress.plan import Authorize, Standing, rule_of
from gatewatch.rendering.escaping import clean
from gatewatch.rendering.extra_sections import Extra
from gatewatch.rendering.message_bodies import Bodies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.alerts.suppression import MayHold
    from gatewatch.config.settings import Settings
    from gatewatch.remediation.ingress.enforcer import Enforcement, LeftAlone
    from gatewatch.remediation.ingress.executor import Step
    from gatewatch.rendering.slack import Templates
    from gatewatch.rendering.text.labels import Labels

EVENT_NAME = "GatewatchRemediation"
_SHOWN = 30
_LIST = 2400
_OUTCOME = {Done.DONE: Outcome.APPLIED, Done.ALREADY: Outcome.NO_OP}


def alerts_of(done: Enforcement, settings: Settings, at: float) -> Iterator[Alert]:
    """One for what was done, and one for each rule that is left alone from now on and not muted."""
    if done.steps:
        yield _alert(done, settings, at, [_stepped(each, done) for each in done.steps], done.change_id)
    for left in done.left:
        if left.is_news and not _is_muted(left):
            name = f"left-{done.group.group_id}-{left.rule.rule_id or left.dispute.digest}-{left.why.value}-{int(at)}"
            yield _alert(done, settings, at, [_left(left, done)], name)


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
        via=Via.SERVICE,
        source_ip=None,
        error_code=", ".join(dict.fromkeys(each.why for each in done.failed)) or None,
        request=None,
        response=None,
        record={},
    )
    links = Links(group=group_url(group.region, group.group_id))
    named = tuple(_named(each, settings) for each in changes)
    return Alert(call=call, account=settings.account(group.account_id), changes=named, links=links)


def _named(assessed: AssessedChange, settings: Settings) -> AssessedChange:
    """Who could connect, and to which services, as any other alert says it."""
    applied = msgspec.structs.replace(assessed.change, outcome=Outcome.APPLIED)
    (judged,) = assess([applied], settings.judgement)
    known = judged.assessment
    told = msgspec.structs.replace(assessed.assessment, exposure=known.exposure, services=known.services)
    return AssessedChange(assessed.change, told)


def _stepped(step: Step, done: Enforcement) -> AssessedChange:
    is_added = isinstance(step.action, Authorize)
    outcome = _OUTCOME.get(step.done, Outcome.FAILED)
    change = _change(done, Action.AUTHORIZE if is_added else Action.REVOKE, outcome, rule_of(step.action))
    if outcome is Outcome.FAILED:
        return AssessedChange(change, Assessment(Severity.HIGH, (Reason("ingress_failed", {"why": step.why}),)))
    code = "ingress_required" if is_added else "ingress_not_allowed"
    return AssessedChange(change, Assessment(Severity.LOW, (Reason(code),)))


def _is_muted(left: LeftAlone) -> bool:
    """Nobody hears of what a muting exception covers for certain. In any doubt it is told."""
    hold = left.excepted
    return hold is not None and hold.is_certain and hold.exception.effect is Effect.MUTE


def _left(left: LeftAlone, done: Enforcement) -> AssessedChange:
    """As what people did: they added the rule that stays, or removed the one that is missing."""
    change = _change(done, Action.REVOKE if left.is_missing else Action.AUTHORIZE, Outcome.APPLIED, left.rule)
    if left.excepted is not None:
        return AssessedChange(change, _excepted(left.excepted))
    who = left.culprit.name if left.culprit else "?"
    code = f"ingress_{'missing' if left.is_missing else 'left'}_{left.why.value}"
    return AssessedChange(change, Assessment(Severity.HIGH, (Reason(code, {"who": who}),)))


def _excepted(hold: MayHold) -> Assessment:
    """What somebody answers for is a note; what is left alone in doubt, a person has to look at."""
    exception = hold.exception
    values = {
        "exception": exception.id,
        "ticket": exception.ticket,
        "owner": exception.owner,
        "date": exception.expires.isoformat(),
    }
    if hold.is_certain:
        return Assessment(Severity.LOW, (Reason("ingress_excepted", values),))
    return Assessment(Severity.HIGH, (Reason("ingress_perhaps_excepted", values),))


def _change(done: Enforcement, action: Action, outcome: Outcome, rule: SecurityGroupRule) -> Change:
    return Change(
        family=Family.SECURITY_GROUP, action=action, outcome=outcome, group=Group(id=done.group.group_id), rule=rule
    )


def messages_of(done: Enforcement, settings: Settings, templates: Templates, at: float) -> tuple[Message, ...]:
    return tuple(
        message for alert in alerts_of(done, settings, at) for message in _messages(alert, done, settings, templates)
    )


def _messages(alert: Alert, done: Enforcement, settings: Settings, templates: Templates) -> Iterator[Message]:
    labels = templates.labels[alert.account.language]
    bodies = Bodies(alert, templates, settings, tuple(_before_and_after(done, labels)))
    # What is left alone opens and closes nothing: the message of its opening was another.
    gate = gate_of(alert, labels) if alert.call.event_id == done.change_id else None
    for destination in route(alert, settings):
        parts = bodies.of(destination)
        for number, body in enumerate(parts, start=1):
            key = f"{alert.call.event_id}#{destination}#{number}"
            yield Message(
                key=key,
                destination=destination,
                body=body,
                event_id=alert.call.event_id,
                account_id=alert.account.id,
                severity=alert.severity,
                part=number,
                parts=len(parts),
                event_time=alert.call.time.timestamp() if alert.call.time else None,
                gates=(msgspec.structs.replace(gate, key=key),) if gate and number == 1 else (),
            )


def _before_and_after(done: Enforcement, labels: Labels) -> Iterator[Extra]:
    for label, standing in (("ingress_before", done.before), ("ingress_after", done.after)):
        yield Extra(labels.line[label], "\n".join(_lines(standing)) or "-", _LIST)
    if done.change_id:
        yield Extra(labels.line["ingress_undo"], f"gatewatch undo {done.change_id}")


def _lines(standing: Iterable[Standing]) -> Iterator[str]:
    rules = sorted(_line(each.rule) for each in standing)
    yield from rules[:_SHOWN]
    if len(rules) > _SHOWN:
        yield f"… +{len(rules) - _SHOWN}"


def _line(rule: SecurityGroupRule) -> str:
    return f"{rule_text(rule)}  {clean(rule.description or '', 80)}".rstrip()
