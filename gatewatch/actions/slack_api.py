"""Calls of the Slack Web API that actions need beside posting: dialogs, user facts, answers to one person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from gatewatch.delivery.answers import DeliveryOutcome, accepted
from gatewatch.delivery.slack_responses import SlackResponse, parse_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.config.destinations import SecretRef
    from gatewatch.delivery.http import HttpClient
    from gatewatch.delivery.secrets import SecretStore

_FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


class SlackApi:
    """Form-encoded, because the methods that read (users.info) take no JSON. The token does not leave this class."""

    def __init__(self, http: HttpClient, secrets: SecretStore, token: SecretRef, api: str) -> None:
        self._http = http
        self._secrets = secrets
        self._token = token
        self._api = api

    def call(self, method: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer. Raises `TransientDeliveryError`, or `PermanentDeliveryError` with Slack's error code."""
        texts = {name: each if isinstance(each, str) else msgspec.json.encode(each) for name, each in fields.items()}
        body, answers = urlencode(texts).encode(), list[bytes]()

        def attempt(fresh: bool) -> SlackResponse:  # noqa: FBT001  the form of `accepted`
            token = self._secrets.get(self._token, fresh=fresh).strip()
            try:
                result = self._http.post(f"{self._api}{method}", body, {**_FORM, "Authorization": f"Bearer {token}"})
            except ValueError:
                return SlackResponse(DeliveryOutcome.REFUSED, "the secret is no token", is_secret_stale=True)
            answers.append(result.body)
            return parse_response(result.status, result.body, result.headers)

        accepted(attempt)
        answer: dict[str, Any] = msgspec.json.decode(answers[-1])
        return answer
