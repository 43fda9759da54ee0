"""What something looked like before gatewatch touched it: written before the touch, read by `gatewatch undo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_KEPT_SECONDS = 400 * 24 * 3600  # a year of audit, and a month to notice


class PreImageError(GatewatchError):
    """The picture of before cannot be kept or found; then nothing is changed."""


class PreImage(Struct, frozen=True, kw_only=True):
    """`body` is the JSON of the family's own picture; `at` in seconds since 1970; `actor` who had put it so."""

    change_id: str
    kind: str
    account_id: str
    region: str
    resource_id: str
    at: float
    body: str
    actor: str = ""
    event_id: str = ""


class PreImages:
    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def save(self, image: PreImage) -> None:
        """Raises `PreImageError`: without a picture of before there is no after."""
        row = {"body": {"S": msgspec.json.encode(image).decode()}, "expires": {"N": str(int(image.at) + _KEPT_SECONDS)}}
        try:
            self._dynamodb.put_item(TableName=self._table, Item={**_key(image.change_id), **row})
        except (ClientError, BotoCoreError) as error:
            raise PreImageError(f"the pre-image cannot be written: {type(error).__name__}") from error

    def load(self, change_id: str) -> PreImage:
        try:
            answer = self._dynamodb.get_item(TableName=self._table, Key=_key(change_id), ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise PreImageError(f"the pre-images cannot be read: {error}") from error
        if "Item" not in answer:
            raise PreImageError(
                f"there is no change {change_id}; the message of a change names it, and so does the log."
            )
        return msgspec.json.decode(answer["Item"]["body"]["S"], type=PreImage)


def _key(change_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"preimage#{change_id}"}}
