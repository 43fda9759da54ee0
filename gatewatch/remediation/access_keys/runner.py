"""Access key rotation: list keys, plan, apply what the mode allows, send one message for each action."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws.error_codes import error_code
from gatewatch.errors import GatewatchError
from gatewatch.remediation.access_keys import iam as keys_iam
from gatewatch.remediation.access_keys.executor import KeyStepResult, KeyStores, apply_key_action
from gatewatch.remediation.access_keys.messages import DRY_RUN, key_messages, refused_role_messages
from gatewatch.remediation.access_keys.plan import AccessKey, KeyAction, KeyDecision, plan_key_actions, unreadable_keys
from gatewatch.remediation.access_keys.records import KeyEvent
from gatewatch.remediation.access_keys.trigger import AllAccounts, OneUser, trigger_of
from gatewatch.remediation.ingress.executor import StepStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from logging import Logger

    from types_boto3_iam import IAMClient

    from gatewatch.config.settings import Settings
    from gatewatch.delivery.outbox import MessageSink


USER_DELETED = "NoSuchEntity"  # IAM error code: the user was deleted after it was listed


class AccessKeyRunError(GatewatchError):
    """Some accounts could not be processed; the others were."""


@dataclass(frozen=True)
class AccessKeyRunner:
    """`iam_of` returns the IAM client of an account."""

    settings: Settings
    iam_of: Callable[[str], IAMClient]
    stores: KeyStores
    outbox: MessageSink
    now: Callable[[], datetime]
    log: Logger

    def handle(self, event: dict[str, Any]) -> dict[str, int]:
        """Process an EventBridge event and count keys by decision. Raises `AccessKeyRunError` after all accounts."""
        trigger = trigger_of(event)
        if trigger is None:
            self.log.info("event ignored", extra={"detail_type": str(event.get("detail-type"))})
            return {}
        if isinstance(trigger, AllAccounts):
            return self._accounts(sorted(self.settings.accounts), self.account)
        if trigger.account_id not in self.settings.accounts:
            self.log.info("account not listed", extra={"account_id": trigger.account_id})
            return {}
        return self._accounts([trigger.account_id], lambda _: self.one_user(trigger))

    def _accounts(self, account_ids: Iterable[str], process: Callable[[str], list[KeyStepResult]]) -> dict[str, int]:
        steps: list[KeyStepResult] = []
        failed: list[str] = []
        for account_id in account_ids:
            try:
                steps.extend(process(account_id))
            except (ClientError, BotoCoreError, GatewatchError) as error:
                if _is_role_refused(error):
                    self._report_refused_role(account_id)
                    continue
                self.log.exception("access keys of an account failed", extra={"account_id": account_id})
                failed.append(account_id)
        if failed:
            raise AccessKeyRunError(f"the access keys of {len(failed)} accounts failed: {', '.join(failed)}")
        return _counted(steps)

    def account(self, account_id: str) -> list[KeyStepResult]:
        """Process every user of an account, and root. Raises `AccessKeyRunError` when a user could not be read."""
        iam = self.iam_of(account_id)
        actions = self.actions(account_id, iam)
        steps = self._perform(actions, iam)
        self._report_unfinished(account_id, iam, {step.action.key.key_id for step in steps})
        unread = [each for each in actions if each.decision is KeyDecision.UNREADABLE and each.reason != USER_DELETED]
        if unread:
            raise AccessKeyRunError(f"the keys of {len(unread)} users cannot be read: {unread[0].reason}")
        return steps

    def one_user(self, trigger: OneUser) -> list[KeyStepResult]:
        """Process the user that AWS Config names; nothing when it does not exist any more."""
        iam = self.iam_of(trigger.account_id)
        user = keys_iam.user_name(iam, trigger.user_id)
        if user is None:
            self.log.info("the user does not exist any more", extra={"account_id": trigger.account_id})
            return []
        keys = keys_iam.keys_of(iam, trigger.account_id, user, self._warning_cutoff())
        return self._perform(self._plan(keys), iam)

    def actions(self, account_id: str, iam: IAMClient) -> tuple[KeyAction, ...]:
        """Plan for an account without changing anything. A user whose keys cannot be read does not end it."""
        keys, unreadable = [*keys_iam.root_keys(iam, account_id)], []
        for _, user in keys_iam.users(iam):
            try:
                keys.extend(keys_iam.keys_of(iam, account_id, user, self._warning_cutoff()))
            except ClientError as error:
                unreadable.append(unreadable_keys(account_id, error_code(error), user))
        return (*self._plan(keys), *unreadable)

    def _plan(self, keys: Iterable[AccessKey]) -> tuple[KeyAction, ...]:
        """The records of a key are read only when it is old."""
        cutoff, records = self._warning_cutoff(), self.stores.records
        complete = (records.with_history(key) if key.created and key.created <= cutoff else key for key in keys)
        return plan_key_actions(complete, self.settings.access_keys, self.now())

    def _warning_cutoff(self) -> datetime:
        return self.now() - timedelta(days=self.settings.access_keys.warn_after_days)

    def _perform(self, actions: Sequence[KeyAction], iam: IAMClient) -> list[KeyStepResult]:
        return [self.perform(action, iam) for action in actions if not action.decision.is_silent]

    def perform(self, action: KeyAction, iam: IAMClient, *, enforce: bool | None = None) -> KeyStepResult:
        """Perform one action if the mode says so, send its message, and record that it was sent."""
        enforced = self.settings.access_keys.mode == "enforce" if enforce is None else enforce
        is_dry_run = action.decision.changes_aws and not enforced
        dry_run = KeyStepResult(action, StepStatus.DONE, DRY_RUN)
        step = dry_run if is_dry_run else apply_key_action(action, iam, self.stores, self.now())
        self._report(step)
        if action.decision.changes_aws and step.status is StepStatus.DONE and not is_dry_run:
            self.stores.records.mark_reported(action.key)
        return step

    def _report_refused_role(self, account_id: str) -> None:
        """The key of the message is the same every day, so that the ledger delivers it once."""
        self.outbox.put(refused_role_messages(account_id, self.settings))
        self.log.warning("role refused", extra={"account_id": account_id})

    def _report(self, step: KeyStepResult) -> None:
        self.outbox.put(key_messages(step, self.settings, self.now()))
        facts = {"account_id": step.action.key.account_id, "user": step.action.key.user}
        self.log.info(step.action.decision.value, extra={**facts, "status": step.status.value, "reason": step.reason})

    def _report_unfinished(self, account_id: str, iam: IAMClient, handled: set[str]) -> None:
        """Send the messages that an earlier run did not; a change it did not make is planned again."""
        for key_id in self.stores.records.unreported(account_id):
            record = self.stores.records.load(account_id, key_id)
            if key_id in handled or record is None or record.action is None:
                continue
            current = keys_iam.current_state(iam, record.action.key)
            is_done = current is None if record.event is KeyEvent.DELETED else bool(current and not current.is_active)
            if is_done:
                self._report(KeyStepResult(record.action, StepStatus.DONE))
            self.stores.records.mark_reported(record.action.key)


def _is_role_refused(error: Exception) -> bool:
    """Whether the account does not let gatewatch in: it is closed, or has no role."""
    is_assume_role = isinstance(error, ClientError) and error.operation_name == "AssumeRole"
    return is_assume_role and error_code(error) == "AccessDenied"


def _counted(steps: Sequence[KeyStepResult]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for step in steps:
        name = step.action.decision if step.status is StepStatus.DONE else step.status
        counts[name.value] = counts.get(name.value, 0) + 1
    return counts
