"""What each rule last looked like. A ModifySecurityGroupRules says neither what was there before nor which way."""

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

_REMEMBERED = 50_000
_BY_ID = frozenset({Action.REVOKE, Action.DESCRIBE})
_LONGEST_ID = 100  # an event may hold anything where `sgr-…` should be, and a key of the table may not


class Memory(Protocol):
    """Rules by account and rule id; an account can only speak of its own. One look and one note for each call."""

    def recall(self, call: ApiCall, rule_ids: Collection[str]) -> Mapping[str, SecurityGroupRule]:
        """What these rules were before this call, as far as it is known."""
        ...

    def remember(self, call: ApiCall, forms: Mapping[str, SecurityGroupRule | None]) -> None:
        """What the rules are after this call; None for one to be forgotten."""
        ...


class RecentRules:
    """The rules seen most recently, in this process, bounded in number."""

    def __init__(self, limit: int = _REMEMBERED) -> None:
        self._limit = limit
        self._rules: OrderedDict[tuple[str, str], SecurityGroupRule] = OrderedDict()

    def recall(self, call: ApiCall, rule_ids: Collection[str]) -> Mapping[str, SecurityGroupRule]:
        found = ((each, self._rules.get((call.account_id, each))) for each in rule_ids)
        return {rule_id: rule for rule_id, rule in found if rule is not None}

    def remember(self, call: ApiCall, forms: Mapping[str, SecurityGroupRule | None]) -> None:
        for rule_id, rule in forms.items():
            self._rules.pop((call.account_id, rule_id), None)
            if rule is not None:
                self._rules[call.account_id, rule_id] = rule
        while len(self._rules) > self._limit:
            self._rules.popitem(last=False)


def recalled(changes: Sequence[Change], call: ApiCall, memory: Memory) -> tuple[Change, ...]:
    """The changes with what memory knows of their rules; memory then holds the rules' new form."""
    rule_ids = {each.rule.rule_id for each in changes if each.rule.rule_id and len(each.rule.rule_id) <= _LONGEST_ID}
    if not rule_ids:
        return tuple(changes)
    before = memory.recall(call, rule_ids)
    known: Known = dict(before)
    told = tuple(_recalled(change, known) for change in changes)
    forms = {each: known.get(each) for each in rule_ids if known.get(each) != before.get(each)}
    if forms:
        memory.remember(call, forms)
    return told


def _recalled(change: Change, known: Known) -> Change:
    rule_id = change.rule.rule_id
    if rule_id is None:
        return change
    if change.action in _BY_ID and change.rule.says_nothing:
        change = msgspec.structs.replace(change, remembered=known.get(rule_id))
    if change.action in {Action.MODIFY, Action.DESCRIBE}:
        change = _with_previous(change, known.get(rule_id))
    if change.outcome is Outcome.APPLIED:
        _note(change, rule_id, known)
    return change


def _with_previous(change: Change, previous: SecurityGroupRule | None) -> Change:
    if previous is None:
        return change
    rule = msgspec.structs.replace(change.rule, direction=change.rule.direction or previous.direction)
    same_access = rule.traffic == previous.traffic and rule.peer == previous.peer
    action = Action.DESCRIBE if same_access and rule.description != previous.description else change.action
    known = previous if change.action is Action.MODIFY else None
    return msgspec.structs.replace(change, rule=rule, previous=known, action=action)


def _note(change: Change, rule_id: str, known: Known) -> None:
    """Better no `previous` than a wrong one: a rule that is gone, or changed in an unknown way, is forgotten."""
    rule = change.rule
    if change.action is Action.REVOKE or not change.understood:
        known.pop(rule_id, None)
    elif rule.peer is not None and rule.traffic.protocol is not None:
        known[rule_id] = rule
    elif rule_id in known:
        known[rule_id] = _overlaid(known[rule_id], change)


def _overlaid(known: SecurityGroupRule, change: Change) -> SecurityGroupRule:
    """A change that names only a part of a rule leaves the rest of it as it was."""
    rule = change.rule
    is_text = change.action is Action.DESCRIBE
    return msgspec.structs.replace(
        known,
        traffic=rule.traffic if rule.traffic.protocol else known.traffic,
        peer=rule.peer or known.peer,
        description=rule.description if is_text else rule.description or known.description,
    )
