"""Publishes to SNS: one publish, one body per protocol, so that e-mail and chat each get what they can show.

`https` is the custom notification of Amazon Q Developer in chat applications (AWS Chatbot), `email` and `default`
are plain text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.config.destinations import HUB_TOPIC
from gatewatch.delivery.slack_to_sns import plain
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.model.message import Receipt
from gatewatch.rendering.escaping import mrkdwn, sanitize
from gatewatch.rendering.notices import fallback_banner
from gatewatch.rendering.sns_body import read_sns_body, with_leading_line, with_thread

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

    from gatewatch.config.destinations import SnsTopic
    from gatewatch.model.message import Message
    from gatewatch.rendering.sns_body import SnsBody

_NEVER = frozenset(
    {
        "AuthorizationError",
        "AuthorizationErrorException",
        "AccessDenied",
        "AccessDeniedException",
        "EndpointDisabled",
        "InvalidParameter",
        "InvalidParameterException",
        "InvalidSecurity",
        "KMSAccessDenied",
        "KMSDisabled",
        "KMSNotFound",
        "NotFound",
        "NotFoundException",
    }
)


class Sns:
    def __init__(self, sns: SNSClient, hub_topic: str) -> None:
        """`hub_topic` is the ARN that the name `alerts` stands for."""
        self._sns = sns
        self._hub_topic = hub_topic

    def post(self, message: Message, destination: SnsTopic) -> Receipt:
        """The receipt of a message SNS took. Raises `TransientDeliveryError` or `PermanentDeliveryError`."""
        topic = self._hub_topic if destination.topic == HUB_TOPIC else destination.topic
        told = _told(message)
        bodies = {"default": told.mail, "email": told.mail, "https": msgspec.json.encode(told.chat).decode()}
        try:
            answer = self._sns.publish(
                TopicArn=topic,
                Subject=told.subject,
                Message=msgspec.json.encode(bodies).decode(),
                MessageStructure="json",
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            kind = PermanentDeliveryError if code in _NEVER else TransientDeliveryError
            raise kind(f"SNS: {code}") from error
        except BotoCoreError as error:
            raise TransientDeliveryError(f"SNS: {type(error).__name__}") from error
        return Receipt(message.destination, answer["MessageId"])


def _told(message: Message) -> SnsBody:
    """The message as it was worded for a topic; one that was worded for Slack and comes instead, as far as it goes."""
    told = read_sns_body(message.body) or plain(message)
    if message.instead_of:
        told = with_leading_line(told, f"⚠️ {mrkdwn(fallback_banner(message.instead_of))}")
    return with_thread(told, sanitize(message.thread)) if message.thread else told
