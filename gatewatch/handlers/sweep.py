"""The sweep: once a day every account and Region is read, paced by a queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from gatewatch.alerts.rule_history_table import RULES, rule_key, states_after_lookup
from gatewatch.aws.error_codes import error_code, is_throttling
from gatewatch.events.canary import AccountRegion
from gatewatch.inventory.comparison import CONFIRM_AFTER_SECONDS, compare
from gatewatch.inventory.likely_call import find_likely_call
from gatewatch.inventory.messages import baseline_messages, silent_change_messages
from gatewatch.inventory.model import AccountInventory, ResourceKind
from gatewatch.inventory.reader import RegionReader, rules_by_id
from gatewatch.inventory.store import SweepState
from gatewatch.inventory.tasks import SweepTask, parse_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from logging import Logger

    from gatewatch.alerts.rule_history_table import RuleState
    from gatewatch.aws.clients import Aws
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.outbox import MessageSink
    from gatewatch.inventory.likely_call import LikelyCall
    from gatewatch.inventory.model import OpenItem, RegionInventory
    from gatewatch.inventory.store import InventoryStore
    from gatewatch.inventory.tasks import TaskQueue
    from gatewatch.model.security_group import SecurityGroupRule

_DAY_SECONDS = 24 * 3600
_EARLY_SECONDS = 600  # a schedule is not exact
_BASELINE_AFTER_SECONDS = 3000  # the first sweep is spread over a quarter of an hour
_MAX_ATTEMPTS = 4
_CONFIRM_DELAY_SECONDS = CONFIRM_AFTER_SECONDS + 60


@dataclass(frozen=True)
class SweepHandler:
    """`session_for` returns the clients of a member by its lookup role. `members`: accounts that send canaries."""

    settings: Settings
    store: InventoryStore
    table: HubTable
    queue: TaskQueue
    outbox: MessageSink
    session_for: Callable[[AccountRegion, str], Aws]
    members: Callable[[], Iterable[str]]
    home_region: str
    now: Callable[[], float]
    log: Logger

    def start(self) -> None:
        """Start the sweep of the day, or report the baseline when the first one is done. Runs every hour."""
        state, now = self.store.state(), self.now()
        if state is None or now - state.started >= _DAY_SECONDS - _EARLY_SECONDS:
            self.queue.put(SweepTask(each) for each in self._accounts())
            self.store.save_state(SweepState(now, state.is_baseline_reported if state else False))
        elif not state.is_baseline_reported and now - state.started >= _BASELINE_AFTER_SECONDS:
            self._report_baseline(state)

    def _accounts(self) -> list[str]:
        """Return the accounts that have a lookup role: those of accounts.yaml, and those that send canaries."""
        known = {*self.settings.accounts, *self.members()}
        return sorted(each for each in known if self.settings.account(each).read_role)

    def _report_baseline(self, state: SweepState) -> None:
        accounts = self.store.accounts(self._accounts())
        self.outbox.put(baseline_messages(accounts, self.store.regions(accounts), self.settings))
        self.store.save_state(replace(state, is_baseline_reported=True))

    def handle(self, record: dict[str, Any]) -> None:
        """Work one task off. Raises when it must be received again."""
        task = parse_task(record["body"])
        if task.not_before > self.now():
            self.queue.put_delayed(task, task.not_before - self.now())
        elif task.region:
            self._read_region(task)
        else:
            self._find_regions(task.account_id)

    def _find_regions(self, account_id: str) -> None:
        try:
            ec2 = self._session(account_id, self.home_region).ec2
            regions = sorted(each["RegionName"] for each in ec2.describe_regions()["Regions"])
        except (ClientError, BotoCoreError) as error:
            self._on_unreadable(account_id, error)
            return
        self.store.save_account(AccountInventory(account_id=account_id, at=self.now(), regions=tuple(regions)))
        home = self.home_region if self.home_region in regions else regions[0]
        self.queue.put(SweepTask(account_id, each, reads_buckets=each == home) for each in regions)

    def _on_unreadable(self, account_id: str, error: Exception) -> None:
        """Keep the Regions of the last sweep: what was open there is not closed by a missing role."""
        code = error_code(error)
        self.log.warning("account not read", extra={"account_id": account_id, "reason": code})
        known = self.store.accounts([account_id])
        regions = known[0].regions if known else ()
        self.store.save_account(AccountInventory(account_id=account_id, at=self.now(), regions=regions, error=code))

    def _session(self, account_id: str, region: str) -> Aws:
        role = self.settings.account(account_id).read_role or ""
        return self.session_for(AccountRegion(account_id, region), role)

    def _read_region(self, task: SweepTask) -> None:
        try:
            aws = self._session(task.account_id, task.region)
        except (ClientError, BotoCoreError) as error:
            self._on_unreadable(task.account_id, error)
            return
        origin = AccountRegion(task.account_id, task.region)
        reader = RegionReader(aws, origin, self.settings.severity_rules, task.reads_buckets)
        current = reader.read(self.now())
        if self._is_throttled(current) and task.attempt < _MAX_ATTEMPTS:
            self.queue.put_delayed(replace(task, attempt=task.attempt + 1), 60 * 2**task.attempt)
            return
        self._save(task, aws, current, rules_by_id(reader.rules))

    def _is_throttled(self, inventory: RegionInventory) -> bool:
        return any(map(is_throttling, inventory.unread.values()))

    def _save(self, task: SweepTask, aws: Aws, current: RegionInventory, rules: dict[str, SecurityGroupRule]) -> None:
        """Tell first, then store: after a crash in between the same alert is sent again under the same key."""
        known = self._known_rules(task.account_id, rules)
        previous = self.store.region(task.account_id, task.region)
        inventory, silent = compare(previous, current, known)
        if silent:
            calls = self._likely_calls(aws, silent)
            self.outbox.put(silent_change_messages(inventory, silent, calls, self.settings))
        self._save_rules(inventory, known, rules)
        self.store.save_region(inventory)
        if inventory.unexplained:
            self.queue.put_delayed(replace(task, not_before=self.now() + _CONFIRM_DELAY_SECONDS, attempt=0), 900)
        self._log_reading(inventory, len(silent))

    def _known_rules(self, account_id: str, rules: Iterable[str]) -> dict[str, RuleState]:
        keys = {rule_key(account_id, each): each for each in rules}
        return {keys[key]: state for key, state in self.table.get_many(RULES, keys)}

    def _save_rules(
        self, inventory: RegionInventory, known: dict[str, RuleState], rules: dict[str, SecurityGroupRule]
    ) -> None:
        """An unexplained rule is not saved yet: its event may still arrive, and the next reading decides."""
        explained = {each: rule for each, rule in rules.items() if each not in inventory.unexplained}
        self.table.put_many(RULES, states_after_lookup(inventory.account_id, known, explained, inventory.at))

    def _likely_calls(self, aws: Aws, items: Sequence[OpenItem]) -> dict[str, LikelyCall]:
        """The call is older than the reading that found the rule first, so two days are searched."""
        groups, now = sorted({each.group.id for each in items if each.group.id}), self.now()
        found = {each: find_likely_call(aws.cloudtrail, each, now - 2 * _DAY_SECONDS, now) for each in groups}
        return {group_id: call for group_id, call in found.items() if call}

    def _log_reading(self, inventory: RegionInventory, silent: int) -> None:
        rules = sum(each.kind is ResourceKind.RULES for each in inventory.items)
        self.log.info(
            "region read",
            extra={
                "account_id": inventory.account_id,
                "region": inventory.region,
                "open": len(inventory.items),
                "open_rules": rules,
                "silent": silent,
                "calls": inventory.calls,
                "unread": {kind.value: code for kind, code in inventory.unread.items()},
            },
        )
