"""PagerDuty client, Events API v2: `https://events.pagerduty.com/v2/enqueue` answers 202 for an accepted event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gatewatch.delivery.answers import Answer, DeliveryOutcome, accepted, answer_of_status
from gatewatch.delivery.http import JSON_HEADERS
from gatewatch.errors import TransientDeliveryError, UncertainDeliveryError
from gatewatch.model.message import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.config.destinations import PagerDuty
    from gatewatch.delivery.http import HttpClient
    from gatewatch.delivery.secrets import SecretStore
    from gatewatch.rendering.pagerduty import IncidentEvent

# PagerDuty, "Service Regions": the host of each region in which an account can be.
_HOSTS = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
_BAD_REQUEST = 400  # also for a routing key that PagerDuty does not know


class PagerDutySender:
    """`api` replaces the host of PagerDuty, for a local double."""

    def __init__(self, http: HttpClient, secrets: SecretStore, api: str = "") -> None:
        self._http = http
        self._secrets = secrets
        self._api = api

    def post(self, name: str, events: Sequence[IncidentEvent], destination: PagerDuty) -> Receipt:
        """Send events in order; return the receipt of destination `name`. A repetition is deduplicated by PagerDuty.

        Raises `TransientDeliveryError` or `PermanentDeliveryError`.
        """
        answers = [self._send(each, destination) for each in events]
        return Receipt(name, answers[-1].reason if answers else "no incident is concerned")

    def _send(self, event: IncidentEvent, destination: PagerDuty) -> Answer:
        try:
            return accepted(lambda fresh: self._attempt(event, destination, fresh=fresh))
        except UncertainDeliveryError as error:  # a second copy opens no second incident
            raise TransientDeliveryError(str(error)) from None

    def _attempt(self, event: IncidentEvent, destination: PagerDuty, *, fresh: bool) -> Answer:
        key = self._secrets.get(destination.routing_key, fresh=fresh).strip()
        body = msgspec.json.encode({"routing_key": key, **msgspec.to_builtins(event)})
        host = self._api.rstrip("/") or _HOSTS[destination.service_region]
        result = self._http.post(f"{host}/v2/enqueue", body, JSON_HEADERS)
        answer = answer_of_status(result.status, result.headers)
        if result.status == _BAD_REQUEST:
            return Answer(DeliveryOutcome.REFUSED, answer.reason, is_secret_stale=True)
        return answer
