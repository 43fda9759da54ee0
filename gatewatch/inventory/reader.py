"""Reads one Region of an account: everything that is open there, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.alerts.reachability.shared_groups import read_shared_groups
from gatewatch.aws.error_codes import error_code
from gatewatch.inventory import resources
from gatewatch.inventory.budget import BudgetExceededError, CallBudget
from gatewatch.inventory.model import OpenItem, RegionInventory, ResourceKind
from gatewatch.inventory.rules import (
    open_group_rules,
    open_prefix_lists,
    read_rules,
    with_network,
    without_network,
)
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from types_boto3_ec2 import EC2Client

    from gatewatch.aws.clients import Aws
    from gatewatch.config.severity import SeverityRules
    from gatewatch.events.canary import AccountRegion
    from gatewatch.inventory.rules import GroupRules
    from gatewatch.model.security_group import SecurityGroupRule

MAX_CALLS = 2_000
# The severities of public_access events that make such a resource public.
_SEVERITY = {ResourceKind.DATABASES: Severity.HIGH}
# The errors of botocore, the end of the budget, and what a response without an expected field raises.
_UNREADABLE = (ClientError, BotoCoreError, BudgetExceededError, LookupError, TypeError, ValueError, AttributeError)


@dataclass
class RegionReader:
    """Reads one member account and Region with at most `max_calls` API calls. `connect` assumes the lookup role.

    After `read`, `rules` are all rules by group id, and `unread_ids` the resources of kinds that were read in part.
    """

    connect: Callable[[], Aws]
    origin: AccountRegion
    policy: SeverityRules
    reads_buckets: bool
    max_calls: int = MAX_CALLS
    rules: Mapping[str, GroupRules] = field(default_factory=dict)
    unread_ids: dict[ResourceKind, list[str]] = field(default_factory=dict)
    _unread: dict[ResourceKind, str] = field(default_factory=dict)

    def read(self, at: float) -> RegionInventory:
        """Never raises for what the role may not read: that is named in `unread`."""
        budget, items = CallBudget(self.max_calls), []
        try:
            readings = self._readings(self.connect(), budget)
        except (ClientError, BotoCoreError) as error:
            self._unread = dict.fromkeys(self._kinds(), error_code(error))
        else:
            items = [item for kind, read in readings.items() for item in self._attempt(kind, read)]
            budget.release()
        return RegionInventory(
            account_id=self.origin.account_id,
            region=self.origin.region,
            at=at,
            items=tuple(items),
            unread=self._unread,
            read_at={each: at for each in self._kinds() if each not in self._unread or each in self.unread_ids},
            calls=budget.calls,
        )

    def _kinds(self) -> list[ResourceKind]:
        return [each for each in ResourceKind if self.reads_buckets or each is not ResourceKind.BUCKETS]

    def _readings(self, aws: Aws, budget: CallBudget) -> dict[ResourceKind, Callable[[], list[OpenItem]]]:
        ec2, rds, account = budget.watch(aws.ec2), budget.watch(aws.rds), self.origin.account_id
        readings: dict[ResourceKind, Callable[[], list[OpenItem]]] = {
            ResourceKind.RULES: lambda: self._rules(ec2, lambda: budget.watch(aws.ram)),
            ResourceKind.PREFIX_LISTS: lambda: open_prefix_lists(ec2, account, self.policy),
            ResourceKind.SNAPSHOTS: lambda: _items(ResourceKind.SNAPSHOTS, resources.public_snapshots(ec2)),
            ResourceKind.IMAGES: lambda: _items(ResourceKind.IMAGES, resources.public_images(ec2)),
            ResourceKind.DATABASES: lambda: _items(ResourceKind.DATABASES, resources.public_databases(rds)),
            ResourceKind.DATABASE_SNAPSHOTS: lambda: _items(
                ResourceKind.DATABASE_SNAPSHOTS, resources.public_database_snapshots(rds, account)
            ),
            ResourceKind.DATABASE_CLUSTER_SNAPSHOTS: lambda: _items(
                ResourceKind.DATABASE_CLUSTER_SNAPSHOTS, resources.public_database_cluster_snapshots(rds, account)
            ),
        }
        if self.reads_buckets:
            readings[ResourceKind.BUCKETS] = lambda: self._buckets(budget.watch(aws.s3), budget.watch(aws.s3control))
        return readings

    def _rules(self, ec2: EC2Client, ram: Callable[[], Any]) -> list[OpenItem]:
        """The rules count as read also when the network behind them cannot be read. `ram` makes a client."""
        self.rules = read_rules(ec2, self.origin.account_id)
        found = open_group_rules(self.rules, self.policy)
        if not found:
            return []
        shared = self._shared_groups(ram)
        return self._attempt(ResourceKind.NETWORK, lambda: with_network(ec2, found, shared)) or without_network(found)

    def _shared_groups(self, ram: Callable[[], Any]) -> Mapping[str, Sequence[str]] | None:
        try:
            return read_shared_groups(ram())
        except _UNREADABLE as error:
            self._unread[ResourceKind.GROUP_SHARES] = error_code(error)
        return None

    def _buckets(self, s3: Any, s3control: Any) -> list[OpenItem]:
        """A bucket whose policy refuses everybody, this role included, hides no other bucket."""
        block = resources.account_block(s3control, self.origin.account_id)
        found = []
        for name in resources.bucket_names(s3):
            try:
                found += [name] if resources.is_public_bucket(s3, name, block) else []
            except _UNREADABLE as error:
                self._unread[ResourceKind.BUCKETS] = error_code(error)
                self.unread_ids.setdefault(ResourceKind.BUCKETS, []).append(name)
        return _items(ResourceKind.BUCKETS, found)

    def _attempt(self, kind: ResourceKind, read: Callable[[], list[OpenItem]]) -> list[OpenItem]:
        try:
            return read()
        except _UNREADABLE as error:
            self._unread[kind] = error_code(error)
        return []


def _items(kind: ResourceKind, ids: list[str]) -> list[OpenItem]:
    severity = _SEVERITY.get(kind, Severity.CRITICAL)
    return [OpenItem(kind=kind, severity=severity, resource_id=each) for each in ids]


def rules_by_id(rules: Mapping[str, GroupRules]) -> dict[str, SecurityGroupRule]:
    """Return the rules of the account's own groups that could be read, as the rule history keeps them."""
    return dict(_readable(rules))


def _readable(rules: Mapping[str, GroupRules]) -> Iterator[tuple[str, SecurityGroupRule]]:
    for of_group in rules.values():
        for each in of_group.rules if not of_group.owner_id else ():
            if each.rule_id and each.peer and each.traffic.protocol:
                yield each.rule_id, each
