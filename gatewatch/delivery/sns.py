"""Publishes to SNS: one publish, one body per protocol, so that e-mail and chat each get what they can show.

`https` is the custom notification of Amazon Q Developer in chat applications (AWS Chatbot), `email` and `default`
are plain text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError

from gatewatch.aws.error_codes import error_code
from gatewatch.config.destinations import HUB_TOPIC
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UncertainDeliveryError
from gatewatch.model.message import Receipt

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

    from gatewatch.config.destinations import SnsTopic
    from gatewatch.rendering.sns_body import SnsBody

_PERMANENT = frozenset(
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

    def publish(self, name: str, body: SnsBody, destination: SnsTopic) -> Receipt:
        """Publish a body; return the receipt of destination `name`.

        Raises `TransientDeliveryError`, `UncertainDeliveryError` or `PermanentDeliveryError`.
        """
        topic = self._hub_topic if destination.topic == HUB_TOPIC else destination.topic
        bodies = {"default": body.mail, "email": body.mail, "https": msgspec.json.encode(body.chat).decode()}
        try:
            answer = self._sns.publish(
                TopicArn=topic,
                Subject=body.subject,
                Message=msgspec.json.encode(bodies).decode(),
                MessageStructure="json",
            )
        except (HTTPClientError, ResponseParserError) as error:  # the connection was made and there is no answer
            raise UncertainDeliveryError(f"SNS: {error_code(error)}") from error
        except (ClientError, BotoCoreError) as error:
            code = error_code(error)
            kind = PermanentDeliveryError if code in _PERMANENT else TransientDeliveryError
            raise kind(f"SNS: {code}") from error
        if "MessageId" not in answer:
            raise UncertainDeliveryError("SNS: an answer without an id")
        return Receipt(name, answer["MessageId"])
