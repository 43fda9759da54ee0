"""Which broadly exposed rules a call opened, closed or narrowed.

A rule is identified by its id, where the call has one, and by direction, protocol, ports and peer.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from gatewatch.model.change import Action, Family, Outcome
from gatewatch.model.exposure import ExposureChange, RuleRef
from gatewatch.model.security_group import Direction
from gatewatch.model.severity import Exposure

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.security_group import SecurityGroupRule

_BROAD = frozenset({Exposure.WORLD, Exposure.WIDE})
_MAX_ID_LENGTH = 100
_OPENING_ACTIONS = frozenset({Action.AUTHORIZE, Action.MODIFY})
_INBOUND = frozenset({Direction.INGRESS, None})  # unknown counts as inbound
_FAMILY_AND_GROUP = attrgetter("change.family", "change.group.id")
APPLIED_RULE = (Family.SECURITY_GROUP, Outcome.APPLIED)


def exposure_change_of(alert: Alert) -> ExposureChange | None:
    """Return what a call exposed or closed.

    None for a call that opened, closed and narrowed nothing, or whose group or time is unknown.
    """
    changes = [each for each in alert.changes if _is_of_inbound_rules(each)]
    group_key = _group_path(alert, changes) if changes else ""
    if not group_key or alert.call.time is None:
        return None
    opened, closed, narrowed, closes_others = _effects(changes)
    if not (opened or closed or narrowed or closes_others):
        return None
    return ExposureChange(
        event_id=alert.call.event_id,
        group_key=group_key,
        at=alert.call.time.timestamp(),
        actor=alert.call.actor.name,
        opened=tuple(opened),
        closed=tuple(closed),
        narrowed=tuple(narrowed),
        closes_others=closes_others,
    )


def _effects(changes: list[AssessedChange]) -> tuple[list[RuleRef], list[RuleRef], list[RuleRef], bool]:
    """What the changes open, close and narrow, and whether one closes everything else."""
    opened: list[RuleRef] = []
    closed: list[RuleRef] = []
    narrowed: list[RuleRef] = []
    closes_others = False
    for each in changes:
        action = each.change.action
        if action in _OPENING_ACTIONS and each.assessment.exposure in _BROAD:
            opened += _refs(each)
        elif action is Action.MODIFY and each.change.rule.rule_id is not None:
            narrowed += _refs(each)
        elif action is Action.REVOKE:
            closed += _refs(each)
        elif action is Action.DELETE:
            closes_others = True
    return opened, closed, narrowed, closes_others


def group_key_of(alert: Alert) -> str:
    """Return `region/group id` of the one group that a call is about; empty when the event has no group id.

    A group name is not unique, so it is not used. A value too long to be an id is ignored.
    """
    groups = set(map(_FAMILY_AND_GROUP, alert.changes))
    family, group = groups.pop()
    key = f"{alert.call.region}/{group}" if group and not groups and family is Family.SECURITY_GROUP else ""
    return key if len(key) <= _MAX_ID_LENGTH else ""


def _is_of_inbound_rules(assessed: AssessedChange) -> bool:
    change = assessed.change
    is_applied = (change.family, change.outcome) == APPLIED_RULE and change.understood
    return is_applied and change.rule.direction in _INBOUND


def _group_path(alert: Alert, changes: list[AssessedChange]) -> str:
    """Return the group of the call as `account/Region/group`: a call changes one group."""
    named = (each.change.group.id or each.change.group.name for each in changes)
    group = next(filter(None, named), "")
    return f"{alert.account.id}/{alert.call.region}/{group}" if group else ""


def _refs(assessed: AssessedChange) -> tuple[RuleRef, ...]:
    ref = rule_ref(assessed.change.rule)
    return (ref,) if ref.rule_id or ref.shape else ()


def rule_ref(rule: SecurityGroupRule) -> RuleRef:
    """Return what identifies a rule in later events; both parts may be empty."""
    return RuleRef(rule.rule_id or "", _shape(rule))


def _shape(rule: SecurityGroupRule) -> str:
    """Return direction, protocol, ports and peer, by which EC2 tells rules apart; for a prefix list entry the peer."""
    traffic, peer = rule.traffic, rule.peer
    if peer is None or (rule.direction is None) != (traffic.protocol is None):
        return ""
    if rule.direction is None:
        return peer.text
    ports = f"{traffic.ports.first}-{traffic.ports.last}" if traffic.ports else ""
    icmp = f"{traffic.icmp.type}/{traffic.icmp.code}" if traffic.icmp else ""
    return f"{rule.direction} {traffic.protocol} {ports}{icmp} {peer.text}"
