"""Partial batch responses: only failed records are retried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger


def partial_response(
    event: dict[str, Any], handle: Callable[[dict[str, Any]], None], log: Logger
) -> dict[str, list[dict[str, str]]]:
    """Handle each record; return the ids of those that raised, in the form of Lambda's `ReportBatchItemFailures`."""
    failed = [record["messageId"] for record in event["Records"] if not _handled(record, handle, log)]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _handled(record: dict[str, Any], handle: Callable[[dict[str, Any]], None], log: Logger) -> bool:
    facts = {"message_id": record["messageId"]}
    try:
        handle(record)
    except GatewatchError as error:
        log.warning("failed", extra={**facts, "reason": str(error)})
        return False
    except Exception:
        log.exception("failed", extra=facts)
        return False
    return True
