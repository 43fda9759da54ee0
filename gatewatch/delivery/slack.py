"""Posts to Slack: incoming webhooks and chat.postMessage. Neither URL nor token leaves this module."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import urllib3

from gatewatch.config.destinations import SlackApp, SlackWebhook
from gatewatch.delivery.slack_responses import STALE_SECRET, Answer, Verdict, answer_of
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.model.message import Receipt
from gatewatch.rendering.notices import fallen_back, with_banner

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.delivery.secrets import SecretStore
    from gatewatch.model.message import Message

SLACK_API = "https://slack.com/api/"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_JSON = {"Content-Type": "application/json; charset=utf-8"}
_CONNECT_SECONDS, _READ_SECONDS = 3.0, 5.0
_LONGEST_ANSWER = 64 * 1024
_UNUSABLE = "what the secret store holds is no https address or no token"


def http_pool(connect: float = _CONNECT_SECONDS, read: float = _READ_SECONDS) -> urllib3.PoolManager:
    """Slack answers within a second; a post that hangs may have arrived, so urllib3 itself never repeats one."""
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=connect, read=read), retries=False)


class Slack:
    def __init__(
        self,
        http: urllib3.PoolManager,
        secrets: SecretStore,
        api: str = SLACK_API,
        answer_within: float = _READ_SECONDS,
    ) -> None:
        self._http = http
        self._secrets = secrets
        self._api = api
        self._answer_within = answer_within

    def post(self, message: Message, destination: SlackWebhook | SlackApp) -> Receipt:
        """The receipt of a message Slack took. Raises `TransientDeliveryError` or `PermanentDeliveryError`.

        A secret that Slack no longer knows is read from the store once more before that is the last word.
        """
        if isinstance(destination, SlackWebhook):
            answer = self._settled(lambda fresh: self._to_webhook(_body(message), destination, fresh=fresh))
        else:
            answer = self._call("chat.postMessage", _body(message), {"channel": destination.channel}, destination)
        return Receipt(message.destination, answer.reason, answer.channel, answer.ts)

    def update(self, channel: str, ts: str, body: str, destination: SlackApp) -> None:
        """Give a message that was posted another content. Raises as `post` does; to do it twice is harmless."""
        self._call("chat.update", body.encode(), {"channel": channel, "ts": ts}, destination)

    def _call(self, method: str, body: bytes, fields: dict[str, str], destination: SlackApp) -> Answer:
        whole = msgspec.json.encode(msgspec.json.decode(body) | fields)
        return self._settled(lambda fresh: self._to_api(method, whole, destination, fresh=fresh))

    def _settled(self, attempt: Callable[[bool], Answer]) -> Answer:
        answer = attempt(False)  # noqa: FBT003  the secret as it is known
        if answer.verdict is Verdict.NEVER and answer.reason in STALE_SECRET | {_UNUSABLE}:
            answer = attempt(True)  # noqa: FBT003  and once more as the store has it now
        if answer.verdict is Verdict.LATER:
            raise TransientDeliveryError(answer.reason, answer.retry_after)
        if answer.verdict is Verdict.NEVER:
            raise PermanentDeliveryError(answer.reason)
        return answer

    def _to_webhook(self, body: bytes, destination: SlackWebhook, *, fresh: bool) -> Answer:
        url = self._secrets.get(destination.url, fresh=fresh).strip()
        return self._send(url, body, _JSON) if _is_address(url) else Answer(Verdict.NEVER, _UNUSABLE)

    def _to_api(self, method: str, body: bytes, destination: SlackApp, *, fresh: bool) -> Answer:
        token = self._secrets.get(destination.token, fresh=fresh).strip()
        return self._send(f"{self._api}{method}", body, {**_JSON, "Authorization": f"Bearer {token}"})

    def _send(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """The errors of urllib3 and http.client name the URL or the token: only the kind of error goes on."""
        try:
            response = self._http.request(
                "POST", url, body=body, headers=headers, redirect=False, preload_content=False
            )
        except ValueError:
            return Answer(Verdict.NEVER, _UNUSABLE)
        except urllib3.exceptions.HTTPError as error:
            raise TransientDeliveryError(f"no answer: {type(error).__name__}") from None
        return self._answer(response)

    def _answer(self, response: urllib3.BaseHTTPResponse) -> Answer:
        try:
            body = _read(response, self._answer_within)
        except urllib3.exceptions.HTTPError as error:
            response.close()
            raise TransientDeliveryError(f"no answer: {type(error).__name__}") from None
        return answer_of(response.status, body, response.headers)


def _body(message: Message) -> bytes:
    body = with_banner(message.body, fallen_back(message.instead_of)) if message.instead_of else message.body
    return body.encode()


def _read(response: urllib3.BaseHTTPResponse, seconds: float) -> bytes:
    """A socket's timeout counts from byte to byte: one that trickles would never end, nor one without an end."""
    deadline, body = monotonic() + seconds, b""
    while monotonic() < deadline and len(body) < _LONGEST_ANSWER:
        part = response.read1(_LONGEST_ANSWER)
        if not part:
            response.release_conn()
            return body
        body += part
    response.close()
    raise TransientDeliveryError("no answer: it never ends")


def _is_address(url: str) -> bool:
    """A webhook is HTTPS; plain HTTP goes no further than this machine."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        )
    except ValueError:
        return False
