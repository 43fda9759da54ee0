"""Alert -> the gates it opened or closed: rules that let many in, by id and by what they let through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.change import Action, Family, Outcome
from gatewatch.model.exposure import Gate, RuleRef
from gatewatch.model.security_group import Direction
from gatewatch.model.severity import Exposure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.security_group import SecurityGroupRule
    from gatewatch.rendering.text.labels import Labels

_MANY = frozenset({Exposure.WORLD, Exposure.WIDE})
_LONGEST_ID = 100
_OPENS = frozenset({Action.AUTHORIZE, Action.MODIFY})


def gate_of(alert: Alert, labels: Labels) -> Gate | None:
    """Without a key, which its message gives it.

    None for a call that opened nothing to many and closed nothing, or does not say which group or when.
    """
    changes = [each for each in alert.changes if _is_of_inbound_rules(each)]
    place = _place(alert, changes)
    if not place or alert.call.time is None:
        return None
    gate = Gate(
        thread=alert.call.event_id,
        place=place,
        at=alert.call.time.timestamp(),
        who=labels.field["unknown"] if alert.call.actor.name == UNKNOWN else alert.call.actor.name,
        opened=tuple(_refs(each for each in changes if _opens(each))),
        closed=tuple(_refs(each for each in changes if each.change.action is Action.REVOKE)),
        narrowed=tuple(_refs(each for each in changes if _narrows(each))),
        is_group_deleted=any(each.change.action is Action.DELETE for each in changes),
        words=labels.thread,
    )
    return gate if gate.opened or gate.closed or gate.narrowed or gate.is_group_deleted else None


def group_of(alert: Alert) -> str:
    """The one security group that a call is about in its account, where the event says its id.

    A name may be that of any group, and what is too long to be an id names nothing.
    """
    groups = {each.change.group.id if each.change.family is Family.SECURITY_GROUP else None for each in alert.changes}
    (group, *others) = groups
    whole = f"{alert.call.region}/{group}" if group and not others else ""
    return whole if len(whole) <= _LONGEST_ID else ""


def _is_of_inbound_rules(assessed: AssessedChange) -> bool:
    change = assessed.change
    is_told = change.family is Family.SECURITY_GROUP and change.outcome is Outcome.APPLIED and change.understood
    return is_told and change.rule.direction is not Direction.EGRESS


def _place(alert: Alert, changes: list[AssessedChange]) -> str:
    """A call is about one group."""
    named = (each.change.group.id or each.change.group.name for each in changes)
    group = next(filter(None, named), "")
    return f"{alert.account.id}/{alert.call.region}/{group}" if group else ""


def _opens(assessed: AssessedChange) -> bool:
    return assessed.change.action in _OPENS and assessed.assessment.exposure in _MANY


def _narrows(assessed: AssessedChange) -> bool:
    is_modified = assessed.change.action is Action.MODIFY and assessed.change.rule.rule_id is not None
    return is_modified and assessed.assessment.exposure not in _MANY


def _refs(changes: Iterator[AssessedChange]) -> Iterator[RuleRef]:
    for each in changes:
        ref = rule_ref(each.change.rule)
        if ref.rule_id or ref.shape:
            yield ref


def rule_ref(rule: SecurityGroupRule) -> RuleRef:
    """What names a rule in whatever tells of it later; both parts may be empty."""
    return RuleRef(rule.rule_id or "", _shape(rule))


def _shape(rule: SecurityGroupRule) -> str:
    """What makes a rule in EC2 the same rule: its direction, protocol, ports and peer. An entry of a prefix list
    has nothing but its peer.
    """
    traffic, peer = rule.traffic, rule.peer
    if peer is None or (rule.direction is None) != (traffic.protocol is None):
        return ""
    if rule.direction is None:
        return peer.text
    ports = f"{traffic.ports.first}-{traffic.ports.last}" if traffic.ports else ""
    icmp = f"{traffic.icmp.type}/{traffic.icmp.code}" if traffic.icmp else ""
    return f"{rule.direction} {traffic.protocol} {ports}{icmp} {peer.text}"
