"""The rule history in the hub table, shared by all execution environments of functions/alert.

It never delays or fails a message for long: a rule that the table does not return in time is unknown.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.aws.hub_rows import JsonRows
from gatewatch.aws.hub_table import HubTableError
from gatewatch.aws.time_budget import TimeBudget
from gatewatch.model.security_group import SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from logging import Logger

    from gatewatch.aws.hub_table import HubTable
    from gatewatch.model.api_call import ApiCall

_MAX_WRITES_PER_LOOKUP = 200  # rules written after one lookup of a group; the next lookup writes the others
_MAX_UNWRITTEN = 2000  # rules that wait for the table, the latest ones
# EC2 is eventually consistent (EC2 developer guide, "Eventual consistency").
_EC2_LAG_SECONDS = 30.0
LOOKUP = "DescribeSecurityGroupRules"


class RuleState(Struct, frozen=True):
    """`now` is the rule after the call `by` at time `at`, `before` the rule before it, so that a retry gets the same.

    A row that is later than a call does not say how the rule was before that call. For a rule that was looked up,
    `at` is the time of the lookup, `by` is the name of the request, and `since` the time of the row that it replaced.
    """

    at: float
    by: str
    now: SecurityGroupRule
    before: SecurityGroupRule | None = None
    since: float = 0.0

    def before_call(self, call: ApiCall) -> SecurityGroupRule | None:
        if self.by == call.delivery_key:
            return self.before
        return None if self.at > _at(call) else self.now

    def is_older(self, call: ApiCall) -> bool:
        """Return whether the call is later than this row. A lookup may have missed a call just before it."""
        lag = _EC2_LAG_SECONDS if self.by == LOOKUP else 0.0
        return self.by != call.delivery_key and self.at <= _at(call) + lag

    def is_result_of(self, rule: SecurityGroupRule | None, at: float) -> bool:
        """Return whether a lookup saw what a call at a time made of the rule, before the event of the call arrived."""
        is_same = rule is not None and (self.now.traffic, self.now.peer) == (rule.traffic, rule.peer)
        return self.by == LOOKUP and is_same and at > self.since - _EC2_LAG_SECONDS

    def after_lookup(self, rule: SecurityGroupRule, at: float) -> RuleState | None:
        """Return the row after a lookup; None when nothing changes, or when the lookup may predate a call.

        The direction of a rule cannot be changed, so it is always taken. A new description alone does not replace
        the call: the rule still lets in what that call made it let in.
        """
        if self.now == rule:
            return None
        is_later = at > self.at + _EC2_LAG_SECONDS
        if (self.now.traffic, self.now.peer) == (rule.traffic, rule.peer):
            description = rule.description if is_later else self.now.description
            return msgspec.structs.replace(self, now=msgspec.structs.replace(rule, description=description))
        return RuleState(at, LOOKUP, rule, since=self.at) if is_later else None


RULES = JsonRows(
    prefix="rule", name="the rule history", lifetime=400 * 24 * 3600, value_type=RuleState, skips_undecodable=True
)


def states_after_lookup(
    account_id: str, known: Mapping[str, RuleState], rules: Mapping[str, SecurityGroupRule], at: float
) -> dict[str, RuleState]:
    """Return the rows that a lookup of rules changes, by the key of the row. `known` is by rule id."""
    found = {
        rule_id: known[rule_id].after_lookup(rule, at) if rule_id in known else RuleState(at, LOOKUP, rule)
        for rule_id, rule in rules.items()
    }
    return {rule_key(account_id, rule_id): state for rule_id, state in found.items() if state}


class DynamoRuleHistory:
    """The client of `table` should time out within a second. `monotonic` returns seconds."""

    def __init__(self, table: HubTable, log: Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._budget = TimeBudget(log, monotonic)
        self._log = log
        self._states_before: dict[str, RuleState] = {}
        self._unwritten: dict[str, RuleState | None] = {}

    def rules_before(self, call: ApiCall, rule_ids: Collection[str]) -> Mapping[str, SecurityGroupRule]:
        self._states_before = {}
        self._budget.run("rule history not read", partial(self._read, call.account_id, rule_ids, self._states_before))
        found = ((rule_id, state.before_call(call)) for rule_id, state in self._states_before.items())
        return {rule_id: rule for rule_id, rule in found if rule is not None}

    def save_after(self, call: ApiCall, rules: Mapping[str, SecurityGroupRule | None]) -> None:
        """A delayed earlier call does not overwrite the state after a later one."""
        states = {rule_id: self._state_after(call, rule_id, rule) for rule_id, rule in rules.items()}
        newer = {
            rule_key(call.account_id, each): state
            for each, state in states.items()
            if self._is_newer(call, each, rules[each])
        }
        if newer and call.time and not self._budget.run("rule history not written", partial(self._write, newer)):
            self._unwritten |= newer

    def save_unwritten(self) -> None:
        """Write what the table did not take in time, after all messages are sent; what fails is tried next time.

        A rule whose event is missing here is reported by the sweep as changed without an event.
        """
        late = dict(list(self._unwritten.items())[-_MAX_UNWRITTEN:])
        if not late:
            return
        try:
            known = dict(self._table.get_many(RULES, late))
            self._table.put_many(
                RULES, {key: state for key, state in late.items() if _is_latest(state, known.get(key))}
            )
        except HubTableError as error:
            self._log.warning("rule history still not written", extra={"reason": error.code})
            self._unwritten = late
            return
        self._unwritten = {}

    def _write(self, states: Mapping[str, RuleState | None], check_time: Callable[[], None]) -> bool:
        self._table.put_many(RULES, states, check_time)
        return True

    def save_current_rules(self, account_id: str, rules: Mapping[str, SecurityGroupRule], at: float) -> None:
        """Save the rules of a group as they were looked up at a time, in seconds since 1970."""
        self._budget.run("looked-up rules not written", partial(self._save_current_rules, account_id, rules, at))

    def _save_current_rules(
        self, account_id: str, rules: Mapping[str, SecurityGroupRule], at: float, check_time: Callable[[], None]
    ) -> None:
        known: dict[str, RuleState] = {}
        self._read(account_id, rules, known, check_time)
        states = states_after_lookup(account_id, known, rules, at)
        self._table.put_many(RULES, dict(list(states.items())[:_MAX_WRITES_PER_LOOKUP]), check_time)

    def _read(
        self,
        account_id: str,
        rule_ids: Collection[str],
        states: dict[str, RuleState],
        check_time: Callable[[], None],
    ) -> None:
        """Add the known states to `states` one by one, so that those read before a failure are used."""
        keys = {rule_key(account_id, each): each for each in sorted(rule_ids)}
        for key, state in self._table.get_many(RULES, keys, check_time):
            states[keys[key]] = state

    def _is_newer(self, call: ApiCall, rule_id: str, rule: SecurityGroupRule | None) -> bool:
        state = self._states_before.get(rule_id)
        return state is None or state.is_older(call) or state.is_result_of(rule, _at(call))

    def _state_after(self, call: ApiCall, rule_id: str, rule: SecurityGroupRule | None) -> RuleState | None:
        if rule is None:
            return None
        before = self._states_before.get(rule_id)
        return RuleState(_at(call), call.delivery_key, rule, before.before_call(call) if before else None)


def _is_latest(state: RuleState | None, known: RuleState | None) -> bool:
    """The id of a deleted rule does not come back, so None is always the latest."""
    return state is None or known is None or known.at <= state.at or known.is_result_of(state.now, state.at)


def _at(call: ApiCall) -> float:
    return call.time.timestamp() if call.time else float("-inf")


def rule_key(account_id: str, rule_id: str) -> str:
    """Return the key of a rule's row."""
    return f"{account_id}#{rule_id}"
