"""Circuit breaker of the lookups, by account and Region."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from botocore.exceptions import ConnectionError, HTTPClientError  # noqa: A004

from gatewatch.aws.circuit_breaker import CircuitBreaker
from gatewatch.aws.error_codes import THROTTLED, error_code

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = 30.0
_THROTTLED_SECONDS = 60.0  # the account's own tools share its API quota
_ACCESS_DENIED_SECONDS = 600.0  # a missing role is not created within seconds
_ALL_ACCOUNTS = "everywhere"
_ACCESS_DENIED = re.compile(
    r"AccessDenied|Unauthorized|AuthFailure|OptInRequired|UnrecognizedClient|InvalidClientTokenId"
)


class Cooldown:
    """Access and throttling concern one account. A timeout concerns the account in one Region.

    A Region as a whole is paused after failures for two accounts without a success in between.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._breaker = CircuitBreaker(monotonic)
        self._failed: dict[str, set[str]] = {}

    def is_active(self, account_id: str, region: str) -> bool:
        return self._breaker.is_open(account_id, region, f"{account_id} {region}", _ALL_ACCOUNTS)

    def on_assume_role_failure(self, error: BaseException, account_id: str, region: str) -> None:
        """STS is the same endpoint for every account: when it does not answer, all lookups are paused."""
        if isinstance(error, ConnectionError | HTTPClientError | TimeoutError):
            self._breaker.open(_ALL_ACCOUNTS, _SECONDS)
        else:
            self.on_failure(error, account_id, region)

    def on_failure(self, error: BaseException, account_id: str, region: str) -> None:
        seconds = next((each for pattern, each in _ACCOUNT_COOLDOWNS if pattern.search(error_code(error))), None)
        if seconds:
            self._breaker.open(account_id, seconds)
            return
        failed = self._failed.setdefault(region, set())
        failed.add(account_id)
        self._breaker.open(f"{account_id} {region}" if len(failed) == 1 else region, _SECONDS)

    def on_success(self, region: str) -> None:
        self._failed.pop(region, None)


def is_access_denied(error: BaseException) -> bool:
    return bool(_ACCESS_DENIED.search(error_code(error)))


_ACCOUNT_COOLDOWNS = ((_ACCESS_DENIED, _ACCESS_DENIED_SECONDS), (THROTTLED, _THROTTLED_SECONDS))
