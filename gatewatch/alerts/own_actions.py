"""What gatewatch itself does to the members, by names that CloudTrail's events of it give again.

Each is written to the hub's table before it is done. A role's name or a session's can be had by whoever rules a
member account; a row of this table cannot.
"""

from __future__ import annotations

import hashlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.aws.time_budget import Patience
from gatewatch.errors import GatewatchError
from gatewatch.model.change import Action, Family
from gatewatch.model.iam import Deed, IamFacts
from gatewatch.model.security_group import Direction, GroupPeer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from logging import Logger

    from types_boto3_dynamodb import DynamoDBClient

    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change
    from gatewatch.model.security_group import SecurityGroupRule

_KEPT_SECONDS = 90 * 24 * 3600  # as long as the ledger: events may come again from the archive
_MOST = 100  # keys of one BatchGetItem; no call of ours has more than one
_KEY_DEEDS = frozenset({Deed.KEY_ACTIVATED, Deed.KEY_DEACTIVATED, Deed.KEY_DELETED})


class DeedError(GatewatchError):
    """What is about to be done cannot be written down; then it is not done."""


class OwnDeed(Struct, frozen=True):
    """`at` in seconds since 1970, just before it was done. `is_undo`: a person took a change back."""

    change_id: str
    at: float
    is_undo: bool = False


def rule_deed(account_id: str, region: str, group_id: str, rule: SecurityGroupRule, *, is_removal: bool) -> str:
    """A removal goes by the rule's id, which AWS never gives twice; a new rule has none yet."""
    what = f"removed {rule.rule_id}" if is_removal else f"added {_shape(rule)}"
    return f"{account_id}#{region}#{group_id}#{what}"


def _shape(rule: SecurityGroupRule) -> str:
    traffic, peer = rule.traffic, rule.peer
    ports = f"{traffic.ports.first}-{traffic.ports.last}" if traffic.ports else ""
    icmp = f"{traffic.icmp.type}/{traffic.icmp.code}" if traffic.icmp else ""
    # Events name the owner of a group or do not; its id alone is enough.
    whom = peer.name if isinstance(peer, GroupPeer) else peer.text if peer else ""
    return f"{traffic.protocol} {ports}{icmp} {whom}"


def key_deed(account_id: str, user: str, masked_key: str, deed: Deed) -> str:
    return f"{account_id}#{user}#{masked_key}#{deed}"


def deed_of(call: ApiCall, change: Change) -> str | None:
    """The name that a change of ours would have; None for what gatewatch never does."""
    is_of_rules = change.action in {Action.AUTHORIZE, Action.REVOKE} and change.rule.direction is Direction.INGRESS
    if change.family is Family.SECURITY_GROUP and is_of_rules and change.group.id:
        is_removal = change.action is Action.REVOKE
        return rule_deed(call.account_id, call.region, change.group.id, change.rule, is_removal=is_removal)
    facts = change.facts
    if isinstance(facts, IamFacts) and facts.deed in _KEY_DEEDS and facts.entity and facts.key:
        return key_deed(call.account_id, facts.entity.name, facts.key, facts.deed)
    return None


class DeedBook:
    """Who does something writes it down here."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def note(self, names: Iterable[str], deed: OwnDeed) -> None:
        """Raises `DeedError`."""
        row: dict[str, Any] = {
            "change": {"S": deed.change_id},
            "at": {"N": str(deed.at)},
            "undo": {"BOOL": deed.is_undo},
            "expires": {"N": str(int(deed.at) + _KEPT_SECONDS)},
        }
        try:
            for name in names:
                self._dynamodb.put_item(TableName=self._table, Item={**_key(name), **row})
        except (ClientError, BotoCoreError) as error:
            raise DeedError(f"what is about to be done cannot be written down: {type(error).__name__}") from error


class TableDeeds:
    """Who tells of something looks it up here. Never fatal: what the table does not say in time is not known."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        log: Logger,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`dynamodb` should answer or give up within a second."""
        self._dynamodb = dynamodb
        self._table = table
        self._patience = Patience(log, monotonic)

    def look(self, names: Collection[str]) -> Mapping[str, OwnDeed] | None:
        """Those of the names that are written down; None when that cannot be known now."""
        if len(names) > _MOST:
            return None
        return self._patience.attempt("own deeds not looked up", partial(self._look, names)) if names else {}

    def _look(self, names: Collection[str], in_time: Callable[[], None]) -> Mapping[str, OwnDeed]:
        in_time()
        keys = {_key(name)["pk"]["S"]: name for name in names}
        wanted: Any = {self._table: {"Keys": [{"pk": {"S": each}} for each in keys], "ConsistentRead": True}}
        answer = self._dynamodb.batch_get_item(RequestItems=wanted)
        if answer.get("UnprocessedKeys"):
            raise TimeoutError
        rows = answer["Responses"].get(self._table, [])
        return {keys[row["pk"]["S"]]: _deed(row) for row in rows}


def _deed(row: Mapping[str, Any]) -> OwnDeed:
    return OwnDeed(row["change"]["S"], float(row["at"]["N"]), row["undo"]["BOOL"])


def _key(name: str) -> dict[str, dict[str, str]]:
    """A digest: DynamoDB takes 2,048 bytes, a group's id in an event may be anything."""
    return {"pk": {"S": f"deed#{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"}}
