"""The fields of a message: name and lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup
from msgspec import Struct, structs

from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.change import Family, Outcome
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.resource import ResourceFacts
from gatewatch.rendering.escaping import as_markup, code, format_safe, join_safe, mrkdwn, trusted_label
from gatewatch.rendering.text.iam import iam_subject
from gatewatch.rendering.text.network_interfaces import interface_count, interface_lines
from gatewatch.rendering.text.reachability import reachability_line
from gatewatch.rendering.text.source_network import source_text
from gatewatch.rendering.time_text import local_time, utc_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.change import Change
    from gatewatch.model.severity import Reason
    from gatewatch.rendering.text.labels import Labels

_MAX_IN_PLACE = 48  # of each value: all lines together leave room for what decides beside them
_MAX_PLACE = 340
_NAMED_BESIDE_RULE = frozenset({Family.SECURITY_GROUP, Family.PREFIX_LIST, Family.ATTACHMENT})
_RESOURCE_FIELDS = {
    Family.PREFIX_LIST: "prefix_list",
    Family.HUB: "monitoring_component",
    Family.ATTACHMENT: "interface",
}
SHOWN_AS_FIELDS = frozenset({"compliance_first", "compliance_states"})


class Field(Struct, frozen=True):
    """Lines that are not Markup are escaped by the template."""

    name: Markup
    lines: tuple[str, ...]

    def is_in(self, text: Markup) -> bool:
        """Whether a text has every line of the field."""
        return all(line in text for line in self.lines)


def alert_fields(alert: Alert, assessed: AssessedChange, labels: Labels) -> tuple[Field, ...]:
    """The fields in reading order; a field without lines is left out. `assessed` is the change of the headline."""
    call, unknown = alert.call, labels.field["unknown"]
    fields = [_account(alert, labels), _field(labels.field["region"], code(call.region) or code(unknown))]
    if name := caller(alert, labels):
        fields.append(_field(labels.field["actor"], *_actor_lines(alert, name, labels)))
        address = code(call.source_ip or "") or code(unknown)
        fields.append(_field(labels.field["source_ip"], source_text(address, alert.source_network, labels)))
    fields.extend(subject_fields(assessed, labels))
    if alert.network_interfaces:
        lines = interface_lines(alert.network_interfaces, alert.account.timezone, labels)
        answer = [reachability_line(alert.reachability, labels)] if alert.reachability else []
        fields.append(_field(labels.network_interfaces["name"], *answer, *lines))
    if assessed.change.outcome is not Outcome.APPLIED:
        fields.append(_outcome(alert, assessed.change.outcome, labels))
    fields.append(_field(labels.field["time"], *(times(alert) or (code(unknown),))))
    return tuple([each for each in fields if each.lines])


def place_text(alert: Alert, assessed: AssessedChange, labels: Labels) -> Markup:
    """Account, Region, caller and source address; then the group or list; then whether it can be reached, if short."""
    account, call = alert.account, alert.call
    name = caller(alert, labels)
    alias = account.alias if account.known else f"{account.alias} {account.id}".strip()
    values = (alias, call.region, name.partition(" (")[0], call.source_ip if name else "")
    texts = [code(each, _MAX_IN_PLACE) for each in values if each]
    if alert.source_network and call.source_ip and name:
        texts[-1] = source_text(texts[-1], structs.replace(alert.source_network, provider=""), labels)
    lines = [join_safe(" · ", texts)]
    if subject := _subject(alert, assessed, labels):
        lines.append(subject)
    if alert.reachability:
        answer = reachability_line(alert.reachability, labels, brief=True)
        if sum(map(len, (*lines, answer))) <= _MAX_PLACE:
            lines.append(answer)
    return join_safe("\n", lines)


def _subject(alert: Alert, assessed: AssessedChange, labels: Labels) -> Markup:
    """The security group or prefix list, which the headline does not name, with the number of its interfaces."""
    if assessed.change.family not in _NAMED_BESIDE_RULE:
        return Markup()
    name, ids = _resource_values(assessed.change)
    texts = [code(each, _MAX_IN_PLACE) for each in ids[:2] if each]
    if alert.network_interfaces:
        texts.append(mrkdwn(interface_count(alert.network_interfaces, labels)))
    listed = join_safe(" · ", texts)
    return as_markup(f"*{trusted_label(labels.field[name])}* {listed}") if texts else Markup()


def caller(alert: Alert, labels: Labels) -> str:
    """The name of the actor; empty for a finding of AWS Config, which no one called."""
    if alert.worst.change.family is Family.COMPLIANCE:
        return ""
    name = alert.call.actor.name
    return labels.field["unknown"] if name == UNKNOWN else name


def _actor_lines(alert: Alert, name: str, labels: Labels) -> Iterator[Markup]:
    """The name with the access method; then MFA, access key, and the source identity from which the name comes."""
    actor, chosen = alert.call.actor, alert.call.source_identity
    yield join_safe(" · ", (code(name), trusted_label(labels.via[alert.call.via])))
    facts = [trusted_label(labels.field["mfa_yes" if actor.mfa else "mfa_no"])] if actor.mfa is not None else []
    if actor.access_key:
        facts.append(join_safe(" ", (trusted_label(labels.field["access_key"]), code(actor.access_key))))
    if chosen:
        facts.append(join_safe(" ", (trusted_label(labels.field["source_identity"]), code(chosen))))
    if facts:
        yield join_safe(" · ", facts)


def _account(alert: Alert, labels: Labels) -> Field:
    account = alert.account
    lines = [join_safe(" ", filter(None, (code(account.alias), code(account.id))))]
    if account.owner:
        lines.append(join_safe(" ", (trusted_label(labels.field["owner"]), code(account.owner))))
    return _field(labels.field["account"], *lines)


def subject_fields(assessed: AssessedChange, labels: Labels) -> Iterator[Field]:
    """What the call is about: a group, prefix list, interface or IAM entity, or the resource that Config evaluated."""
    change = assessed.change
    if isinstance(change.facts, ComplianceFacts):
        yield _code_field(labels.field["config_rule"], change.facts.rule)
        yield _code_field(labels.field["resource"], change.facts.resource_type, change.resource_id)
        if change.facts.new:
            states = (each for each in assessed.assessment.reasons if each.code in SHOWN_AS_FIELDS)
            yield _field(labels.field["state"], *(_with_values_as_code(each, labels) for each in states))
    elif change.family in {Family.IAM, Family.SIGN_IN}:
        if subject := iam_subject(change, labels):
            yield _code_field(subject.name, *subject.texts)
    elif isinstance(change.facts, ResourceFacts):
        kind = labels.resource_kind[change.facts.resource.kind]
        yield _code_field(kind[:1].upper() + kind[1:], change.resource_id)
    else:
        yield _resource(change, labels)


def _with_values_as_code(reason: Reason, labels: Labels) -> Markup:
    return format_safe(labels.reason[reason.code], {name: code(value) for name, value in reason.values.items()})


def _resource(change: Change, labels: Labels) -> Field:
    name, values = _resource_values(change)
    return _code_field(labels.field[name], *values)


def _resource_values(change: Change) -> tuple[str, tuple[str | None, ...]]:
    """The key of the field, and the ids and names."""
    if name := _RESOURCE_FIELDS.get(change.family):
        return name, (change.resource_id,)
    if change.group.id is None and change.group.name is None:
        return "vpc", (change.group.vpc_id,)
    return "group", (change.group.id, change.group.name, change.group.vpc_id)


def _field(name: str, *lines: str) -> Field:
    return Field(trusted_label(name), lines)


def _code_field(name: str, *values: str | None) -> Field:
    return _field(name, *[code(each) for each in values if each])


def _outcome(alert: Alert, outcome: Outcome, labels: Labels) -> Field:
    """Why the call had no effect, with AWS's error."""
    return _field(labels.field["outcome"], labels.outcome[outcome], *map(code, _errors(alert, outcome)))


def _errors(alert: Alert, outcome: Outcome) -> list[str]:
    """The error code, and the error message of a failed call; that of a denied call only repeats the policy."""
    message = alert.call.record.get("errorMessage") if outcome is Outcome.FAILED else None
    errors = [alert.call.error_code or "", message if isinstance(message, str) else ""]
    return list(dict.fromkeys(each for each in errors if each))


def times(alert: Alert) -> tuple[str, ...]:
    """In the time zone of the account, and in UTC when that differs; empty when the event had no time."""
    if alert.call.time is None:
        return ()
    local, utc = local_time(alert.call.time, alert.account.timezone), utc_time(alert.call.time)
    return (local,) if utc == local else (local, utc)
