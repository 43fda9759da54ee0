"""Access-key rotation from the command line: plans from a credential report or live accounts, and their execution."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from gatewatch.alerts.own_actions import ActionLog
from gatewatch.aws.clients import Aws, member_iam_clients
from gatewatch.aws.hub_table import HubTable
from gatewatch.cli.errors import aws_errors_as_messages
from gatewatch.config.paths import TEMPLATES
from gatewatch.delivery.outbox import Outbox
from gatewatch.model.iam import masked_key
from gatewatch.remediation.access_keys.credential_report import CredentialReportError, read_credential_report
from gatewatch.remediation.access_keys.executor import KeyStores, load_key_snapshot, undo
from gatewatch.remediation.access_keys.plan import KeyAction, KeyDecision, plan
from gatewatch.remediation.access_keys.records import KeyRecords
from gatewatch.remediation.access_keys.runner import AccessKeyRunner
from gatewatch.remediation.snapshots import SnapshotStore
from gatewatch.rendering.text.labels import load_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

    from gatewatch.config.settings import Settings


def plan_from_report(path: Path, settings: Settings) -> tuple[KeyAction, ...]:
    """Planned actions for the keys of a credential report (CSV). Raises `CredentialReportError`."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialReportError(
            f"{path}: cannot be read; name a credential report (CSV), or the word live."
        ) from error
    return plan(read_credential_report(text, str(path)), settings.access_keys, _now())


def _now() -> datetime:
    return datetime.now(UTC)


class LiveAccessKeys:
    """The access keys of live accounts; uses the table and the outbox of a deployed stage."""

    def __init__(self, settings: Settings, stage: str) -> None:
        aws, table = Aws(), f"gatewatch-{stage}"
        with aws_errors_as_messages():
            url = aws.sqs.get_queue_url(QueueName=f"gatewatch-{stage}-outbox.fifo")["QueueUrl"]
            self._iam_of = cache(member_iam_clients(aws, aws.sqs.meta.region_name, settings.access_keys.role))
        self._runner = AccessKeyRunner(
            settings=settings,
            iam_of=self._iam_of,
            stores=KeyStores(
                SnapshotStore(aws.dynamodb, table),
                KeyRecords(aws.dynamodb, table),
                ActionLog(HubTable(aws.dynamodb, table)),
            ),
            outbox=Outbox(aws.sqs, url),
            labels={language: load_labels(TEMPLATES, language) for language in {*settings.languages, "en"}},
            now=_now,
            log=logging.getLogger(__name__),
        )

    def plan(self, account_ids: Sequence[str]) -> tuple[KeyAction, ...]:
        with aws_errors_as_messages():
            return tuple(action for each in account_ids for action in self._runner.actions(each, self._iam_of(each)))

    def perform(self, actions: Sequence[KeyAction]) -> Iterator[str]:
        """Carry out deactivations and deletions and notify the owners; yield one line for each."""
        for action in actions:
            with aws_errors_as_messages():
                step = self._runner.perform(action, self._iam_of(action.key.account_id), enforce=True)
            key, reason = action.key, f" ({step.reason})" if step.reason else ""
            yield f"{step.status}: {action.decision} {_masked(action)} of {key.user} in {key.account_id}{reason}"

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
}


def print_plan(actions: Sequence[KeyAction], table: Table, console: Console) -> None:
    """Print the planned actions, most severe first; keys without an action are only counted."""
    due = [each for each in actions if each.decision is not KeyDecision.KEEP]
    order = [*_STYLES, KeyDecision.EXEMPT]
    for each in sorted(due, key=lambda action: (order.index(action.decision), -action.age)):
        used = each.key.last_used.strftime("%Y-%m-%d") if each.key.last_used else "-"
        age = str(each.age) if each.key.created else "-"
        key = (each.key.account_id, each.key.user, _masked(each), age, used)
        table.add_row(*key, each.decision.value, each.reason.replace("_", " "), style=_STYLES.get(each.decision, "dim"))
    console.print(table if due else "no key needs an action")
    console.print(f"{len(actions)} keys, {len(due)} of them need an action", style="dim")
