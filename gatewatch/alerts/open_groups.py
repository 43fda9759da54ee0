"""Security groups with a rule that opens sensitive ports to the internet: a resource that gets one is open at once."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from msgspec import structs

from gatewatch.alerts.exposures import APPLIED_RULE, rule_ref
from gatewatch.model.change import Action, Family, Outcome
from gatewatch.model.exposure import RuleRef
from gatewatch.model.severity import Exposure, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gatewatch.model.alert import AssessedChange
    from gatewatch.model.api_call import ApiCall

Rules = frozenset[RuleRef]
_MAX_GROUPS = 10_000
_MAX_ID_LENGTH = 100  # an event may hold anything as a group id
_OPENING_ACTIONS = frozenset({Action.AUTHORIZE, Action.MODIFY})
_OPEN = (Exposure.WORLD, Severity.CRITICAL)
_APPLIED_ATTACHMENT = (Family.ATTACHMENT, Outcome.APPLIED, Action.ATTACH)
_CLOSING_ACTIONS = frozenset({Action.REVOKE, Action.MODIFY, Action.DELETE})


class OpenGroups(Protocol):
    """The open rules of groups, by account and group id; an account knows only its own groups."""

    def rules_before(self, call: ApiCall, group_ids: Collection[str]) -> Mapping[str, Rules]:
        """Return the open rules of these groups before the call, as far as known."""
        ...

    def save_after(self, call: ApiCall, rules: Mapping[str, Rules]) -> None:
        """Save the open rules after the call; none for a group that is closed."""
        ...


class InMemoryOpenGroups:
    """The groups that this process saw most recently."""

    def __init__(self, limit: int = _MAX_GROUPS) -> None:
        self._limit = limit
        self._rules: OrderedDict[tuple[str, str], Rules] = OrderedDict()

    def rules_before(self, call: ApiCall, group_ids: Collection[str]) -> Mapping[str, Rules]:
        return {each: self._rules.get((call.account_id, each), Rules()) for each in group_ids}

    def save_after(self, call: ApiCall, rules: Mapping[str, Rules]) -> None:
        for group_id, open_rules in rules.items():
            self._rules.pop((call.account_id, group_id), None)
            if open_rules:
                self._rules[call.account_id, group_id] = open_rules
        while len(self._rules) > self._limit:
            self._rules.popitem(last=False)


def with_open_groups(
    call: ApiCall, changes: Sequence[AssessedChange], open_groups: OpenGroups
) -> tuple[AssessedChange, ...]:
    """Return the changes with each attachment of an open group raised to high, and save what they opened and closed."""
    rule_changes = [each for each in changes if _changes_rules(each)]
    attachments = [each for each in changes if _is_attachment(each)]
    if not rule_changes and not attachments:
        return tuple(changes)
    group_ids = {each.change.group.id or "" for each in (*rule_changes, *attachments)}
    known_ids = {each for each in group_ids if 0 < len(each) <= _MAX_ID_LENGTH}
    if not known_ids:
        return tuple(changes)
    before = open_groups.rules_before(call, known_ids)
    after = dict(before)
    for each in rule_changes:
        group_id = each.change.group.id or ""
        if group_id in known_ids:
            after[group_id] = _rules_after(after.get(group_id, Rules()), each)
    if changed := {group_id: rules for group_id, rules in after.items() if rules != before.get(group_id, Rules())}:
        open_groups.save_after(call, changed)
    if not attachments:
        return tuple(changes)
    is_open = {group_id for group_id, rules in after.items() if rules}
    return tuple(
        _raised(each) if _is_attachment(each) and each.change.group.id in is_open else each for each in changes
    )


def _changes_rules(assessed: AssessedChange) -> bool:
    change = assessed.change
    is_applied = (change.family, change.outcome) == APPLIED_RULE and change.understood
    return is_applied and (_opens_sensitive_ports(assessed) or change.action in _CLOSING_ACTIONS)


def _opens_sensitive_ports(assessed: AssessedChange) -> bool:
    """A change that opens ports to the whole internet and is critical: they are sensitive."""
    assessment = assessed.assessment
    is_open = (assessment.exposure, assessment.severity) == _OPEN
    return is_open and assessed.change.action in _OPENING_ACTIONS


def _rules_after(rules: Rules, assessed: AssessedChange) -> Rules:
    if assessed.change.action is Action.DELETE:
        return Rules()
    ref = rule_ref(assessed.change.rule)
    others = Rules(each for each in rules if not each.matches(ref))
    return others | {ref} if _opens_sensitive_ports(assessed) else others


def _is_attachment(assessed: AssessedChange) -> bool:
    change = assessed.change
    return (change.family, change.outcome, change.action) == _APPLIED_ATTACHMENT


def _raised(assessed: AssessedChange) -> AssessedChange:
    assessment = assessed.assessment
    severity = max(assessment.severity, Severity.HIGH, key=lambda level: level.rank)
    reasons = (Reason("attached_open_group", {"group": assessed.change.group.id or ""}), *assessment.reasons)
    return structs.replace(assessed, assessment=structs.replace(assessment, severity=severity, reasons=reasons))
