"""What a call leaves out and its account can tell: the group's name, its rules, what it is attached to.

Pure: what is worth asking, and an alert with what was answered. Answers are of a moment after the call, so they say
how things stand then, and never how they were before. How serious an alert is and who hears of it does not depend on
a group's name or on what it is attached to; the direction of a rule counts, because nobody can change that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.model.alert import Alert, AssessedChange
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.network_interfaces import Attached
from gatewatch.model.security_group import NO_GROUP, Direction, Group, SecurityGroupRule
from gatewatch.model.severity import Exposure, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GROUP = re.compile(r"sg-[0-9a-f]{8,17}")
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_ADDS = frozenset({Action.AUTHORIZE, Action.MODIFY})
_OF_RULES = frozenset({*_ADDS, Action.REVOKE, Action.DESCRIBE})
_MANY = frozenset({Exposure.WORLD, Exposure.WIDE})


class Part(StrEnum):
    """What can be asked about a group, in the order of its worth."""

    ATTACHED = "attached"
    GROUP = "group"
    RULES = "rules"


class Question(Struct, frozen=True):
    account_id: str
    region: str
    group_id: str
    parts: frozenset[Part]


class StandingRules(Struct, frozen=True):
    at: datetime
    by_id: Mapping[str, SecurityGroupRule]


class Surroundings(Struct, frozen=True, kw_only=True):
    """What was answered; what was not is empty."""

    group: Group = NO_GROUP
    attached: Attached | None = None
    rules: StandingRules | None = None


NOTHING_SEEN = Surroundings()


def question_of(alert: Alert) -> Question | None:
    """None for an alert that an answer would not help: of another family, not applied, or of a group unnamed."""
    told = [each for each in alert.changes if _is_applied_rule_change(each.change)]
    group_id = next((each.change.group.id for each in told if each.change.group.id), "")
    if not (_GROUP.fullmatch(group_id) and _ACCOUNT.fullmatch(alert.account.id) and alert.call.region):
        return None
    parts = frozenset(_parts(told))
    return Question(alert.account.id, alert.call.region, group_id, parts) if parts else None


def _is_applied_rule_change(change: Change) -> bool:
    is_of_rule = change.family is Family.SECURITY_GROUP and change.action in _OF_RULES
    return is_of_rule and change.outcome is Outcome.APPLIED


def _parts(told: Sequence[AssessedChange]) -> Iterator[Part]:
    if any(map(_opens, told)):
        yield from Part
        return
    if any(_is_rule_unknown(each.change) for each in told):
        yield Part.RULES
    if any(_is_nameless(each.change) for each in told):
        yield Part.GROUP


def _opens(assessed: AssessedChange) -> bool:
    """Something came in that many can use, or that is serious for another reason."""
    change, verdict = assessed.change, assessed.assessment
    is_inbound = change.action in _ADDS and change.rule.direction is not Direction.EGRESS
    return is_inbound and (verdict.exposure in _MANY or verdict.severity.rank >= Severity.MEDIUM.rank)


def _is_rule_unknown(change: Change) -> bool:
    """A rule that still stands and of which the call says its id only; a Modify never says which way it goes."""
    is_without_direction = change.action is Action.MODIFY and change.rule.direction is None
    return bool(change.rule.rule_id) and (is_without_direction or _is_described_by_id(change))


def _is_described_by_id(change: Change) -> bool:
    return change.action is Action.DESCRIBE and change.rule.says_nothing and change.remembered is None


def _is_nameless(change: Change) -> bool:
    is_complete = change.group.name and change.group.vpc_id
    return change.rule.direction is not Direction.EGRESS and not is_complete


def completed(changes: Sequence[Change], seen: Surroundings) -> tuple[Change, ...]:
    """The changes with what the call did not say of their rules and what is known for certain."""
    return tuple(_completed(each, seen) for each in changes)


def _completed(change: Change, seen: Surroundings) -> Change:
    """A rule that is gone is known by what is remembered; one that stands, by what was seen as well."""
    if change.remembered is not None and change.rule.says_nothing:
        return _as(change, change.remembered)
    stands = seen.rules.by_id.get(change.rule.rule_id or "") if seen.rules else None
    if seen.rules is None or stands is None or not _is_rule_unknown(change) or change.outcome is not Outcome.APPLIED:
        return change
    if change.action is Action.DESCRIBE:
        return msgspec.structs.replace(_as(change, stands), seen_at=seen.rules.at)
    rule = msgspec.structs.replace(change.rule, direction=stands.direction)
    return msgspec.structs.replace(change, rule=rule)


def _as(change: Change, known: SecurityGroupRule) -> Change:
    """The rule as it is known; a call that changed its text knows that better."""
    is_text = change.action is Action.DESCRIBE
    rule = msgspec.structs.replace(known, description=change.rule.description) if is_text else known
    return msgspec.structs.replace(change, rule=rule)


def surrounded(alert: Alert, seen: Surroundings) -> Alert:
    """The alert with the group's name and VPC where the call does not say them, and what the group is attached to.

    That is told of what opens something, and of nothing else.
    """
    if seen is NOTHING_SEEN:
        return alert
    changes = tuple(AssessedChange(_named(each.change, seen.group), each.assessment) for each in alert.changes)
    opens = any(_is_applied_rule_change(each.change) and _opens(each) for each in changes)
    return msgspec.structs.replace(alert, changes=changes, attached=seen.attached if opens else None)


def _named(change: Change, group: Group) -> Change:
    if change.family is not Family.SECURITY_GROUP or change.group.id is None or change.group.id != group.id:
        return change
    name, vpc_id = change.group.name or group.name, change.group.vpc_id or group.vpc_id
    return msgspec.structs.replace(change, group=Group(id=group.id, name=name, vpc_id=vpc_id))
