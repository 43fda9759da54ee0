"""Posts to Slack: incoming webhooks and chat.postMessage. Neither URL nor token leaves this module."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import urllib3

from gatewatch.deliver.answers import STALE_SECRET, Answer, Verdict, answer_of
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.model import Receipt
from gatewatch.settings import SlackApp, SlackWebhook

if TYPE_CHECKING:
    from gatewatch.model import Message
    from gatewatch.secret_store import SecretStore

_API = "https://slack.com/api/"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_JSON = {"Content-Type": "application/json; charset=utf-8"}


def http_pool() -> urllib3.PoolManager:
    """Slack answers within a second; a post that hangs may have arrived, so it is never repeated unseen."""
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=3, read=5), retries=False)


class Slack:
    def __init__(self, http: urllib3.PoolManager, secrets: SecretStore, api: str = _API) -> None:
        self._http = http
        self._secrets = secrets
        self._api = api

    def post(self, message: Message, destination: SlackWebhook | SlackApp) -> Receipt:
        """The receipt of a message Slack took. Raises `TransientDeliveryError` or `PermanentDeliveryError`.

        A secret that Slack no longer knows is read from the store once more before that is the last word.
        """
        answer = self._try(message, destination, fresh=False)
        if answer.verdict is Verdict.NEVER and answer.reason in STALE_SECRET:
            answer = self._try(message, destination, fresh=True)
        if answer.verdict is Verdict.LATER:
            raise TransientDeliveryError(answer.reason, answer.retry_after)
        if answer.verdict is Verdict.NEVER:
            raise PermanentDeliveryError(answer.reason)
        return Receipt(message.destination, answer.reason)

    def _try(self, message: Message, destination: SlackWebhook | SlackApp, *, fresh: bool) -> Answer:
        if isinstance(destination, SlackWebhook):
            url = self._secrets.get(destination.url, fresh=fresh)
            return self._send(_checked(url), message.body.encode(), _JSON)
        token = self._secrets.get(destination.token, fresh=fresh)
        body = msgspec.json.decode(message.body) | {"channel": destination.channel}
        headers = {**_JSON, "Authorization": f"Bearer {token}"}
        return self._send(f"{self._api}chat.postMessage", msgspec.json.encode(body), headers)

    def _send(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """urllib3's own errors name the URL, which is the secret: only the kind of error goes on."""
        try:
            response = self._http.request("POST", url, body=body, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise TransientDeliveryError(f"no answer: {type(error).__name__}") from None
        except ValueError:
            raise PermanentDeliveryError("the webhook's address is none") from None
        return answer_of(response.status, response.data, response.headers)


def _checked(url: str) -> str:
    """A webhook is HTTPS; plain HTTP goes no further than this machine."""
    parts = urlsplit(url.strip())
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url.strip()
    raise PermanentDeliveryError("the webhook's address is no https address")
