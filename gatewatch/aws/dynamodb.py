"""Batched reads of the hub table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from types_boto3_dynamodb import DynamoDBClient

_MAX_REQUESTS = 20  # a response holds 16 MB, a hundred rows of 400 KB hold 40 MB


def batch_get_rows(dynamodb: DynamoDBClient, table: str, keys: Sequence[Any], what: str) -> Iterator[Mapping[str, Any]]:
    """Read the rows of up to 100 keys, as far as they exist; `what` names them in the `TransientDeliveryError`."""
    wanted: Any = {table: {"Keys": list(keys), "ConsistentRead": True}}
    for _ in range(_MAX_REQUESTS):
        response = dynamodb.batch_get_item(RequestItems=wanted)
        yield from response.get("Responses", {}).get(table, [])
        wanted = response.get("UnprocessedKeys")
        if not wanted:
            return
    raise TransientDeliveryError(f"{what} cannot be read: {_MAX_REQUESTS} requests were not enough")
