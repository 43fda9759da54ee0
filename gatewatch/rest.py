"""Who is left alone for a while after a failure: an account that refuses, a Region that does not answer."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

EVERYWHERE = "everywhere"
_SECONDS = 30.0
_THROTTLED_SECONDS = 60.0  # the account's own tools share its quota of requests
_REFUSED_SECONDS = 600.0  # a role does not appear within minutes
_THROTTLED = re.compile(r"RequestLimitExceeded|Throttl|SlowDown|TooManyRequests")
_REFUSED = re.compile(r"AccessDenied|Unauthorized|AuthFailure|OptInRequired|UnrecognizedClient|InvalidClientTokenId")


class Rest:
    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until: dict[str, float] = {}

    def has(self, *names: str) -> bool:
        """Whether one of these rests, or everything does."""
        now = self._monotonic()
        return any(self._until.get(name, now) > now for name in (*names, EVERYWHERE))

    def after(self, error: BaseException, account_id: str, where: str) -> None:
        """An account has its own rights and its own quota; anything else is the trouble of a whole place."""
        seconds = next((each for pattern, each in _OF_ACCOUNT if pattern.search(reason(error))), None)
        name = account_id if seconds else where
        self._until[name] = self._monotonic() + (seconds or _SECONDS)


def reason(error: BaseException) -> str:
    """The code of AWS, or what sort of error it is: never its text, which may hold anything."""
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return code or type(error).__name__


def is_refused(error: BaseException) -> bool:
    return bool(_REFUSED.search(reason(error)))


_OF_ACCOUNT = ((_REFUSED, _REFUSED_SECONDS), (_THROTTLED, _THROTTLED_SECONDS))
