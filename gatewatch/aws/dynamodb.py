"""Many rows of the hub's table by their keys, as often as DynamoDB asks to come again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from types_boto3_dynamodb import DynamoDBClient

_ATTEMPTS = 20  # an answer holds 16 MB; a hundred rows hold 40 MB at most


def rows_of(dynamodb: DynamoDBClient, table: str, keys: Sequence[Any], what: str) -> Iterator[Mapping[str, Any]]:
    """Those of at most a hundred keys that are there. Raises `TransientDeliveryError`, which names `what`."""
    wanted: Any = {table: {"Keys": list(keys), "ConsistentRead": True}}
    for _ in range(_ATTEMPTS):
        answer = dynamodb.batch_get_item(RequestItems=wanted)
        yield from answer.get("Responses", {}).get(table, [])
        wanted = answer.get("UnprocessedKeys")
        if not wanted:
            return
    raise TransientDeliveryError(f"{what} cannot be read: {_ATTEMPTS} requests were not enough")
