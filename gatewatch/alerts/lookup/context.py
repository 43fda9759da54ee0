"""What a call does not contain and its account can return: the name of the group, its rules, its network interfaces.

Pure functions: which lookup an alert needs, and the alert with its result. A result is of a moment after the call, so
it never tells the state before it. Severity and routing do not depend on a looked-up name or interface; the direction
of a rule counts, because it cannot be changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.alerts.reachability.check import check_reachability, openness
from gatewatch.alerts.reachability.network import Network
from gatewatch.model.alert import Alert, AssessedChange
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.network_interfaces import NetworkInterfaceSummary
from gatewatch.model.security_group import NO_GROUP, Direction, Group, SecurityGroupRule
from gatewatch.model.severity import Exposure, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.model.reachability import Reachability

_GROUP = re.compile(r"sg-[0-9a-f]{8,17}")
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_ADDING = frozenset({Action.AUTHORIZE, Action.MODIFY})
_RULE_ACTIONS = frozenset({*_ADDING, Action.REVOKE, Action.DESCRIBE})
_BROAD = frozenset({Exposure.WORLD, Exposure.WIDE})
_RULE_BEFORE = attrgetter("rule_before")


class LookupPart(StrEnum):
    """What can be looked up about a group, most useful first."""

    NETWORK_INTERFACES = "network_interfaces"
    GROUP = "group"
    RULES = "rules"


class LookupRequest(Struct, frozen=True):
    account_id: str
    region: str
    group_id: str
    parts: frozenset[LookupPart]


class CurrentRules(Struct, frozen=True):
    at: datetime
    by_id: Mapping[str, SecurityGroupRule]


class GroupContext(Struct, frozen=True, kw_only=True):
    """The result of a lookup; a part that was not returned is empty."""

    group: Group = NO_GROUP
    network_interfaces: NetworkInterfaceSummary | None = None
    network: Network | None = None
    rules: CurrentRules | None = None


NO_CONTEXT = GroupContext()


def lookup_request_for(alert: Alert) -> LookupRequest | None:
    """Return None when a lookup would not help: another family, not applied, or no group id."""
    applied = [each for each in alert.changes if _is_applied_rule_change(each.change)]
    group_id = next((each.change.group.id for each in applied if each.change.group.id), "")
    if not (_GROUP.fullmatch(group_id) and _ACCOUNT.fullmatch(alert.account.id) and alert.call.region):
        return None
    parts = frozenset(_parts(applied))
    return LookupRequest(alert.account.id, alert.call.region, group_id, parts) if parts else None


def _is_applied_rule_change(change: Change) -> bool:
    is_of_rule = change.family is Family.SECURITY_GROUP and change.action in _RULE_ACTIONS
    return is_of_rule and change.outcome is Outcome.APPLIED


def _parts(applied: Sequence[AssessedChange]) -> Iterator[LookupPart]:
    if any(map(_opens, applied)):
        yield from LookupPart
        return
    if any(_is_rule_unknown(each.change) for each in applied):
        yield LookupPart.RULES
    if any(_lacks_group_name(each.change) for each in applied):
        yield LookupPart.GROUP


def _opens(assessed: AssessedChange) -> bool:
    """Return whether a change allows broad or otherwise serious inbound traffic."""
    change, assessment = assessed.change, assessed.assessment
    is_inbound = change.action in _ADDING and change.rule.direction is not Direction.EGRESS
    return is_inbound and (assessment.exposure in _BROAD or assessment.severity.rank >= Severity.MEDIUM.rank)


def _is_rule_unknown(change: Change) -> bool:
    """Return whether the rule still exists and the call has only its id; a Modify never has the direction."""
    is_without_direction = change.action is Action.MODIFY and change.rule.direction is None
    return bool(change.rule.rule_id) and (is_without_direction or _is_described_by_id(change))


def _is_described_by_id(change: Change) -> bool:
    return change.action is Action.DESCRIBE and change.rule.is_empty and change.rule_before is None


def _lacks_group_name(change: Change) -> bool:
    is_complete = change.group.name and change.group.vpc_id
    return change.rule.direction is not Direction.EGRESS and not is_complete


def with_current_rules(changes: Sequence[Change], context: GroupContext) -> tuple[Change, ...]:
    """Return the changes with the looked-up fields of their rules that the call does not contain."""
    if context.rules is None and not any(map(_RULE_BEFORE, changes)):
        return tuple(changes)
    return tuple(_with_current_rule(each, context) for each in changes)


def _with_current_rule(change: Change, context: GroupContext) -> Change:
    """A deleted rule is known from the rule history only, an existing one from the lookup as well."""
    if change.rule_before is not None and change.rule.is_empty:
        return _with_known_rule(change, change.rule_before)
    rules = context.rules
    current = rules.by_id.get(change.rule.rule_id or "") if rules else None
    if rules is None or current is None or not _is_rule_unknown(change) or change.outcome is not Outcome.APPLIED:
        return change
    if change.action is Action.DESCRIBE:
        return msgspec.structs.replace(_with_known_rule(change, current), observed_at=rules.at)
    rule = msgspec.structs.replace(change.rule, direction=current.direction)
    return msgspec.structs.replace(change, rule=rule)


def _with_known_rule(change: Change, known: SecurityGroupRule) -> Change:
    """Return the change with the known rule; a call that changes the description has the newer one."""
    is_text = change.action is Action.DESCRIBE
    rule = msgspec.structs.replace(known, description=change.rule.description) if is_text else known
    return msgspec.structs.replace(change, rule=rule)


def with_context(alert: Alert, context: GroupContext) -> Alert:
    """Return the alert with the looked-up name and VPC of the group, and its network interfaces.

    Interfaces are shown only for changes that allow inbound traffic.
    """
    if context is NO_CONTEXT:
        return alert
    changes = tuple(
        AssessedChange(_with_group_name(each.change, context.group), each.assessment) for each in alert.changes
    )
    opening = [each for each in changes if _is_applied_rule_change(each.change) and _opens(each)]
    interfaces = context.network_interfaces if opening else None
    reachability = _reachability(opening, context.network)
    return msgspec.structs.replace(alert, changes=changes, network_interfaces=interfaces, reachability=reachability)


def _reachability(opening: Sequence[AssessedChange], network: Network | None) -> Reachability | None:
    """Return the most open answer of the rules that a call opened; None when nothing was looked up."""
    rules = [each.change.rule for each in opening]
    if network is None:
        return None
    checked = (check_reachability(each.peer, each.traffic, network) for each in rules if each.peer)
    return max((each for each in checked if each), key=openness, default=None)


def _with_group_name(change: Change, group: Group) -> Change:
    if change.family is not Family.SECURITY_GROUP or change.group.id is None or change.group.id != group.id:
        return change
    name, vpc_id = change.group.name or group.name, change.group.vpc_id or group.vpc_id
    return msgspec.structs.replace(change, group=Group(id=group.id, name=name, vpc_id=vpc_id))
