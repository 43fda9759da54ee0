"""Renderers of every language, and the messages of an alert as delivery renders them."""

import json

from gatewatch.alerts.notifications import notification_of
from gatewatch.config.settings import Colors
from gatewatch.model.message import OutboxMessage
from gatewatch.rendering.slack import SlackRenderer
from gatewatch.rendering.sns import SnsRenderer
from gatewatch.rendering.templates import load_templates
from support.paths import TEMPLATES

LOADED = load_templates(TEMPLATES)
SLACK, SNS = SlackRenderer(LOADED, Colors()), SnsRenderer(LOADED, Colors())


def message_for(alert, destination="sec-all", **facts):
    return OutboxMessage(destination=destination, notification=notification_of(alert, **facts))


def slack_payloads(alert, **facts):
    return list(SLACK.messages(message_for(alert, **facts)))


def sns_bodies(alert, **facts):
    return list(SNS.messages(message_for(alert, **facts)))


def slack_text(message):
    """The Slack payload of a message as text, in which a test looks for words."""
    return json.dumps(SLACK.render(message), ensure_ascii=False)


def blocks_of(payload):
    """The blocks of all attachments of a payload."""
    return [block for attachment in payload["attachments"] for block in attachment["blocks"]]
