"""The rows of `gatewatch replay --format json`: one for each change, always with every key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.model.change import Family
from gatewatch.rendering.time_text import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.security_group import SecurityGroupRule
    from gatewatch.rendering.text.labels import Labels


class Row(Struct, frozen=True, kw_only=True):
    """One change as JSON. Keys may be added but not renamed."""

    event_id: str
    event_name: str
    time: str
    account_id: str
    account_alias: str
    region: str
    family: str
    action: str
    outcome: str
    direction: str | None
    group_id: str | None
    group_name: str | None
    vpc_id: str | None
    rule_id: str | None
    protocol: str | None
    from_port: int | None
    to_port: int | None
    icmp_type: int | None
    icmp_code: int | None
    peer_kind: str | None
    peer: str | None
    description: str | None
    previous: dict[str, Any] | None
    severity: str
    reasons: tuple[str, ...]
    actor: str
    actor_type: str
    source_ip: str | None
    via: str
    cloudtrail_url: str
    understood: bool
    resource_id: str | None
    source_identity: str | None
    delegate_account: str | None


# Line separators for many programs, though not for JSON: escaped, so that every row stays one line.
_LINE_ENDS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))
_ENCODER = msgspec.json.Encoder()


def encode_row(row: Row) -> bytes:
    """Return a row as one line of JSON, with its end."""
    line = _ENCODER.encode(row)
    for end, escape in _LINE_ENDS:
        line = line.replace(end, escape)
    return line + b"\n"


def rows(alert: Alert, english: Labels) -> Iterator[Row]:
    """The changes of an alert in order. Reasons are in English for every account."""
    return (_row(alert, each, english) for each in alert.changes)


def _row(alert: Alert, assessed: AssessedChange, english: Labels) -> Row:
    call, change, group = alert.call, assessed.change, assessed.change.group
    return Row(
        event_id=call.event_id,
        event_name=call.event_name,
        time=rfc3339(call.time),
        account_id=call.account_id,
        account_alias=alert.account.alias,
        region=call.region,
        family=change.family,
        action=change.action,
        outcome=change.outcome,
        group_id=group.id,
        group_name=group.name,
        vpc_id=group.vpc_id,
        rule_id=None if change.family is Family.NETWORK else change.rule.rule_id,
        **_rule(change.rule),
        previous=_known(change.previous),
        severity=assessed.assessment.severity,
        reasons=tuple(english.reason_text(reason) for reason in assessed.assessment.reasons),
        actor=call.actor.name,
        actor_type=call.actor.type,
        source_ip=call.source_ip,
        via=call.via,
        cloudtrail_url=alert.links.event,
        understood=change.understood,
        resource_id=change.resource_id,
        source_identity=call.source_identity,
        delegate_account=call.delegate_account,
    )


def _rule(rule: SecurityGroupRule) -> dict[str, Any]:
    traffic, peer = rule.traffic, rule.peer
    return {
        "direction": rule.direction,
        "protocol": traffic.protocol,
        "from_port": traffic.ports.first if traffic.ports else None,
        "to_port": traffic.ports.last if traffic.ports else None,
        "icmp_type": traffic.icmp.type if traffic.icmp else None,
        "icmp_code": traffic.icmp.code if traffic.icmp else None,
        "peer_kind": peer.kind if peer else None,
        "peer": peer.text if peer else None,
        "description": rule.description,
    }


def _known(previous: SecurityGroupRule | None) -> dict[str, Any] | None:
    """The known keys of the previous rule."""
    if previous is None:
        return None
    return {key: value for key, value in _rule(previous).items() if value is not None}
