"""Slack client: incoming webhooks, chat.postMessage and chat.update. URLs and tokens do not leave this module."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import urllib3

from gatewatch.config.destinations import SlackApp, SlackWebhook
from gatewatch.delivery.slack_responses import STALE_SECRET, DeliveryOutcome, SlackResponse, parse_response
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.model.message import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.delivery.secrets import SecretStore

    Payload = dict[str, Any]

SLACK_API = "https://slack.com/api/"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_JSON = {"Content-Type": "application/json; charset=utf-8"}
_CONNECT_SECONDS, _READ_SECONDS = 3.0, 5.0
_MAX_RESPONSE_BYTES = 64 * 1024
_UNUSABLE = "the secret is neither an https URL nor a token"


def http_pool(connect: float = _CONNECT_SECONDS, read: float = _READ_SECONDS) -> urllib3.PoolManager:
    """Connection pool without retries of urllib3: a post that timed out may have been accepted."""
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=connect, read=read), retries=False)


class Slack:
    def __init__(
        self,
        http: urllib3.PoolManager,
        secrets: SecretStore,
        api: str = SLACK_API,
        read_seconds: float = _READ_SECONDS,
    ) -> None:
        self._http = http
        self._secrets = secrets
        self._api = api
        self._read_seconds = read_seconds

    def post(self, name: str, payload: Payload, destination: SlackWebhook | SlackApp, thread_ts: str = "") -> Receipt:
        """Post a payload, in a thread of the channel if `thread_ts` is given; return the receipt of destination `name`.

        Raises `TransientDeliveryError` or `PermanentDeliveryError`. A secret that Slack rejects is read again once.
        """
        if isinstance(destination, SlackWebhook):
            body = msgspec.json.encode(payload)
            answer = self._with_secret_refresh(lambda fresh: self._to_webhook(body, destination, fresh=fresh))
        else:
            fields = {"channel": destination.channel} | ({"thread_ts": thread_ts} if thread_ts else {})
            answer = self._call("chat.postMessage", payload | fields, destination)
        return Receipt(name, answer.reason, answer.channel, answer.ts)

    def update(self, channel: str, ts: str, payload: Payload, destination: SlackApp) -> None:
        """Replace the content of a posted message. Idempotent. Raises as `post` does."""
        self._call("chat.update", payload | {"channel": channel, "ts": ts}, destination)

    def _call(self, method: str, payload: Payload, destination: SlackApp) -> SlackResponse:
        body = msgspec.json.encode(payload)
        return self._with_secret_refresh(lambda fresh: self._to_api(method, body, destination, fresh=fresh))

    def _with_secret_refresh(self, attempt: Callable[[bool], SlackResponse]) -> SlackResponse:
        answer = attempt(False)  # noqa: FBT003  with the cached secret
        if answer.outcome is DeliveryOutcome.REFUSED and answer.reason in STALE_SECRET | {_UNUSABLE}:
            answer = attempt(True)  # noqa: FBT003  once more with the current secret
        if answer.outcome is DeliveryOutcome.RETRY:
            raise TransientDeliveryError(answer.reason, answer.retry_after)
        if answer.outcome is DeliveryOutcome.REFUSED:
            raise PermanentDeliveryError(answer.reason)
        return answer

    def _to_webhook(self, body: bytes, destination: SlackWebhook, *, fresh: bool) -> SlackResponse:
        url = self._secrets.get(destination.url, fresh=fresh).strip()
        return self._send(url, body, _JSON) if _is_address(url) else SlackResponse(DeliveryOutcome.REFUSED, _UNUSABLE)

    def _to_api(self, method: str, body: bytes, destination: SlackApp, *, fresh: bool) -> SlackResponse:
        token = self._secrets.get(destination.token, fresh=fresh).strip()
        return self._send(f"{self._api}{method}", body, {**_JSON, "Authorization": f"Bearer {token}"})

    def _send(self, url: str, body: bytes, headers: dict[str, str]) -> SlackResponse:
        """Send a request. Only the type of an urllib3 error is reported: its text can contain the URL or the token."""
        try:
            response = self._http.request(
                "POST", url, body=body, headers=headers, redirect=False, preload_content=False
            )
        except ValueError:
            return SlackResponse(DeliveryOutcome.REFUSED, _UNUSABLE)
        except urllib3.exceptions.HTTPError as error:
            raise TransientDeliveryError(f"no answer: {type(error).__name__}") from None
        return self._answer(response)

    def _answer(self, response: urllib3.BaseHTTPResponse) -> SlackResponse:
        try:
            body = _read(response, self._read_seconds)
        except urllib3.exceptions.HTTPError as error:
            response.close()
            raise TransientDeliveryError(f"no answer: {type(error).__name__}") from None
        return parse_response(response.status, body, response.headers)


def _read(response: urllib3.BaseHTTPResponse, seconds: float) -> bytes:
    """Read a response within a deadline and a size: the timeout of a socket starts again with each byte."""
    deadline, body = monotonic() + seconds, b""
    while monotonic() < deadline and len(body) < _MAX_RESPONSE_BYTES:
        part = response.read1(_MAX_RESPONSE_BYTES)
        if not part:
            response.release_conn()
            return body
        body += part
    response.close()
    raise TransientDeliveryError("no answer: incomplete response")


def _is_address(url: str) -> bool:
    """A webhook is HTTPS; plain HTTP is accepted for the loopback address only."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        )
    except ValueError:
        return False
