"""Publishes to SNS: one publish, one body per protocol, so that e-mail and chat each get what they can show.

`https` is the custom notification of Amazon Q Developer in chat applications (AWS Chatbot), `email` and `default`
are plain text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.deliver.chatbot import notification
from gatewatch.deliver.plain import Plain, plain
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.model import Receipt
from gatewatch.settings import HUB_TOPIC

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

    from gatewatch.model import Message
    from gatewatch.settings import SnsTopic

# SNS: at most 99 characters of ASCII without control characters, beginning with a visible one, not empty.
_SUBJECT = 99
_NOT_ASCII = re.compile(r"[^\x20-\x7e]+")
# SNS takes 262,144 bytes in all: twice this, as JSON has it, and the notification.
_TEXT_BYTES = 100_000
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
        told = plain(message.body)
        body = msgspec.json.encode(bodies(told, message)).decode()
        try:
            answer = self._sns.publish(
                TopicArn=topic, Subject=subject(told.title), Message=body, MessageStructure="json"
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            kind = PermanentDeliveryError if code in _NEVER else TransientDeliveryError
            raise kind(f"SNS: {code}") from error
        except BotoCoreError as error:
            raise TransientDeliveryError(f"SNS: {type(error).__name__}") from error
        return Receipt(message.destination, answer["MessageId"])


def bodies(told: Plain, message: Message) -> dict[str, str]:
    note = (
        f"This could not be delivered to {message.instead_of} and comes here instead.\n\n" if message.instead_of else ""
    )
    links = "\n".join(f"{name}: {url}" for name, url in told.links)
    text = _shortened(f"{told.title}\n\n{note}{told.text}\n\n{links}".strip() + "\n")
    return {"default": text, "email": text, "https": msgspec.json.encode(notification(told, note, message)).decode()}


def _shortened(text: str) -> str:
    """Within `_TEXT_BYTES` as JSON, where a quote or a line break counts double."""
    while len(msgspec.json.encode(text)) > _TEXT_BYTES:
        text = text[: len(text) * 9 // 10]
    return text


def subject(title: str) -> str:
    """Within SNS's older and newer rules at once; never empty."""
    ascii_only = " ".join(_NOT_ASCII.sub(" ", title).split())
    return (ascii_only or "gatewatch alert")[:_SUBJECT].rstrip()
