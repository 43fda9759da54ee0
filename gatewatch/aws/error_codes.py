"""Error codes of AWS, as botocore reports them."""

from __future__ import annotations

import re

from botocore.exceptions import ClientError

CONDITION_FAILED = "ConditionalCheckFailedException"
THROTTLED = re.compile(r"RequestLimitExceeded|Throttl|SlowDown|TooManyRequests")
# Errors that pass by themselves: of a service, of the network, of credentials that ended meanwhile.
_TEMPORARY = re.compile(
    r"Internal(Error|Failure|ServiceError)|(Service)?Unavailable|ExpiredToken|RequestExpired|RequestTimeout"
    r"|(Connect|Read)TimeoutError|EndpointConnectionError|ConnectionClosedError"
)


def error_code(error: BaseException) -> str:
    """Return the code of an error of AWS or of the hub table, or the type of any other error.

    Never the text of an error: it can contain values of events or secrets.
    """
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else getattr(error, "code", "")
    return code or type(error).__name__


def is_throttling(code: str) -> bool:
    """Whether an error code says that the account makes too many requests."""
    return THROTTLED.search(code) is not None


def is_temporary(code: str) -> bool:
    """Whether the same request can succeed a few minutes later."""
    return is_throttling(code) or _TEMPORARY.search(code) is not None
