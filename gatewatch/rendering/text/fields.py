"""The fields of a message: which facts it names, and the lines under each name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.change import Family, Outcome
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.rendering.escaping import code, filled, joined, ours
from gatewatch.rendering.text import iam as access_words
from gatewatch.rendering.text import network_interfaces as attached_words
from gatewatch.rendering.time_text import local_time, utc_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.change import Change
    from gatewatch.model.severity import Reason
    from gatewatch.rendering.text.labels import Labels

SAID_BY_A_FIELD = frozenset({"compliance_first", "compliance_states"})


class Field(NamedTuple):
    """A line that is no Markup is made harmless by the template."""

    name: Markup
    lines: tuple[str, ...]


def fields(alert: Alert, told: AssessedChange, labels: Labels) -> tuple[Field, ...]:
    """In the order of reading; a fact that there is nothing to say about is left out."""
    unknown = labels.field["unknown"]
    found = [_account(alert, labels), Field(ours(labels.field["region"]), (code(alert.call.region or unknown),))]
    if who := caller(alert, labels):
        found.append(Field(ours(labels.field["who"]), (joined(" · ", (code(who), ours(labels.via[alert.call.via]))),)))
        found.append(Field(ours(labels.field["where_from"]), (code(alert.call.source_ip or unknown),)))
    found.extend(about(told, labels))
    if alert.attached:
        lines = attached_words.lines(alert.attached, alert.account.timezone, labels)
        found.append(Field(ours(labels.attached["name"]), tuple(lines)))
    if told.change.outcome is not Outcome.APPLIED:
        found.append(_outcome(alert, told.change.outcome, labels))
    found.append(Field(ours(labels.field["time"]), tuple(times(alert)) or (code(unknown),)))
    return tuple([each for each in found if each.lines])


def caller(alert: Alert, labels: Labels) -> str:
    """Who called; empty for what AWS Config found, which is nobody's call."""
    if alert.worst.change.family is Family.COMPLIANCE:
        return ""
    name = alert.call.actor.name
    return labels.field["unknown"] if name == UNKNOWN else name


def _account(alert: Alert, labels: Labels) -> Field:
    account = alert.account
    lines = [joined(" ", filter(None, (code(account.alias), code(account.id))))]
    if account.owner:
        lines.append(joined(" ", (ours(labels.field["owner"]), code(account.owner))))
    return Field(ours(labels.field["account"]), tuple(lines))


def about(told: AssessedChange, labels: Labels) -> Iterator[Field]:
    """What the call is about: the group, the prefix list, the interface, a thing of IAM, or what a rule judged."""
    change = told.change
    if isinstance(change.facts, ComplianceFacts):
        yield _named(labels.field["config_rule"], change.facts.rule)
        yield _named(labels.field["resource"], change.facts.resource_type, change.resource_id)
        if change.facts.new:
            states = (each for each in told.assessment.reasons if each.code in SAID_BY_A_FIELD)
            yield Field(ours(labels.field["state"]), tuple(_with_values_as_code(each, labels) for each in states))
    elif change.family in {Family.IAM, Family.SIGN_IN}:
        if thing := access_words.about(change, labels):
            yield _named(thing.name, *thing.texts)
    else:
        yield _thing(change, labels)


def _with_values_as_code(reason: Reason, labels: Labels) -> Markup:
    return filled(labels.reason[reason.code], {name: code(value) for name, value in reason.values.items()})


def _thing(change: Change, labels: Labels) -> Field:
    if change.family is Family.PREFIX_LIST:
        return _named(labels.field["prefix_list"], change.resource_id)
    if change.family is Family.HUB:
        return _named(labels.field["road"], change.resource_id)
    if change.family is Family.ATTACHMENT:
        return _named(labels.field["interface"], change.resource_id)
    if change.group.id is None and change.group.name is None:
        return _named(labels.field["vpc"], change.group.vpc_id)
    return _named(labels.field["group"], change.group.id, change.group.name, change.group.vpc_id)


def _named(name: str, *texts: str | None) -> Field:
    return Field(ours(name), tuple([code(each) for each in texts if each]))


def _outcome(alert: Alert, outcome: Outcome, labels: Labels) -> Field:
    """What became of a call that did not do what it asked for: in words, and in those of AWS."""
    return Field(ours(labels.field["outcome"]), (labels.outcome[outcome], *map(code, _errors(alert, outcome))))


def _errors(alert: Alert, outcome: Outcome) -> list[str]:
    """What AWS answered to a call that failed: its code, and its sentence unless that is a refusal's essay."""
    sentence = alert.call.record.get("errorMessage") if outcome is Outcome.FAILED else None
    said = [alert.call.error_code or "", sentence if isinstance(sentence, str) else ""]
    return list(dict.fromkeys(each for each in said if each))


def times(alert: Alert) -> Iterator[str]:
    """In the zone of the account, and in UTC when that is another."""
    if alert.call.time is None:
        return
    local = local_time(alert.call.time, alert.account.timezone)
    utc = utc_time(alert.call.time)
    yield local
    if utc != local:
        yield utc
