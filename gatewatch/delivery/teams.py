"""Microsoft Teams client: the webhook of a workflow ("When a Teams webhook request is received")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.delivery.answers import Answer, DeliveryOutcome, accepted, answer_of_status
from gatewatch.delivery.http import JSON_HEADERS, is_host_of
from gatewatch.model.message import Receipt

if TYPE_CHECKING:
    from gatewatch.config.destinations import Teams
    from gatewatch.delivery.http import HttpClient
    from gatewatch.delivery.secrets import SecretStore

# Power Automate, "IP address configuration": the hosts of workflows, in the commercial and the government clouds.
DOMAINS = (
    ".api.powerplatform.com",
    ".logic.azure.com",
    ".logic.azure.us",
    ".api.gov.powerplatform.microsoft.us",
    ".api.high.powerplatform.microsoft.us",
)
_UNUSABLE = Answer(DeliveryOutcome.REFUSED, "the secret of url is no URL of a Teams workflow", is_secret_stale=True)


class TeamsSender:
    def __init__(self, http: HttpClient, secrets: SecretStore) -> None:
        self._http = http
        self._secrets = secrets

    def post(self, name: str, payload: dict[str, Any], destination: Teams) -> Receipt:
        """Post a card; return the receipt of destination `name`.

        Raises `TransientDeliveryError` or `PermanentDeliveryError`.
        """
        body = msgspec.json.encode(payload)
        answer = accepted(lambda fresh: self._attempt(body, destination, fresh=fresh))
        return Receipt(name, answer.reason)

    def _attempt(self, body: bytes, destination: Teams, *, fresh: bool) -> Answer:
        url = self._secrets.get(destination.url, fresh=fresh).strip()
        if not is_host_of(url, DOMAINS):
            return _UNUSABLE
        try:
            result = self._http.post(url, body, JSON_HEADERS)
        except ValueError:
            return _UNUSABLE
        return answer_of_status(result.status, result.headers)
