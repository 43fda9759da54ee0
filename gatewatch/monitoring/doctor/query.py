"""Run one AWS query; a failure becomes a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws.error_codes import error_code
from gatewatch.errors import GatewatchError
from gatewatch.monitoring.doctor.model import QueryFailed

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")
_NOT_FOUND_CODES = frozenset(
    {"ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NoSuchEntity"}
)


def run_query(query: Callable[[], Result]) -> Result | QueryFailed:
    """Return the result of `query`, or why it failed."""
    try:
        return query()
    except (ClientError, BotoCoreError, GatewatchError, ValueError) as error:  # ValueError: invalid JSON
        return QueryFailed(error_code(error))


def is_not_found(error: ClientError) -> bool:
    return error_code(error) in _NOT_FOUND_CODES
