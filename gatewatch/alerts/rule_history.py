"""The last known state of each rule. ModifySecurityGroupRules contains neither the previous rule nor its direction."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

import msgspec

from gatewatch.model.change import Action, Change, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.security_group import SecurityGroupRule

    Known = dict[str, SecurityGroupRule]

_MAX_RULES = 50_000
_REMOVES = frozenset({Action.REVOKE, Action.DELETE})
_CHANGES = frozenset({Action.MODIFY, Action.DESCRIBE})
_BY_ID = _REMOVES | {Action.DESCRIBE}
_MAX_ID_LENGTH = 100  # an event can have any text as rule id; DynamoDB limits the length of a key


class RuleHistory(Protocol):
    """Rules by account and rule id. One read and one write per call."""

    def rules_before(self, call: ApiCall, rule_ids: Collection[str]) -> Mapping[str, SecurityGroupRule]:
        """Return the rules as they were before this call, as far as they are known."""
        ...

    def save_after(self, call: ApiCall, rules: Mapping[str, SecurityGroupRule | None]) -> None:
        """Save the rules as they are after this call; None deletes a rule."""
        ...


class InMemoryRuleHistory:
    """The most recent rules of this process, at most `limit`."""

    def __init__(self, limit: int = _MAX_RULES) -> None:
        self._limit = limit
        self._rules: OrderedDict[tuple[str, str], SecurityGroupRule] = OrderedDict()

    def rules_before(self, call: ApiCall, rule_ids: Collection[str]) -> Mapping[str, SecurityGroupRule]:
        return {each: rule for each in rule_ids if (rule := self._rules.get((call.account_id, each)))}

    def save_after(self, call: ApiCall, rules: Mapping[str, SecurityGroupRule | None]) -> None:
        for rule_id, rule in rules.items():
            self._rules.pop((call.account_id, rule_id), None)
            if rule is not None:
                self._rules[call.account_id, rule_id] = rule
        while len(self._rules) > self._limit:
            self._rules.popitem(last=False)


def with_rule_history(changes: Sequence[Change], call: ApiCall, history: RuleHistory) -> tuple[Change, ...]:
    """Return the changes with the known state of their rules, and save their new state."""
    rule_ids = {each.rule.rule_id for each in changes if each.rule.rule_id and len(each.rule.rule_id) <= _MAX_ID_LENGTH}
    if not rule_ids:
        return tuple(changes)
    before = history.rules_before(call, rule_ids)
    known: Known = dict(before)
    completed = tuple(_with_known_rule(change, known) for change in changes)
    after = {each: known.get(each) for each in rule_ids if known.get(each) != before.get(each)}
    if after:
        history.save_after(call, after)
    return completed


def _with_known_rule(change: Change, known: Known) -> Change:
    rule_id = change.rule.rule_id
    if rule_id is None:
        return change
    if change.action in _BY_ID and change.rule.is_empty:
        change = msgspec.structs.replace(change, rule_before=known.get(rule_id))
    if change.action in _CHANGES:
        change = _with_previous(change, known.get(rule_id))
    if change.outcome is Outcome.APPLIED:
        _update_known(change, rule_id, known)
    return change


def _with_previous(change: Change, previous: SecurityGroupRule | None) -> Change:
    if previous is None:
        return change
    rule = msgspec.structs.replace(change.rule, direction=change.rule.direction or previous.direction)
    same_access = rule.traffic == previous.traffic and rule.peer == previous.peer
    action = Action.DESCRIBE if same_access and rule.description != previous.description else change.action
    known = previous if change.action is Action.MODIFY else None
    return msgspec.structs.replace(change, rule=rule, previous=known, action=action)


def _update_known(change: Change, rule_id: str, known: Known) -> None:
    """Forget a rule that was deleted or changed in an unknown way: no `previous` is better than a wrong one."""
    rule = change.rule
    if change.action in _REMOVES or not change.understood:
        known.pop(rule_id, None)
    elif rule.peer is not None and rule.traffic.protocol is not None:
        known[rule_id] = rule
    elif rule_id in known:
        known[rule_id] = _merge(known[rule_id], change)


def _merge(known: SecurityGroupRule, change: Change) -> SecurityGroupRule:
    """Apply a change that contains only some fields of the rule."""
    rule = change.rule
    is_text = change.action is Action.DESCRIBE
    return msgspec.structs.replace(
        known,
        traffic=rule.traffic if rule.traffic.protocol else known.traffic,
        peer=rule.peer or known.peer,
        description=rule.description if is_text else rule.description or known.description,
    )
