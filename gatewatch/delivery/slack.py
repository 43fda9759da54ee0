"""Slack client: incoming webhooks, chat.postMessage, chat.update, and the search for a post without an answer.

URLs and tokens do not leave this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.config.destinations import SlackApp, SlackWebhook
from gatewatch.delivery.answers import DeliveryOutcome, accepted
from gatewatch.delivery.http import JSON_HEADERS, is_https_address
from gatewatch.delivery.slack_responses import SlackResponse, parse_response
from gatewatch.delivery.slack_search import FORM_HEADERS, NOT_FOUND, find_post, metadata, search_request
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UncertainDeliveryError
from gatewatch.model.message import NO_MARK, Receipt

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.delivery.http import HttpClient, HttpResult
    from gatewatch.delivery.secrets import SecretStore
    from gatewatch.model.message import PostMark

    Payload = dict[str, Any]

SLACK_API = "https://slack.com/api/"
_UNUSABLE = SlackResponse(
    DeliveryOutcome.REFUSED, "the secret is neither an https URL nor a token", is_secret_stale=True
)


class Slack:
    """`webhooks` posts to incoming webhooks, `http` to the Web API and without `webhooks` to both."""

    def __init__(
        self, http: HttpClient, secrets: SecretStore, api: str = SLACK_API, webhooks: HttpClient | None = None
    ) -> None:
        self._http = http
        self._webhooks = webhooks or http
        self._secrets = secrets
        self._api = api

    def post(
        self,
        name: str,
        payload: Payload,
        destination: SlackWebhook | SlackApp,
        thread_ts: str = "",
        mark: PostMark = NO_MARK,
    ) -> Receipt:
        """Post a payload, in a thread of the channel if `thread_ts` is given; return the receipt of destination `name`.

        A message of an app that may have been posted earlier, by its mark, is posted unless it is in the channel.
        A secret that Slack rejects is read again once.
        Raises `TransientDeliveryError`, `UncertainDeliveryError` or `PermanentDeliveryError`.
        """
        if isinstance(destination, SlackWebhook):
            body = msgspec.json.encode(payload)
            answer = accepted(lambda fresh: self._to_webhook(body, destination, fresh=fresh))
        else:
            found = self._find(destination, thread_ts, mark) if mark.earlier else None
            answer = found or self._post_message(payload, destination, thread_ts, mark)
        return Receipt(name, answer.reason, answer.channel, answer.ts)

    def update(self, channel: str, ts: str, payload: Payload, destination: SlackApp) -> None:
        """Replace the content of a posted message. Idempotent, so that no end of it is uncertain.

        Raises `TransientDeliveryError` or `PermanentDeliveryError`.
        """
        body = msgspec.json.encode(payload | {"channel": channel, "ts": ts})
        _repeatable(lambda fresh: self._to_api("chat.update", body, destination, fresh=fresh))

    def _post_message(self, payload: Payload, destination: SlackApp, thread_ts: str, mark: PostMark) -> SlackResponse:
        """Without metadata where Slack does not accept it, as of a token that is not one of an app."""
        fields = {"channel": destination.channel} | ({"thread_ts": thread_ts} if thread_ts else {})
        try:
            return self._call("chat.postMessage", payload | fields | metadata(mark), destination)
        except PermanentDeliveryError as error:
            if not mark.id or "metadata" not in str(error):
                raise
            return self._call("chat.postMessage", payload | fields, destination)

    def _find(self, destination: SlackApp, thread_ts: str, mark: PostMark) -> SlackResponse | None:
        """An earlier post; None without one, or when the channel cannot be read, as without the scope for it.

        Raises `TransientDeliveryError` when it cannot be read for the moment, and the post may wait.
        """
        try:
            found = _repeatable(lambda fresh: self._search(destination, thread_ts, mark, fresh=fresh))
        except PermanentDeliveryError:
            return None
        except TransientDeliveryError:
            if mark.may_wait:
                raise
            return None
        return None if found is NOT_FOUND else found

    def _search(self, destination: SlackApp, thread_ts: str, mark: PostMark, *, fresh: bool) -> SlackResponse:
        method, body = search_request(destination.channel, thread_ts, mark)
        result = self._request(method, body, FORM_HEADERS, destination, fresh=fresh)
        if result is None:
            return _UNUSABLE
        answer = parse_response(result.status, result.body, result.headers)
        is_read = answer.outcome is DeliveryOutcome.DELIVERED
        return find_post(result.body, destination.channel, mark) if is_read else answer

    def _call(self, method: str, payload: Payload, destination: SlackApp) -> SlackResponse:
        body = msgspec.json.encode(payload)
        return accepted(lambda fresh: self._to_api(method, body, destination, fresh=fresh))

    def _to_webhook(self, body: bytes, destination: SlackWebhook, *, fresh: bool) -> SlackResponse:
        url = self._secrets.get(destination.url, fresh=fresh).strip()
        return _response(_send(self._webhooks, url, body, JSON_HEADERS) if is_https_address(url) else None)

    def _to_api(self, method: str, body: bytes, destination: SlackApp, *, fresh: bool) -> SlackResponse:
        return _response(self._request(method, body, JSON_HEADERS, destination, fresh=fresh))

    def _request(
        self, method: str, body: bytes, headers: dict[str, str], destination: SlackApp, *, fresh: bool
    ) -> HttpResult | None:
        token = self._secrets.get(destination.token, fresh=fresh).strip()
        return _send(self._http, f"{self._api}{method}", body, {**headers, "Authorization": f"Bearer {token}"})


def _send(http: HttpClient, url: str, body: bytes, headers: dict[str, str]) -> HttpResult | None:
    """None when URL or token cannot be used."""
    try:
        return http.post(url, body, headers)
    except ValueError:
        return None


def _response(result: HttpResult | None) -> SlackResponse:
    return parse_response(result.status, result.body, result.headers) if result else _UNUSABLE


def _repeatable(attempt: Callable[[bool], SlackResponse]) -> SlackResponse:
    """A request that makes no copy when it is repeated, so that no end of it is uncertain."""
    try:
        return accepted(attempt)
    except UncertainDeliveryError as error:
        raise TransientDeliveryError(str(error), error.retry_after) from error
