"""The FIFO queue between the function URL and functions/act, and the marks of requests that were received before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.actions.click import encode_click
from gatewatch.aws.hub_rows import RowKind
from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

    from gatewatch.actions.click import Click
    from gatewatch.aws.hub_table import HubTable

# A signature is accepted for ten minutes at most: five before and five after its timestamp.
REQUESTS = RowKind(prefix="click", name="the requests of Slack", lifetime=24 * 3600)


class ReplayMarks:
    """Every method raises `HubTableError`."""

    def __init__(self, table: HubTable) -> None:
        self._table = table

    def add(self, key: str) -> bool:
        """Mark a request; False when it was marked before."""
        return self._table.update(
            REQUESTS,
            key,
            "SET received = :at",
            {":at": int(self._table.now())},
            ConditionExpression="attribute_not_exists(received)",
        ).is_applied

    def remove(self, key: str) -> None:
        """Forget a request that could not be recorded, so that a repeat of Slack is accepted."""
        self._table.update(REQUESTS, key, "REMOVE received", {})


class ClickQueue:
    """One message group per alert, so that two clicks on one alert are worked off one after the other."""

    def __init__(self, sqs: SQSClient, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def put(self, click: Click) -> None:
        """Raises `TransientDeliveryError`."""
        try:
            self._sqs.send_message(
                QueueUrl=self._url,
                MessageBody=encode_click(click),
                MessageGroupId=click.alert,
                MessageDeduplicationId=click.key,
            )
        except (ClientError, BotoCoreError) as error:
            raise TransientDeliveryError(f"the queue of clicks cannot be written: {type(error).__name__}") from error
