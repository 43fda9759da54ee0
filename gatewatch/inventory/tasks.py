"""The queue of the sweep: one message per account, then one per Region."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.errors import TransientDeliveryError, UndecodableError
from gatewatch.model.typed_decoding import decode_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_sqs import SQSClient

_MAX_DELAY_SECONDS = 900  # of a message (Amazon SQS developer guide, quotas)
_BATCH = 10


class SweepTask(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Read a Region, or find the Regions of an account when `region` is empty.

    `not_before` is in seconds since 1970, 0 for a task of the daily sweep. `attempt` counts readings that were
    throttled, `calls` their API calls.
    """

    account_id: str
    region: str = ""
    reads_buckets: bool = False
    not_before: float = 0.0
    attempt: int = 0
    calls: int = 0


def parse_task(body: str) -> SweepTask:
    """Raises `UndecodableError`."""
    try:
        return decode_json(body, SweepTask)
    except msgspec.DecodeError as error:
        raise UndecodableError("sweep", f"holds no task ({type(error).__name__})") from error


class TaskQueue:
    """`spread_seconds`: over how long the tasks of one sweep are spread."""

    def __init__(self, sqs: SQSClient, url: str, spread_seconds: int = _MAX_DELAY_SECONDS) -> None:
        self._sqs = sqs
        self._url = url
        self._spread = spread_seconds

    def put(self, tasks: Iterable[SweepTask]) -> None:
        """Send tasks evenly spread over time. Raises `TransientDeliveryError`."""
        every = list(tasks)
        step = self._spread / max(len(every), 1)
        self._send([(each, int(step * number)) for number, each in enumerate(every)])

    def put_delayed(self, task: SweepTask, seconds: float) -> None:
        """Send a task that is received after this time, at most a quarter of an hour."""
        self._send([(task, max(0, min(_MAX_DELAY_SECONDS, ceil(seconds))))])

    def _send(self, tasks: list[tuple[SweepTask, int]]) -> None:
        for start in range(0, len(tasks), _BATCH):
            entries = [
                {"Id": str(number), "MessageBody": msgspec.json.encode(task).decode(), "DelaySeconds": delay}
                for number, (task, delay) in enumerate(tasks[start : start + _BATCH])
            ]
            try:
                failed = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries).get("Failed")  # type: ignore[arg-type]
            except (ClientError, BotoCoreError) as error:
                raise TransientDeliveryError(f"the sweep queue cannot be written: {type(error).__name__}") from error
            if failed:
                raise TransientDeliveryError(f"the sweep queue refused {len(failed)} tasks: {failed[0]['Code']}")
