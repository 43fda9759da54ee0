"""What each rule last looked like, in the hub's table: every run of functions/alert knows it.

A message never waits long for it and never fails for it. What the table does not say in time is unknown.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.aws.time_budget import Patience
from gatewatch.model.security_group import SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from logging import Logger

    from types_boto3_dynamodb import DynamoDBClient

    from gatewatch.model.api_call import ApiCall

# A rule that nobody has touched for more than a year is described anew when somebody does.
_KEPT_SECONDS = 400 * 24 * 3600
_READ, _WRITTEN = 100, 25  # BatchGetItem and BatchWriteItem (DynamoDB developer guide, quotas)
_LEARNT = 200  # rules of a group that are written after one look; the next look writes the others
# EC2 answers from copies that may be behind (EC2 developer guide, "Eventual consistency").
_BEHIND_SECONDS = 30.0
_SEEN = "DescribeSecurityGroupRules"


class _Row(Struct, frozen=True):
    """`before` is what the rule was before the call `by`, so that the same call asked again gets the same answer.

    `at` is the time of that call: what is later than the call at hand says nothing about the time before it.
    A rule that was not told by a call but seen has the time of the look, and `by` says so.
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
        """What a look saw may have missed a call just before it."""
        behind = _BEHIND_SECONDS if self.by == _SEEN else 0.0
        return self.by != call.delivery_key and self.at <= _at(call) + behind

    def seen(self, rule: SecurityGroupRule, at: float) -> _Row | None:
        """The row after a look; None where it tells nothing new, or may be behind what a call told.

        Nobody can change the direction of a rule, so it is learnt whenever it was seen.
        """
        if msgspec.structs.replace(self.now, direction=rule.direction) == rule:
            return None if self.now == rule else msgspec.structs.replace(self, now=rule)
        return _Row(at, _SEEN, rule) if at > self.at + _BEHIND_SECONDS else None


class TableRules:
    """`dynamodb` should answer or give up within a second; `monotonic` measures that it did."""

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
        self._patience = Patience(log, monotonic)
        self._seen: dict[str, _Row] = {}

    def recall(self, call: ApiCall, rule_ids: Collection[str]) -> Mapping[str, SecurityGroupRule]:
        self._seen = {}
        self._patience.attempt("rules not recalled", partial(self._look, call.account_id, rule_ids))
        found = ((rule_id, row.before_call(call)) for rule_id, row in self._seen.items())
        return {rule_id: rule for rule_id, rule in found if rule is not None}

    def remember(self, call: ApiCall, forms: Mapping[str, SecurityGroupRule | None]) -> None:
        """What a later call left is not overwritten by an earlier one that comes late."""
        news = forms.keys() if call.time else ()
        requests = [self._request(call, each, forms[each]) for each in news if self._is_news(call, each)]
        self._patience.attempt("rules not remembered", partial(self._write, requests))

    def learn(self, account_id: str, rules: Mapping[str, SecurityGroupRule], at: float) -> None:
        """How the rules of a group were seen to stand at a time; what a call tells of them later is news to it."""
        self._patience.attempt("rules not learnt", partial(self._learn, account_id, rules, at))

    def _learn(
        self, account_id: str, rules: Mapping[str, SecurityGroupRule], at: float, in_time: Callable[[], None]
    ) -> None:
        known = dict(self._read(account_id, sorted(rules), in_time))
        rows = {
            rule_id: known[rule_id].seen(rule, at) if rule_id in known else _Row(at, _SEEN, rule)
            for rule_id, rule in rules.items()
        }
        news = [self._put(_key(account_id, rule_id), row) for rule_id, row in rows.items() if row]
        self._write(news[:_LEARNT], in_time)

    def _is_news(self, call: ApiCall, rule_id: str) -> bool:
        row = self._seen.get(rule_id)
        return row is None or row.is_older(call)

    def _look(self, account_id: str, rule_ids: Collection[str], in_time: Callable[[], None]) -> None:
        self._seen.update(self._read(account_id, sorted(rule_ids), in_time))

    def _read(
        self, account_id: str, rule_ids: Sequence[str], in_time: Callable[[], None]
    ) -> Iterator[tuple[str, _Row]]:
        for keys in _parts(rule_ids, _READ):
            wanted: Any = {self._table: {"Keys": [_key(account_id, each) for each in keys], "ConsistentRead": True}}
            while wanted:
                in_time()
                answer = self._dynamodb.batch_get_item(RequestItems=wanted)
                yield from _rows(answer.get("Responses", {}).get(self._table, []))
                wanted = answer.get("UnprocessedKeys")

    def _write(self, requests: Sequence[Any], in_time: Callable[[], None]) -> None:
        for part in _parts(requests, _WRITTEN):
            wanted: Any = {self._table: part}
            while wanted:
                in_time()
                wanted = self._dynamodb.batch_write_item(RequestItems=wanted).get("UnprocessedItems")

    def _request(self, call: ApiCall, rule_id: str, rule: SecurityGroupRule | None) -> Any:
        key = _key(call.account_id, rule_id)
        if rule is None:
            return {"DeleteRequest": {"Key": key}}
        seen = self._seen.get(rule_id)
        return self._put(key, _Row(_at(call), call.delivery_key, rule, seen.before_call(call) if seen else None))

    def _put(self, key: Any, row: _Row) -> Any:
        kept = {"S": msgspec.json.encode(row).decode()}
        expires = {"N": str(int(self._now()) + _KEPT_SECONDS)}
        return {"PutRequest": {"Item": {**key, "rule": kept, "expires": expires}}}


def _parts(values: Sequence[Any], size: int) -> Iterator[list[Any]]:
    return (list(values[start : start + size]) for start in range(0, len(values), size))


def _rows(items: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, _Row]]:
    """What another version of gatewatch wrote in another form is not known."""
    for item in items:
        try:
            yield item["pk"]["S"].rpartition("#")[2], msgspec.json.decode(item["rule"]["S"], type=_Row)
        except (msgspec.DecodeError, KeyError):
            continue


def _at(call: ApiCall) -> float:
    return call.time.timestamp() if call.time else float("-inf")


def _key(account_id: str, rule_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"rule#{account_id}#{rule_id}"}}
