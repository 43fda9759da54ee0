"""What each rule last looked like. A ModifySecurityGroupRules says neither what was there before nor which way."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

import msgspec

from gatewatch.model import Action, Change, Outcome, SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Sequence

_REMEMBERED = 50_000


class Memory(Protocol):
    """Rules by account and rule id; an account can only speak of its own."""

    def recall(self, account_id: str, rule_id: str) -> SecurityGroupRule | None: ...

    def keep(self, account_id: str, rule: SecurityGroupRule) -> None: ...

    def forget(self, account_id: str, rule_id: str) -> None: ...


class RecentRules:
    """The rules seen most recently, in this process, bounded in number."""

    def __init__(self, limit: int = _REMEMBERED) -> None:
        self._limit = limit
        self._rules: OrderedDict[tuple[str, str], SecurityGroupRule] = OrderedDict()

    def recall(self, account_id: str, rule_id: str) -> SecurityGroupRule | None:
        return self._rules.get((account_id, rule_id))

    def keep(self, account_id: str, rule: SecurityGroupRule) -> None:
        if rule.rule_id is None:
            return
        self._rules[account_id, rule.rule_id] = rule
        self._rules.move_to_end((account_id, rule.rule_id))
        if len(self._rules) > self._limit:
            self._rules.popitem(last=False)

    def forget(self, account_id: str, rule_id: str) -> None:
        self._rules.pop((account_id, rule_id), None)


def recalled(changes: Sequence[Change], account_id: str, memory: Memory) -> tuple[Change, ...]:
    """The changes with what memory knows of their rules; memory then holds the rules' new form."""
    return tuple(_recalled(change, account_id, memory) for change in changes)


def _recalled(change: Change, account_id: str, memory: Memory) -> Change:
    rule_id = change.rule.rule_id
    if rule_id is None:
        return change
    if change.action in {Action.MODIFY, Action.DESCRIBE}:
        change = _with_previous(change, memory.recall(account_id, rule_id))
    if change.outcome is Outcome.APPLIED:
        _remember(change, rule_id, account_id, memory)
    return change


def _with_previous(change: Change, previous: SecurityGroupRule | None) -> Change:
    if previous is None:
        return change
    rule = msgspec.structs.replace(change.rule, direction=change.rule.direction or previous.direction)
    same_access = rule.traffic == previous.traffic and rule.peer == previous.peer
    action = Action.DESCRIBE if same_access and rule.description != previous.description else change.action
    known = previous if change.action is Action.MODIFY else None
    return msgspec.structs.replace(change, rule=rule, previous=known, action=action)


def _remember(change: Change, rule_id: str, account_id: str, memory: Memory) -> None:
    """Better no `previous` than a wrong one: a rule that is gone, or changed in an unknown way, is forgotten."""
    if change.action is Action.REVOKE or not change.understood:
        memory.forget(account_id, rule_id)
        return
    rule = change.rule
    if rule.peer is None or rule.traffic.protocol is None:
        known = memory.recall(account_id, rule_id)
        if known is None:
            return
        rule = _overlaid(known, change)
    memory.keep(account_id, rule)


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
