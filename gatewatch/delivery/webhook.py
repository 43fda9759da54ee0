"""Webhook of the user's choice: JSON, signed so that the receiver can check who sent it and when."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import msgspec

from gatewatch.delivery.answers import Answer, DeliveryOutcome, accepted, answer_of_status
from gatewatch.delivery.http import JSON_HEADERS, is_public_address
from gatewatch.model.message import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.config.destinations import Webhook
    from gatewatch.delivery.http import HttpClient
    from gatewatch.delivery.secrets import SecretStore
    from gatewatch.rendering.json_message import JsonMessage

TIMESTAMP_HEADER, SIGNATURE_HEADER = "X-Gatewatch-Timestamp", "X-Gatewatch-Signature"
_UNUSABLE = Answer(DeliveryOutcome.REFUSED, "the secret of url is no https URL of a public host", is_secret_stale=True)
_NO_KEY = Answer(DeliveryOutcome.REFUSED, "the secret of signing_key is empty", is_secret_stale=True)


class WebhookSender:
    """`now` returns seconds since 1970."""

    def __init__(self, http: HttpClient, secrets: SecretStore, now: Callable[[], float]) -> None:
        self._http = http
        self._secrets = secrets
        self._now = now

    def post(self, name: str, message: JsonMessage, destination: Webhook) -> Receipt:
        """Post a signed message; return the receipt of destination `name`.

        Raises `TransientDeliveryError` or `PermanentDeliveryError`.
        """
        body = msgspec.json.encode(message)
        answer = accepted(lambda fresh: self._attempt(body, destination, fresh=fresh))
        return Receipt(name, answer.reason)

    def _attempt(self, body: bytes, destination: Webhook, *, fresh: bool) -> Answer:
        url = self._secrets.get(destination.url, fresh=fresh).strip()
        key = self._secrets.get(destination.signing_key, fresh=fresh).strip()
        if not is_public_address(url):
            return _UNUSABLE
        if not key:
            return _NO_KEY
        timestamp = str(int(self._now()))
        headers = {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: signature(key, timestamp, body)}
        try:
            result = self._http.post(url, body, {**JSON_HEADERS, **headers})
        except ValueError:
            return _UNUSABLE
        return answer_of_status(result.status, result.headers)


def signature(key: str, timestamp: str, body: bytes) -> str:
    """`v1=` and the HMAC-SHA256 of `v1:timestamp:body` in hexadecimal digits."""
    return f"v1={hmac.new(key.encode(), f'v1:{timestamp}:'.encode() + body, hashlib.sha256).hexdigest()}"
