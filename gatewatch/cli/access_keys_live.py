"""Old access keys at a desk: what a credential report or live accounts ask for, and doing it once a person said yes."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.alerts.own_actions import DeedBook
from gatewatch.aws.clients import Aws, iam_of_members
from gatewatch.config.paths import TEMPLATES
from gatewatch.delivery.outbox import Outbox
from gatewatch.errors import GatewatchError
from gatewatch.model.iam import masked_key
from gatewatch.remediation.access_keys.credential_report import ReportError, keys_of_report
from gatewatch.remediation.access_keys.executor import Books, picture, undo
from gatewatch.remediation.access_keys.plan import KeyAction, Verdict, plan
from gatewatch.remediation.access_keys.records import KeyRecords
from gatewatch.remediation.access_keys.runner import KeyStage
from gatewatch.remediation.preimages import PreImages
from gatewatch.rendering.text.labels import load_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

    from gatewatch.config.settings import Settings


class KeysDeskError(GatewatchError):
    """AWS cannot be reached, or says no."""


def planned_from_report(path: Path, settings: Settings) -> tuple[KeyAction, ...]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{path}: cannot be read; name a credential report (CSV), or the word live.") from error
    return plan(keys_of_report(text, str(path)), settings.access_keys, _now())


def _now() -> datetime:
    return datetime.now(UTC)


class LiveKeys:
    """The keys of live accounts, with the books and the outbox of a deployed stage."""

    def __init__(self, settings: Settings, stage: str) -> None:
        aws, table = Aws(), f"gatewatch-{stage}"
        with _sentences():
            url = aws.sqs.get_queue_url(QueueName=f"gatewatch-{stage}-outbox.fifo")["QueueUrl"]
            self._iam_of = cache(iam_of_members(aws, aws.sqs.meta.region_name, settings.access_keys.role))
        self._stage = KeyStage(
            settings=settings,
            iam_of=self._iam_of,
            books=Books(PreImages(aws.dynamodb, table), KeyRecords(aws.dynamodb, table), DeedBook(aws.dynamodb, table)),
            outbox=Outbox(aws.sqs, url),
            labels={language: load_labels(TEMPLATES, language) for language in {*settings.languages, "en"}},
            now=_now,
            log=logging.getLogger(__name__),
        )

    def planned(self, account_ids: Sequence[str]) -> tuple[KeyAction, ...]:
        with _sentences():
            return tuple(action for each in account_ids for action in self._stage.actions(each, self._iam_of(each)))

    def perform(self, actions: Sequence[KeyAction]) -> Iterator[str]:
        """Each deactivation and deletion as one sentence, once it is done; the owners are told as well."""
        for action in actions:
            with _sentences():
                step = self._stage.perform(action, self._iam_of(action.key.account_id), enforce=True)
            why = f" ({step.why})" if step.why else ""
            yield f"{step.done}: {action.verdict} {_key(action)} of {action.key.user} in {action.key.account_id}{why}"

    def undo(self, change_id: str) -> str:
        with _sentences():
            key = picture(change_id, self._stage.books)
            step = undo(key, self._iam_of(key.account_id), self._stage.books, _now())
        return f"{step.done}: {masked_key(key.key_id)} of {key.user} in {key.account_id} is active"


@contextmanager
def _sentences() -> Iterator[None]:
    """AWS's refusals as one sentence each."""
    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        raise KeysDeskError(f"AWS refused {error.operation_name}: {said.get('Code')}: {said.get('Message')}") from error
    except BotoCoreError as error:
        raise KeysDeskError(f"AWS cannot be reached: {error}") from error


def _key(action: KeyAction) -> str:
    return masked_key(action.key.key_id)


_STYLES = {
    Verdict.DELETE: "bold red",
    Verdict.DEACTIVATE: "red",
    Verdict.ESCALATE: "yellow",
    Verdict.REPORT: "yellow",
    Verdict.WARN: "blue",
}


def show(actions: Sequence[KeyAction], table: Table, console: Console) -> None:
    """What is due, worst first; keys that need nothing are only counted."""
    due = [each for each in actions if each.verdict is not Verdict.KEEP]
    order = [*_STYLES, Verdict.EXEMPT]
    for each in sorted(due, key=lambda action: (order.index(action.verdict), -action.age)):
        used = each.key.last_used.strftime("%Y-%m-%d") if each.key.last_used else "-"
        age = str(each.age) if each.key.created else "-"
        who = (each.key.account_id, each.key.user, _key(each), age, used)
        table.add_row(*who, each.verdict.value, each.why.replace("_", " "), style=_STYLES.get(each.verdict, "dim"))
    console.print(table if due else "no key is due")
    console.print(f"{len(actions)} keys, {len(due)} of them due for something", style="dim")
