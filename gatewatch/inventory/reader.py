"""Reads one Region of an account: everything that is open there, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws.error_codes import error_code
from gatewatch.inventory import resources
from gatewatch.inventory.budget import BudgetExceededError, CallBudget
from gatewatch.inventory.model import OpenItem, RegionInventory, ResourceKind
from gatewatch.inventory.rules import (
    open_group_rules,
    open_prefix_lists,
    read_rules,
    with_groups,
    with_reachability,
)
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gatewatch.aws.clients import Aws
    from gatewatch.config.severity import SeverityRules
    from gatewatch.events.canary import AccountRegion
    from gatewatch.model.security_group import SecurityGroupRule

MAX_CALLS = 2_000
_BUDGET = "BudgetExceeded"
# The severities of public_access events that make such a resource public.
_SEVERITY = {ResourceKind.DATABASES: Severity.HIGH}


@dataclass
class RegionReader:
    """Reads with the clients of one member account and Region. `rules` are all rules by group, after `read`."""

    aws: Aws
    origin: AccountRegion
    policy: SeverityRules
    reads_buckets: bool
    max_calls: int = MAX_CALLS
    rules: Mapping[str, list[SecurityGroupRule]] = field(default_factory=dict)
    _unread: dict[ResourceKind, str] = field(default_factory=dict)

    def read(self, at: float) -> RegionInventory:
        """Never raises for what the role may not read: that is named in `unread`."""
        budget = CallBudget(self.max_calls)
        for client in (self.aws.ec2, self.aws.rds, self.aws.s3, self.aws.s3control):
            budget.watch(client)
        items = [item for kind, read in self._readings().items() for item in self._attempt(kind, read)]
        return RegionInventory(
            account_id=self.origin.account_id,
            region=self.origin.region,
            at=at,
            items=tuple(items),
            unread=self._unread,
            calls=budget.calls,
        )

    def _readings(self) -> dict[ResourceKind, Callable[[], list[OpenItem]]]:
        ec2, rds, account = self.aws.ec2, self.aws.rds, self.origin.account_id
        readings: dict[ResourceKind, Callable[[], list[OpenItem]]] = {
            ResourceKind.RULES: self._rules,
            ResourceKind.PREFIX_LISTS: lambda: open_prefix_lists(ec2, account, self.policy),
            ResourceKind.SNAPSHOTS: lambda: _items(ResourceKind.SNAPSHOTS, resources.public_snapshots(ec2)),
            ResourceKind.IMAGES: lambda: _items(ResourceKind.IMAGES, resources.public_images(ec2)),
            ResourceKind.DATABASES: lambda: _items(ResourceKind.DATABASES, resources.public_databases(rds)),
            ResourceKind.DATABASE_SNAPSHOTS: lambda: _items(
                ResourceKind.DATABASE_SNAPSHOTS, resources.public_database_snapshots(rds, account)
            ),
        }
        return {**readings, ResourceKind.BUCKETS: self._buckets} if self.reads_buckets else readings

    def _rules(self) -> list[OpenItem]:
        ec2 = self.aws.ec2
        self.rules = read_rules(ec2, self.origin.account_id)
        found = open_group_rules(self.rules, self.policy)
        return with_reachability(ec2, with_groups(ec2, found)) if found else []

    def _buckets(self) -> list[OpenItem]:
        block = resources.account_block(self.aws.s3control, self.origin.account_id)
        return _items(ResourceKind.BUCKETS, resources.public_buckets(self.aws.s3, block))

    def _attempt(self, kind: ResourceKind, read: Callable[[], list[OpenItem]]) -> list[OpenItem]:
        try:
            return read()
        except BudgetExceededError:
            self._unread[kind] = _BUDGET
        except (ClientError, BotoCoreError) as error:
            self._unread[kind] = error_code(error)
        return []


def _items(kind: ResourceKind, ids: list[str]) -> list[OpenItem]:
    severity = _SEVERITY.get(kind, Severity.CRITICAL)
    return [OpenItem(kind=kind, severity=severity, resource_id=each) for each in ids]


def rules_by_id(rules: Mapping[str, list[SecurityGroupRule]]) -> dict[str, SecurityGroupRule]:
    """Return the rules that could be read, as the rule history keeps them."""
    return dict(_readable(rules))


def _readable(rules: Mapping[str, list[SecurityGroupRule]]) -> Iterator[tuple[str, SecurityGroupRule]]:
    for of_group in rules.values():
        for each in of_group:
            if each.rule_id and each.peer and each.traffic.protocol:
                yield each.rule_id, each
