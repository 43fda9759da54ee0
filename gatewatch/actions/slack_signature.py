"""Verifies that a request to the function URL comes from Slack. Works on bytes and imports little.

https://docs.slack.dev/authentication/verifying-requests-from-slack: the signature is `v0=` and the hexadecimal
HMAC-SHA256, under the app's signing secret, of `v0:`, the timestamp, `:` and the body as it was sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_BODY = 512 * 1024  # a click carries the message that it was made in
_MAX_AGE = 300  # seconds, in either direction
_TIMESTAMP = re.compile(r"[0-9]{1,12}\Z", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}\Z", re.ASCII)


class SignedRequest(NamedTuple):
    """A request whose headers have the form of Slack's. Nothing is verified yet."""

    body: bytes
    timestamp: bytes
    signature: bytes

    @property
    def digest(self) -> str:
        """The same for each repeat of a request: headers are not signed, so nothing else identifies one."""
        return hashlib.sha256(self.timestamp + b":" + self.body).hexdigest()


def signed_request(event: dict[str, Any], now: float) -> SignedRequest | None:
    """Read an event of a function URL (payload format 2.0); None when its form or its time excludes a signature."""
    headers = event.get("headers")
    timestamp = _header(headers, "x-slack-request-timestamp")
    signature = _header(headers, "x-slack-signature")
    if not _TIMESTAMP.match(timestamp) or not _SIGNATURE.match(signature) or abs(now - int(timestamp)) > _MAX_AGE:
        return None
    body = _body(event)
    return None if body is None else SignedRequest(body, timestamp.encode(), signature.encode())


def is_signed(request: SignedRequest, secrets: Iterable[bytes]) -> bool:
    """Whether any of the secrets signed a request; all are tried, each in constant time."""
    base = b"v0:" + request.timestamp + b":" + request.body
    found = [hmac.compare_digest(_hmac(secret, base), request.signature) for secret in secrets if secret]
    return any(found)


def signing_secrets(text: str) -> tuple[bytes, ...]:
    """The secrets of a stored value: the current one and, while it is rotated, the one before, on a second line."""
    return tuple(each.encode() for each in text.split()[:2])


def _hmac(secret: bytes, base: bytes) -> bytes:
    return b"v0=" + hmac.new(secret, base, hashlib.sha256).hexdigest().encode()


def _header(headers: object, name: str) -> str:
    """Function URLs send header names in lower case."""
    value = headers.get(name) if isinstance(headers, dict) else None
    return value if isinstance(value, str) else ""


def _body(event: dict[str, Any]) -> bytes | None:
    body = event.get("body")
    if not isinstance(body, str) or len(body) > 2 * _MAX_BODY:
        return None
    try:
        decoded = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") is True else body.encode()
    except (binascii.Error, UnicodeEncodeError, ValueError):
        return None
    return decoded if len(decoded) <= _MAX_BODY else None
