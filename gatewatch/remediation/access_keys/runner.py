"""The keeper of access keys at work: find them, plan, apply what the mode allows, tell of each action once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.errors import GatewatchError
from gatewatch.remediation.access_keys import iam as keys_iam
from gatewatch.remediation.access_keys.executor import Books, KeyStep, apply
from gatewatch.remediation.access_keys.messages import DRY_RUN, messages
from gatewatch.remediation.access_keys.plan import AccessKey, KeyAction, plan
from gatewatch.remediation.access_keys.records import Deed
from gatewatch.remediation.access_keys.trigger import Everyone, OneUser, trigger_of
from gatewatch.remediation.ingress.executor import Done

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from logging import Logger

    from types_boto3_iam import IAMClient

    from gatewatch.config.settings import Settings
    from gatewatch.delivery.outbox import Outbox
    from gatewatch.rendering.text.labels import Labels


class KeysError(GatewatchError):
    """Some accounts could not be looked at or told; the others were."""


@dataclass(frozen=True)
class KeyStage:
    settings: Settings
    iam_of: Callable[[str], IAMClient]
    books: Books
    outbox: Outbox
    labels: Mapping[str, Labels]
    now: Callable[[], datetime]
    log: Logger

    def handle(self, event: dict[str, Any]) -> dict[str, int]:
        """An EventBridge event -> how many keys came to which verdict. Raises `KeysError` after all the work."""
        trigger = trigger_of(event)
        if trigger is None:
            self.log.info("none of our business", extra={"detail_type": str(event.get("detail-type"))})
            return {}
        if isinstance(trigger, Everyone):
            return self._accounts(sorted(self.settings.accounts))
        return _counted(self.one_user(trigger))

    def _accounts(self, account_ids: Iterable[str]) -> dict[str, int]:
        steps: list[KeyStep] = []
        failed: list[str] = []
        for account_id in account_ids:
            try:
                steps.extend(self.account(account_id))
            except (ClientError, BotoCoreError, GatewatchError):
                self.log.exception("account failed", extra={"account_id": account_id})
                failed.append(account_id)
        if failed:
            raise KeysError(f"the access keys of {len(failed)} accounts could not be looked after: {', '.join(failed)}")
        return _counted(steps)

    def account(self, account_id: str) -> list[KeyStep]:
        """Every user of an account, and root."""
        iam = self.iam_of(account_id)
        steps = self._perform(self.actions(account_id, iam), iam)
        self._tell_what_was_begun(account_id, iam, {step.action.key.key_id for step in steps})
        return steps

    def one_user(self, trigger: OneUser) -> list[KeyStep]:
        iam = self.iam_of(trigger.account_id)
        user = keys_iam.user_name(iam, trigger.user_id)
        if user is None:
            self.log.info("the user is gone", extra={"account_id": trigger.account_id})
            return []
        return self._perform(self._plan(keys_iam.keys_of(iam, trigger.account_id, user, self._old())), iam)

    def actions(self, account_id: str, iam: IAMClient) -> tuple[KeyAction, ...]:
        """The plan for an account, nothing of it done."""
        users = (name for _, name in keys_iam.users(iam))
        keys = (key for user in users for key in keys_iam.keys_of(iam, account_id, user, self._old()))
        return self._plan([*keys_iam.root_keys(iam, account_id), *keys])

    def _plan(self, keys: Iterable[AccessKey]) -> tuple[KeyAction, ...]:
        """Of a key that is not old, nothing needs to be known."""
        old = self._old()
        known = (self.books.records.known(key) if key.created and key.created <= old else key for key in keys)
        return plan(known, self.settings.access_keys, self.now())

    def _old(self) -> datetime:
        return self.now() - timedelta(days=self.settings.access_keys.warn_after_days)

    def _perform(self, actions: Sequence[KeyAction], iam: IAMClient) -> list[KeyStep]:
        return [self.perform(action, iam) for action in actions if not action.verdict.is_silent]

    def perform(self, action: KeyAction, iam: IAMClient, *, enforce: bool | None = None) -> KeyStep:
        """One action, done if the mode says so, told, and written down as told."""
        enforced = self.settings.access_keys.mode == "enforce" if enforce is None else enforce
        is_dry = action.verdict.changes_aws and not enforced
        step = KeyStep(action, Done.DONE, DRY_RUN) if is_dry else apply(action, iam, self.books, self.now())
        self._tell(step)
        if action.verdict.changes_aws and step.done is Done.DONE and not is_dry:
            self.books.records.told(action.key)
        return step

    def _tell(self, step: KeyStep) -> None:
        self.outbox.put(messages(step, self.settings, self.labels, self.now()))
        facts = {"account_id": step.action.key.account_id, "user": step.action.key.user}
        self.log.info(step.action.verdict.value, extra={**facts, "done": step.done.value, "why": step.why})

    def _tell_what_was_begun(self, account_id: str, iam: IAMClient, handled: set[str]) -> None:
        """A process that died between the deed and the message left this; a deed that was not done is planned anew."""
        for key_id in self.books.records.untold(account_id):
            record = self.books.records.load(account_id, key_id)
            if key_id in handled or record is None or record.action is None:
                continue
            standing = keys_iam.look_again(iam, record.action.key)
            is_done = standing is None if record.deed is Deed.DELETED else bool(standing and not standing.is_active)
            if is_done:
                self._tell(KeyStep(record.action, Done.DONE))
            self.books.records.told(record.action.key)


def _counted(steps: Sequence[KeyStep]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for step in steps:
        name = step.action.verdict if step.done is Done.DONE else step.done
        counts[name.value] = counts.get(name.value, 0) + 1
    return counts
