"""Slack client: incoming webhooks, chat.postMessage and chat.update. URLs and tokens do not leave this module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.config.destinations import SlackApp, SlackWebhook
from gatewatch.delivery.answers import DeliveryOutcome, accepted
from gatewatch.delivery.http import JSON_HEADERS, is_https_address
from gatewatch.delivery.slack_responses import SlackResponse, parse_response
from gatewatch.errors import TransientDeliveryError, UncertainDeliveryError
from gatewatch.model.message import Receipt

if TYPE_CHECKING:
    from gatewatch.delivery.http import HttpClient
    from gatewatch.delivery.secrets import SecretStore

    Payload = dict[str, Any]

SLACK_API = "https://slack.com/api/"
_UNUSABLE = SlackResponse(
    DeliveryOutcome.REFUSED, "the secret is neither an https URL nor a token", is_secret_stale=True
)


class Slack:
    def __init__(self, http: HttpClient, secrets: SecretStore, api: str = SLACK_API) -> None:
        self._http = http
        self._secrets = secrets
        self._api = api

    def post(self, name: str, payload: Payload, destination: SlackWebhook | SlackApp, thread_ts: str = "") -> Receipt:
        """Post a payload, in a thread of the channel if `thread_ts` is given; return the receipt of destination `name`.

        A secret that Slack rejects is read again once.
        Raises `TransientDeliveryError`, `UncertainDeliveryError` or `PermanentDeliveryError`.
        """
        if isinstance(destination, SlackWebhook):
            body = msgspec.json.encode(payload)
            answer = accepted(lambda fresh: self._to_webhook(body, destination, fresh=fresh))
        else:
            fields = {"channel": destination.channel} | ({"thread_ts": thread_ts} if thread_ts else {})
            answer = self._call("chat.postMessage", payload | fields, destination)
        return Receipt(name, answer.reason, answer.channel, answer.ts)

    def update(self, channel: str, ts: str, payload: Payload, destination: SlackApp) -> None:
        """Replace the content of a posted message. Idempotent, so that no end of it is uncertain.

        Raises `TransientDeliveryError` or `PermanentDeliveryError`.
        """
        try:
            self._call("chat.update", payload | {"channel": channel, "ts": ts}, destination)
        except UncertainDeliveryError as error:
            raise TransientDeliveryError(str(error), error.retry_after) from error

    def _call(self, method: str, payload: Payload, destination: SlackApp) -> SlackResponse:
        body = msgspec.json.encode(payload)
        return accepted(lambda fresh: self._to_api(method, body, destination, fresh=fresh))

    def _to_webhook(self, body: bytes, destination: SlackWebhook, *, fresh: bool) -> SlackResponse:
        url = self._secrets.get(destination.url, fresh=fresh).strip()
        return self._send(url, body, JSON_HEADERS) if is_https_address(url) else _UNUSABLE

    def _to_api(self, method: str, body: bytes, destination: SlackApp, *, fresh: bool) -> SlackResponse:
        token = self._secrets.get(destination.token, fresh=fresh).strip()
        return self._send(f"{self._api}{method}", body, {**JSON_HEADERS, "Authorization": f"Bearer {token}"})

    def _send(self, url: str, body: bytes, headers: dict[str, str]) -> SlackResponse:
        try:
            result = self._http.post(url, body, headers)
        except ValueError:
            return _UNUSABLE
        return parse_response(result.status, result.body, result.headers)
