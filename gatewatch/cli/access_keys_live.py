"""Access-key rotation from the command line: plans from a credential report or live accounts, and their execution."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import typer
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.alerts.own_actions import ActionLog
from gatewatch.aws.clients import Aws, member_iam_clients
from gatewatch.aws.error_codes import error_code
from gatewatch.aws.hub_table import HubTable
from gatewatch.cli.errors import aws_errors_as_messages
from gatewatch.cli.listing import print_list
from gatewatch.cli.options import ListFormat
from gatewatch.delivery.outbox import Outbox
from gatewatch.model.iam import masked_key
from gatewatch.remediation.access_keys.credential_report import CredentialReportError, read_credential_report
from gatewatch.remediation.access_keys.executor import KeyStepResult, KeyStores, load_key_snapshot, undo
from gatewatch.remediation.access_keys.plan import KeyAction, KeyDecision, plan_key_actions, unreadable_keys
from gatewatch.remediation.access_keys.records import KeyRecords
from gatewatch.remediation.access_keys.runner import AccessKeyRunner
from gatewatch.remediation.ingress.executor import StepStatus
from gatewatch.remediation.snapshots import SnapshotStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gatewatch.config.settings import Settings


def plan_from_report(path: Path, settings: Settings) -> tuple[KeyAction, ...]:
    """Planned actions for the keys of a credential report (CSV). Raises `CredentialReportError`."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialReportError(
            f"{path}: cannot be read; name a credential report (CSV), or the word live."
        ) from error
    return plan_key_actions(read_credential_report(text, str(path)), settings.access_keys, _now())


def _now() -> datetime:
    return datetime.now(UTC)


class PerformedAction(Struct, frozen=True):
    """The line about a change."""

    text: str
    has_failed: bool


class LiveAccessKeys:
    """The access keys of live accounts; uses the table and the outbox of a deployed stage."""

    def __init__(self, settings: Settings, stage: str) -> None:
        aws = Aws()
        table = HubTable(aws.dynamodb, f"gatewatch-{stage}")
        with aws_errors_as_messages():
            url = aws.sqs.get_queue_url(QueueName=f"gatewatch-{stage}-outbox.fifo")["QueueUrl"]
            self._iam_of = cache(member_iam_clients(aws, aws.sqs.meta.region_name, settings.access_keys.role))
        self._runner = AccessKeyRunner(
            settings=settings,
            iam_of=self._iam_of,
            stores=KeyStores(SnapshotStore(table), KeyRecords(table), ActionLog(table)),
            outbox=Outbox(aws.sqs, url),
            now=_now,
            log=logging.getLogger(__name__),
        )

    def plan(self, account_ids: Sequence[str]) -> tuple[KeyAction, ...]:
        """Plan for several accounts. An account or user that cannot be read is an UNREADABLE action."""
        return tuple(action for each in account_ids for action in self._plan_account(each))

    def _plan_account(self, account_id: str) -> tuple[KeyAction, ...]:
        try:
            return self._runner.actions(account_id, self._iam_of(account_id))
        except (ClientError, BotoCoreError) as error:
            return (unreadable_keys(account_id, error_code(error)),)

    def perform(self, actions: Sequence[KeyAction]) -> Iterator[PerformedAction]:
        """Carry out deactivations and deletions and notify the owners."""
        for action in actions:
            key, change = action.key, f"{action.decision} {_masked(action)} of {action.key.user}"
            try:
                step = self._runner.perform(action, self._iam_of(key.account_id), enforce=True)
            except (ClientError, BotoCoreError) as error:
                step = KeyStepResult(action, StepStatus.FAILED, error_code(error))
            reason = f" ({step.reason})" if step.reason else ""
            text = f"{step.status}: {change} in {key.account_id}{reason}"
            yield PerformedAction(text, has_failed=step.status is StepStatus.FAILED)

    def undo(self, change_id: str) -> str:
        """Reactivate the key of a change; return a line that says so."""
        with aws_errors_as_messages():
            key = load_key_snapshot(change_id, self._runner.stores)
            step = undo(key, self._iam_of(key.account_id), self._runner.stores, _now())
        return f"{step.status}: {masked_key(key.key_id)} of {key.user} in {key.account_id} is active"


def _masked(action: KeyAction) -> str:
    return masked_key(action.key.key_id)


_STYLES = {
    KeyDecision.DELETE: "bold red",
    KeyDecision.DEACTIVATE: "red",
    KeyDecision.ESCALATE: "yellow",
    KeyDecision.REPORT: "yellow",
    KeyDecision.WARN: "blue",
    KeyDecision.UNREADABLE: "red",
}


class KeyRow(Struct, frozen=True, kw_only=True):
    """One key of the list. `age` is in days; `last_used` is a date."""

    account: str
    user: str
    key: str
    age: int | None
    last_used: str | None
    action: KeyDecision
    reason: str


def print_plan(actions: Sequence[KeyAction], output: ListFormat) -> None:
    """Print the planned actions, most severe first; keys without an action are only counted."""
    order = [*_STYLES, KeyDecision.EXEMPT]
    due = [each for each in actions if each.decision is not KeyDecision.KEEP]
    rows = [_row(each) for each in sorted(due, key=lambda action: (order.index(action.decision), -action.age))]
    print_list(rows, KeyRow, output, lambda row: _STYLES.get(row.action, "dim"))
    if output is ListFormat.TABLE:
        keys = [each for each in actions if each.decision is not KeyDecision.UNREADABLE]
        needing = sum(each.decision is not KeyDecision.KEEP for each in keys)
        if not rows:
            typer.echo("no key needs an action")
        typer.echo(f"{len(keys)} keys, {needing} of them need an action")


def _row(action: KeyAction) -> KeyRow:
    key = action.key
    return KeyRow(
        account=key.account_id,
        user=key.user,
        key=_masked(action),
        age=action.age if key.created else None,
        last_used=key.last_used.strftime("%Y-%m-%d") if key.last_used else None,
        action=action.decision,
        reason=action.reason.replace("_", " "),
    )
