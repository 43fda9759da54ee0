"""The rule history in the hub table, shared by all execution environments of functions/alert.

It never delays or fails a message for long: a rule that the table does not return in time is unknown.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.aws.time_budget import TimeBudget
from gatewatch.model.security_group import SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from logging import Logger

    from types_boto3_dynamodb import DynamoDBClient

    from gatewatch.model.api_call import ApiCall

_LIFETIME_SECONDS = 400 * 24 * 3600  # a rule without a change for longer is unknown at its next change
_READ_BATCH, _WRITE_BATCH = 100, 25  # BatchGetItem and BatchWriteItem (DynamoDB developer guide, quotas)
_MAX_WRITES_PER_LOOKUP = 200  # rules written after one lookup of a group; the next lookup writes the others
# EC2 is eventually consistent (EC2 developer guide, "Eventual consistency").
_EC2_LAG_SECONDS = 30.0
_LOOKUP = "DescribeSecurityGroupRules"


class _Row(Struct, frozen=True):
    """`now` is the rule after the call `by` at time `at`, `before` the rule before it, so that a retry gets the same.

    A row that is later than a call does not say how the rule was before that call. For a rule that was looked up,
    `at` is the time of the lookup and `by` is the name of the request.
    """

    at: float
    by: str
    now: SecurityGroupRule
    before: SecurityGroupRule | None = None

    def before_call(self, call: ApiCall) -> SecurityGroupRule | None:
        if self.by == call.delivery_key:
            return self.before
        return None if self.at > _at(call) else self.now

    def is_older(self, call: ApiCall) -> bool:
        """Return whether the call is later than this row. A lookup may have missed a call just before it."""
        lag = _EC2_LAG_SECONDS if self.by == _LOOKUP else 0.0
        return self.by != call.delivery_key and self.at <= _at(call) + lag

    def after_lookup(self, rule: SecurityGroupRule, at: float) -> _Row | None:
        """Return the row after a lookup; None when nothing changes, or when the lookup may predate a call.

        The direction of a rule cannot be changed, so it is always taken.
        """
        if msgspec.structs.replace(self.now, direction=rule.direction) == rule:
            return None if self.now == rule else msgspec.structs.replace(self, now=rule)
        return _Row(at, _LOOKUP, rule) if at > self.at + _EC2_LAG_SECONDS else None


class DynamoRuleHistory:
    """`dynamodb` should time out within a second. `monotonic` returns seconds."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        log: Logger,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._now = now
        self._budget = TimeBudget(log, monotonic)
        self._rows_before: dict[str, _Row] = {}

    def rules_before(self, call: ApiCall, rule_ids: Collection[str]) -> Mapping[str, SecurityGroupRule]:
        self._rows_before = {}
        self._budget.run("rule history not read", partial(self._read_rows, call.account_id, rule_ids))
        found = ((rule_id, row.before_call(call)) for rule_id, row in self._rows_before.items())
        return {rule_id: rule for rule_id, rule in found if rule is not None}

    def save_after(self, call: ApiCall, rules: Mapping[str, SecurityGroupRule | None]) -> None:
        """A delayed earlier call does not overwrite the state after a later one."""
        rule_ids = rules.keys() if call.time else ()
        requests = [self._request(call, each, rules[each]) for each in rule_ids if self._is_newer(call, each)]
        self._budget.run("rule history not written", partial(self._write, requests))

    def save_current_rules(self, account_id: str, rules: Mapping[str, SecurityGroupRule], at: float) -> None:
        """Save the rules of a group as they were looked up at a time, in seconds since 1970."""
        self._budget.run("looked-up rules not written", partial(self._save_current_rules, account_id, rules, at))

    def _save_current_rules(
        self, account_id: str, rules: Mapping[str, SecurityGroupRule], at: float, check_time: Callable[[], None]
    ) -> None:
        known = dict(self._read(account_id, sorted(rules), check_time))
        rows = {
            rule_id: known[rule_id].after_lookup(rule, at) if rule_id in known else _Row(at, _LOOKUP, rule)
            for rule_id, rule in rules.items()
        }
        requests = [self._put(_key(account_id, rule_id), row) for rule_id, row in rows.items() if row]
        self._write(requests[:_MAX_WRITES_PER_LOOKUP], check_time)

    def _is_newer(self, call: ApiCall, rule_id: str) -> bool:
        row = self._rows_before.get(rule_id)
        return row is None or row.is_older(call)

    def _read_rows(self, account_id: str, rule_ids: Collection[str], check_time: Callable[[], None]) -> None:
        self._rows_before.update(self._read(account_id, sorted(rule_ids), check_time))

    def _read(
        self, account_id: str, rule_ids: Sequence[str], check_time: Callable[[], None]
    ) -> Iterator[tuple[str, _Row]]:
        for keys in _chunks(rule_ids, _READ_BATCH):
            wanted: Any = {self._table: {"Keys": [_key(account_id, each) for each in keys], "ConsistentRead": True}}
            while wanted:
                check_time()
                response = self._dynamodb.batch_get_item(RequestItems=wanted)
                yield from _rows(response.get("Responses", {}).get(self._table, []))
                wanted = response.get("UnprocessedKeys")

    def _write(self, requests: Sequence[Any], check_time: Callable[[], None]) -> None:
        for chunk in _chunks(requests, _WRITE_BATCH):
            wanted: Any = {self._table: chunk}
            while wanted:
                check_time()
                wanted = self._dynamodb.batch_write_item(RequestItems=wanted).get("UnprocessedItems")

    def _request(self, call: ApiCall, rule_id: str, rule: SecurityGroupRule | None) -> Any:
        key = _key(call.account_id, rule_id)
        if rule is None:
            return {"DeleteRequest": {"Key": key}}
        row = self._rows_before.get(rule_id)
        return self._put(key, _Row(_at(call), call.delivery_key, rule, row.before_call(call) if row else None))

    def _put(self, key: Any, row: _Row) -> Any:
        encoded = {"S": msgspec.json.encode(row).decode()}
        expires = {"N": str(int(self._now()) + _LIFETIME_SECONDS)}
        return {"PutRequest": {"Item": {**key, "rule": encoded, "expires": expires}}}


def _chunks(values: Sequence[Any], size: int) -> Iterator[list[Any]]:
    return (list(values[start : start + size]) for start in range(0, len(values), size))


def _rows(items: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, _Row]]:
    """Skip rows that cannot be decoded: another version of gatewatch may have written them."""
    for item in items:
        try:
            yield item["pk"]["S"].rpartition("#")[2], msgspec.json.decode(item["rule"]["S"], type=_Row)
        except (msgspec.DecodeError, KeyError):
            continue


def _at(call: ApiCall) -> float:
    return call.time.timestamp() if call.time else float("-inf")


def _key(account_id: str, rule_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"rule#{account_id}#{rule_id}"}}
