"""The sweep: once a day every account and Region is read, paced by a queue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from gatewatch.alerts.attached_groups import Attachable, read_attached_groups
from gatewatch.alerts.silent_changes import CONFIRM_AFTER_SECONDS
from gatewatch.aws.error_codes import error_code, is_temporary
from gatewatch.config.actions import ActionMode
from gatewatch.events.canary import AccountRegion
from gatewatch.inventory.coverage import find_gaps, gap_digests, is_complete, read_coverage, swept_accounts
from gatewatch.inventory.messages import report_messages
from gatewatch.inventory.model import AccountInventory, ResourceKind
from gatewatch.inventory.reader import MAX_CALLS, RegionReader, rules_by_id
from gatewatch.inventory.store import SweepState
from gatewatch.inventory.tasks import SweepTask, parse_task

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from logging import Logger

    from types_boto3_cloudtrail import CloudTrailClient

    from gatewatch.alerts.attached_groups import AttachedGroupStore
    from gatewatch.aws.clients import Aws
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.outbox import MessageSink
    from gatewatch.inventory.coverage import Coverage
    from gatewatch.inventory.model import RegionInventory
    from gatewatch.inventory.recording import InventoryRecorder
    from gatewatch.inventory.store import InventoryStore
    from gatewatch.inventory.tasks import TaskQueue

_DAY_SECONDS = 24 * 3600
_EARLY_SECONDS = 600  # a schedule is not exact
_REPORT_LATEST_SECONDS = 12 * 3600  # a Region whose task fails again and again must not hold the report back
_READ_AGAIN_AFTER_SECONDS = 6 * 3600  # a task that is received twice, or a sweep that was started twice
_MAX_ATTEMPTS = 8  # over an hour and a quarter
_CONFIRM_DELAY_SECONDS = CONFIRM_AFTER_SECONDS + 60


@dataclass(frozen=True)
class SweepHandler:
    """`session_for` returns the clients of a member by its lookup role. `canaries`: Regions that ever sent one."""

    settings: Settings
    store: InventoryStore
    recorder: InventoryRecorder
    attached_groups: AttachedGroupStore
    queue: TaskQueue
    outbox: MessageSink
    session_for: Callable[[AccountRegion, str], Aws]
    canaries: Callable[[], Collection[AccountRegion]]
    home_region: str
    now: Callable[[], float]
    log: Logger

    def start(self) -> None:
        """Start the sweep of the day, or make its report when everything was tried. Runs every hour."""
        state, now = self.store.state(), self.now()
        if state is None or now - state.started >= _DAY_SECONDS - _EARLY_SECONDS:
            self.queue.put(SweepTask(each) for each in swept_accounts(self.settings, self.canaries()))
            self.store.save_state(replace(state or SweepState(now), started=now, is_reported=False))
        elif not state.is_reported:
            coverage = self.coverage()
            if is_complete(coverage, state.started) or now - state.started >= _REPORT_LATEST_SECONDS:
                self._report(state, coverage)

    def coverage(self) -> Coverage:
        """Return what is read and what sends canaries."""
        return read_coverage(self.store, self.canaries(), self.settings, self.now())

    def _report(self, state: SweepState, coverage: Coverage) -> None:
        """Report accounts that were read for the first time, and gaps that were not reported yet."""
        had_baseline = coverage.account_ids if state.is_baseline_reported else ()
        known = {*(had_baseline if state.known is None else state.known)}
        read = [each for each in coverage.accounts if not each.error]
        new = [each for each in read if each.account_id not in known]
        gaps = find_gaps(coverage, self.settings)
        digests = gap_digests(gaps)
        changed = [each for each in gaps if digests[each.account_id] != state.gaps.get(each.account_id)]
        self.outbox.put(report_messages(new, coverage.regions, changed, self.settings, state.started))
        known |= {each.account_id for each in read}
        after = replace(state, is_baseline_reported=True, is_reported=True, known=tuple(sorted(known)), gaps=digests)
        self.store.save_state(after)

    def handle(self, record: dict[str, Any]) -> None:
        """Work one task off. Raises when it must be received again."""
        task = parse_task(record["body"])
        if task.not_before > self.now():
            self.queue.put_delayed(task, task.not_before - self.now())
        elif not self.settings.account(task.account_id).read_role:
            self.log.info("account has no lookup role any more", extra={"account_id": task.account_id})
        elif task.region:
            self._read_region(task)
        else:
            self._find_regions(task)

    def _find_regions(self, task: SweepTask) -> None:
        """The account is saved last: a process that ends before is followed by one that sends the same tasks again."""
        account_id = task.account_id
        try:
            ec2 = self._session(account_id, self.home_region).ec2
            regions = sorted(each["RegionName"] for each in ec2.describe_regions()["Regions"])
        except (ClientError, BotoCoreError) as error:
            if not self._is_postponed(task, error_code(error)):
                self._on_unreadable(account_id, error_code(error))
            return
        if not regions:
            self._on_unreadable(account_id, "NoRegions")
            return
        home = self.home_region if self.home_region in regions else regions[0]
        self.queue.put(SweepTask(account_id, each, reads_buckets=each == home) for each in regions)
        self.store.save_account(AccountInventory(account_id=account_id, at=self.now(), regions=tuple(regions)))

    def _is_postponed(self, task: SweepTask, code: str, calls: int = 0) -> bool:
        """Put a task back that failed for now, later each time; False when it was tried often enough."""
        if not is_temporary(code) or task.attempt >= _MAX_ATTEMPTS:
            return False
        again = replace(task, attempt=task.attempt + 1, calls=task.calls + calls)
        self.queue.put_delayed(again, 60 * 2**task.attempt)
        return True

    def _on_unreadable(self, account_id: str, code: str) -> None:
        """Keep the Regions of the last sweep: what was open there is not closed by a missing role."""
        self.log.warning("account not read", extra={"account_id": account_id, "reason": code})
        known = self.store.accounts([account_id])
        regions = known[0].regions if known else ()
        self.store.save_account(AccountInventory(account_id=account_id, at=self.now(), regions=regions, error=code))

    def _session(self, account_id: str, region: str) -> Aws:
        role = self.settings.account(account_id).read_role or ""
        return self.session_for(AccountRegion(account_id, region), role)

    def _read_region(self, task: SweepTask) -> None:
        """A repeated task finishes what the first one left, without reading again."""
        last = self.store.region(task.account_id, task.region)
        connect = cache(lambda: self._session(task.account_id, task.region))  # one session, with the clients it made
        if last and not task.not_before and self.now() - last.at < _READ_AGAIN_AFTER_SECONDS:
            self._finish(task, last, connect)
            return
        if last:
            self.recorder.report(last, lambda: _event_history(connect))
        reader = self._reader(task, connect)
        current = reader.read(self.now())
        self._log_reading(current)
        failed = next((each for each in current.unread.values() if is_temporary(each)), "")
        if not (failed and self._is_postponed(task, failed, current.calls)):
            self._save_attached_groups(task, connect, current.at)
            self._finish(task, self.recorder.record(current, rules_by_id(reader.rules), reader.unread_ids), connect)

    def _reader(self, task: SweepTask, connect: Callable[[], Aws]) -> RegionReader:
        return RegionReader(
            connect=connect,
            origin=AccountRegion(task.account_id, task.region),
            policy=self.settings.severity_rules,
            reads_buckets=task.reads_buckets,
            max_calls=max(0, MAX_CALLS - task.calls),
        )

    def _finish(self, task: SweepTask, inventory: RegionInventory, connect: Callable[[], Aws]) -> None:
        """Report what is confirmed, and read again what is not."""
        self.recorder.report(inventory, lambda: _event_history(connect))
        if inventory.unexplained and ResourceKind.RULES not in inventory.unread:
            again = replace(task, not_before=self.now() + _CONFIRM_DELAY_SECONDS, attempt=0, calls=0)
            self.queue.put_delayed(again, _CONFIRM_DELAY_SECONDS)

    def _save_attached_groups(self, task: SweepTask, connect: Callable[[], Aws], at: float) -> None:
        """For reverts of calls that set groups; without reverts nobody needs them."""
        if self.settings.actions.mode is not ActionMode.FULL:
            return
        read = {}
        for kind in Attachable:
            try:
                read[kind] = read_attached_groups(connect(), kind)
            except (ClientError, BotoCoreError) as error:
                facts = {"account_id": task.account_id, "region": task.region, "reason": error_code(error)}
                self.log.warning("attached groups not read", extra={**facts, "kind": kind.value})
        self.attached_groups.save(task.account_id, task.region, read, at)

    def _log_reading(self, inventory: RegionInventory) -> None:
        rules = sum(each.kind is ResourceKind.RULES for each in inventory.items)
        self.log.info(
            "region read",
            extra={
                "account_id": inventory.account_id,
                "region": inventory.region,
                "open": len(inventory.items),
                "open_rules": rules,
                "calls": inventory.calls,
                "unread": {kind.value: code for kind, code in inventory.unread.items()},
            },
        )


def _event_history(connect: Callable[[], Aws]) -> CloudTrailClient | None:
    try:
        return connect().cloudtrail
    except (ClientError, BotoCoreError):
        return None
