"""What the answer of a destination means: delivered, retry, uncertain, or refused."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UncertainDeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    A = TypeVar("A", bound="Answer")


class DeliveryOutcome(Enum):
    """RETRY: the message was not accepted. UNCERTAIN: nothing says whether it was."""

    DELIVERED = "delivered"
    RETRY = "retry"
    UNCERTAIN = "uncertain"
    REFUSED = "refused"


class Answer(Struct, frozen=True):
    """`retry_after` is in seconds. `is_secret_stale`: the secret may have been rotated, so that it is read again."""

    outcome: DeliveryOutcome
    reason: str
    retry_after: float | None = None
    is_secret_stale: bool = False


RETRY_STATUS = frozenset({408, 425, 429})
OK, REDIRECT, SERVER_ERROR, GATEWAY_TIMEOUT = 200, 300, 500, 504
_STALE_SECRET_STATUS = frozenset({401, 403, 404, 410})


def answer_of_status(status: int, headers: Mapping[str, str]) -> Answer:
    """Interpret a status alone: 2xx is a delivery, a redirect is not, 408, 425, 429 and 5xx are worth a retry.

    504 is the answer of a proxy that got none.
    """
    reason = f"HTTP {status}"
    if OK <= status < REDIRECT:
        return Answer(DeliveryOutcome.DELIVERED, reason)
    if status == GATEWAY_TIMEOUT:
        return Answer(DeliveryOutcome.UNCERTAIN, reason)
    if status in RETRY_STATUS or status >= SERVER_ERROR:
        return Answer(DeliveryOutcome.RETRY, reason, retry_after(headers))
    return Answer(DeliveryOutcome.REFUSED, reason, is_secret_stale=status in _STALE_SECRET_STATUS)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds; None for the date form, which no destination of gatewatch sends."""
    value = headers.get("Retry-After", "").strip()
    return float(value) if value.isascii() and value.isdigit() else None


def accepted(attempt: Callable[[bool], A]) -> A:
    """Return the answer of a delivery; `attempt` takes whether to read the secret again, which is done once.

    Raises `TransientDeliveryError`, `UncertainDeliveryError` or `PermanentDeliveryError`.
    """
    answer = attempt(False)  # noqa: FBT003  with the cached secret
    if answer.outcome is DeliveryOutcome.REFUSED and answer.is_secret_stale:
        answer = attempt(True)  # noqa: FBT003  once more with the current secret
    if answer.outcome is DeliveryOutcome.RETRY:
        raise TransientDeliveryError(answer.reason, answer.retry_after)
    if answer.outcome is DeliveryOutcome.UNCERTAIN:
        raise UncertainDeliveryError(answer.reason)
    if answer.outcome is DeliveryOutcome.REFUSED:
        raise PermanentDeliveryError(answer.reason)
    return answer
