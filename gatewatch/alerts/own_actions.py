"""Log of the changes that gatewatch makes in member accounts, by ids that can be derived from their CloudTrail events.

Each is written to the hub table before it is made. An administrator of a member account can use any role or session
name there, but cannot write to this table.
"""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.aws.hub_rows import JsonRows
from gatewatch.aws.time_budget import TimeBudget
from gatewatch.events.changes.normalization import undated_name
from gatewatch.model.change import Action, Family
from gatewatch.model.iam import IamFacts, IamOperation
from gatewatch.model.security_group import Direction, GroupPeer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from logging import Logger

    from gatewatch.aws.hub_table import HubTable
    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change
    from gatewatch.model.security_group import SecurityGroupRule

_MAX_KEYS = 100  # keys of one BatchGetItem; a call of gatewatch has one
_RESOURCE_FAMILIES = frozenset({Family.PUBLIC_ACCESS, Family.ATTACHMENT})
_KEY_OPERATIONS = frozenset({IamOperation.KEY_ACTIVATED, IamOperation.KEY_DEACTIVATED, IamOperation.KEY_DELETED})


class OwnAction(Struct, frozen=True):
    """`at` is in seconds since 1970, just before the action. `is_undo`: a person reverted a remediation."""

    change_id: str
    at: float
    is_undo: bool = False


def rule_action_id(account_id: str, region: str, group_id: str, action: Action, rule: SecurityGroupRule) -> str:
    """Identify a removal by the rule id, which AWS never reuses, an addition by the content, a modification by both."""
    outbound = "outbound " if rule.direction is Direction.EGRESS else ""
    contents = {
        Action.AUTHORIZE: f"added {outbound}{_shape(rule)}",
        Action.MODIFY: f"modified {rule.rule_id} to {_shape(rule)}",
        Action.REVOKE: f"removed {rule.rule_id}",
    }
    return f"{account_id}#{region}#{group_id}#{contents[action]}"


def _shape(rule: SecurityGroupRule) -> str:
    traffic, peer = rule.traffic, rule.peer
    ports = f"{traffic.ports.first}-{traffic.ports.last}" if traffic.ports else ""
    icmp = f"{traffic.icmp.type}/{traffic.icmp.code}" if traffic.icmp else ""
    # Not every event names the owner of a referenced group, so only its id is used.
    source = peer.name if isinstance(peer, GroupPeer) else peer.text if peer else ""
    return f"{traffic.protocol} {ports}{icmp} {source}"


def key_action_id(account_id: str, user: str, masked_key: str, operation: IamOperation) -> str:
    return f"{account_id}#{user}#{masked_key}#{operation}"


def resource_action_id(account_id: str, region: str, event_name: str, resource: str) -> str:
    """Identify a change of a resource that is no security group by call and name, without the path of an ARN or URL."""
    return f"{account_id}#{region}#{undated_name(event_name)}#{re.split('[/:]', resource)[-1]}"


def action_id(call: ApiCall, change: Change) -> str | None:
    """Return the id that a change would have as an action of gatewatch; None for changes that it never makes."""
    if change.family is Family.SECURITY_GROUP and change.group.id and _is_rule_change(change):
        return rule_action_id(call.account_id, call.region, change.group.id, change.action, change.rule)
    if change.family in _RESOURCE_FAMILIES:
        return resource_action_id(call.account_id, call.region, call.event_name, change.resource_id or call.account_id)
    facts = change.facts
    if isinstance(facts, IamFacts) and facts.operation in _KEY_OPERATIONS and facts.entity and facts.key:
        return key_action_id(call.account_id, facts.entity.name, facts.key, facts.operation)
    return None


ACTIONS = JsonRows(
    prefix="own-action",
    name="the action log",
    lifetime=90 * 24 * 3600,  # as long as the delivery ledger: the archive may replay events
    value_type=OwnAction,
)


def _is_rule_change(change: Change) -> bool:
    """Return whether gatewatch makes such changes. A modification names the rule by its id."""
    if change.action is Action.MODIFY:
        return change.rule.rule_id is not None
    return change.action in {Action.AUTHORIZE, Action.REVOKE} and change.rule.direction is not None


class ActionLog:
    """Writes actions before they are performed."""

    def __init__(self, table: HubTable) -> None:
        self._table = table

    def record(self, action_ids: Iterable[str], action: OwnAction) -> None:
        """Raises `HubTableError`; the action must then not be performed."""
        for action_id in action_ids:
            self._table.put(ACTIONS, action_id, action)


class ActionLookup:
    """Reads actions. A table that does not answer in time is no error: the action is then unknown."""

    def __init__(self, table: HubTable, log: Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        """The client of `table` should time out within a second."""
        self._table = table
        self._budget = TimeBudget(log, monotonic)

    def lookup(self, action_ids: Collection[str]) -> Mapping[str, OwnAction] | None:
        """Return the logged actions by id; None when the table cannot be read now."""
        if len(action_ids) > _MAX_KEYS:
            return None
        return self._budget.run("own actions not read", partial(self._read, action_ids)) if action_ids else {}

    def _read(self, action_ids: Collection[str], check_time: Callable[[], None]) -> Mapping[str, OwnAction]:
        return dict(self._table.get_many(ACTIONS, action_ids, check_time))
