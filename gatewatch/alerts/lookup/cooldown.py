"""Who is left alone for a while after a failure: an account that refuses, a Region that does not answer."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = 30.0
_THROTTLED_SECONDS = 60.0  # the account's own tools share its quota of requests
_REFUSED_SECONDS = 600.0  # a role does not appear within minutes
_EVERYWHERE = "everywhere"
_THROTTLED = re.compile(r"RequestLimitExceeded|Throttl|SlowDown|TooManyRequests")
_REFUSED = re.compile(r"AccessDenied|Unauthorized|AuthFailure|OptInRequired|UnrecognizedClient|InvalidClientTokenId")


class Rest:
    """An account has its own rights and its own quota. A place where it is slow may be slow for nobody else.

    A Region rests when it failed two accounts, and nobody got an answer in between.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until: dict[str, float] = {}
        self._failed: dict[str, set[str]] = {}

    def has(self, account_id: str, region: str) -> bool:
        now = self._monotonic()
        names = (account_id, region, f"{account_id} {region}", _EVERYWHERE)
        return any(self._until.get(name, now) > now for name in names)

    def after_entering(self, error: BaseException, account_id: str, region: str) -> None:
        """What gives credentials is the same for every account: when it says nothing, nobody needs to ask it."""
        if isinstance(error, ConnectionError | HTTPClientError | TimeoutError):
            self._put(_EVERYWHERE, _SECONDS)
        else:
            self.after(error, account_id, region)

    def after(self, error: BaseException, account_id: str, region: str) -> None:
        seconds = next((each for pattern, each in _OF_ACCOUNT if pattern.search(reason(error))), None)
        if seconds:
            self._put(account_id, seconds)
            return
        failed = self._failed.setdefault(region, set())
        failed.add(account_id)
        self._put(f"{account_id} {region}" if len(failed) == 1 else region, _SECONDS)

    def answered(self, region: str) -> None:
        self._failed.pop(region, None)

    def _put(self, name: str, seconds: float) -> None:
        self._until[name] = self._monotonic() + seconds


def reason(error: BaseException) -> str:
    """The code of AWS, or what sort of error it is: never its text, which may hold anything."""
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return code or type(error).__name__


def is_refused(error: BaseException) -> bool:
    return bool(_REFUSED.search(reason(error)))


_OF_ACCOUNT = ((_REFUSED, _REFUSED_SECONDS), (_THROTTLED, _THROTTLED_SECONDS))
