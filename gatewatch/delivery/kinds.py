"""The kinds of destinations that are neither Slack nor SNS: for each type of settings a renderer and a sender."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.config.destinations import EventBus, PagerDuty, Teams, Webhook
from gatewatch.delivery.channels import Channel
from gatewatch.delivery.eventbridge import EventBridgeSender
from gatewatch.delivery.pagerduty import PagerDutySender
from gatewatch.delivery.teams import TeamsSender
from gatewatch.delivery.webhook import WebhookSender
from gatewatch.rendering.json_message import JsonRenderer
from gatewatch.rendering.ocsf import FindingRenderer
from gatewatch.rendering.pagerduty import IncidentRenderer
from gatewatch.rendering.teams import TeamsRenderer

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_events import EventBridgeClient

    from gatewatch.delivery.http import HttpClient
    from gatewatch.delivery.secrets import SecretStore
    from gatewatch.rendering.templates import Templates


def other_channels(
    http: HttpClient,
    secrets: SecretStore,
    events: EventBridgeClient,
    templates: Templates,
    now: Callable[[], float],
    pagerduty_api: str = "",
) -> dict[type, Channel]:
    """`now` returns seconds since 1970. `pagerduty_api` replaces the host of PagerDuty, if it is not empty."""
    return {
        Teams: Channel(TeamsRenderer(templates), TeamsSender(http, secrets).post),
        Webhook: Channel(JsonRenderer(templates), WebhookSender(http, secrets, now).post),
        EventBus: Channel(FindingRenderer(templates, now), EventBridgeSender(events).post),
        PagerDuty: Channel(IncidentRenderer(templates), PagerDutySender(http, secrets, pagerduty_api).post),
    }
