"""Whether a destination can be reached: its secret is readable, Slack knows the token, the topic is there.

An incoming webhook answers to nothing but a message: it is asked only when a test message may be sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import urllib3

from gatewatch.config.destinations import HUB_TOPIC, SlackApp, SlackWebhook, SnsTopic
from gatewatch.delivery.secrets import SecretStore
from gatewatch.delivery.slack import Slack, http_pool
from gatewatch.delivery.sns import Sns
from gatewatch.errors import DeliveryError
from gatewatch.monitoring.doctor.model import Finding, Light, Unseen
from gatewatch.monitoring.doctor.query import ask
from gatewatch.monitoring.doctor.test_message import trial_message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gatewatch.aws.clients import Aws
    from gatewatch.config.destinations import Destination
    from gatewatch.model.message import Receipt

AUTH_TEST = "https://slack.com/api/auth.test"
_WHAT = "destination"


class Destinations:
    """`alerts_topic` is the ARN of the hub's own topic; `auth_test` is another address in a test."""

    def __init__(self, aws: Aws, alerts_topic: str, auth_test: str = AUTH_TEST) -> None:
        self._aws = aws
        self._topic = alerts_topic
        self._auth_test = auth_test
        self._secrets = SecretStore(aws)
        self._http = http_pool()

    def look(self, destinations: Mapping[str, Destination], *, send: bool) -> Iterator[Finding]:
        for name, destination in destinations.items():
            yield self._sent(name, destination) if send else self._looked_at(name, destination)

    def post(self, name: str, destination: Destination) -> Receipt:
        """A message that says that it is a test. Raises `DeliveryError`."""
        message = trial_message(name, is_topic=isinstance(destination, SnsTopic))
        if isinstance(destination, SnsTopic):
            return Sns(self._aws.sns, self._topic).post(message, destination)
        return Slack(self._http, self._secrets).post(message, destination)

    def _sent(self, name: str, destination: Destination) -> Finding:
        try:
            receipt = self.post(name, destination)
        except DeliveryError as error:
            return Finding(name, _WHAT, Light.RED, str(error), "mend the secret or the channel, then look again")
        return Finding(name, _WHAT, Light.GREEN, f"took a test message: {receipt.answer}")

    def _looked_at(self, name: str, destination: Destination) -> Finding:
        match destination:
            case SnsTopic():
                return self._topic_of(name, destination)
            case SlackApp():
                return self._token_of(name, destination)
            case SlackWebhook():
                secret = ask(lambda: self._secrets.get(destination.url))
                if isinstance(secret, Unseen):
                    return _no_secret(name, destination.url.ssm or destination.url.secret)
                said = "the webhook is readable; only a message can tell whether Slack still takes it"
                return Finding(name, _WHAT, Light.GREY, said, "gatewatch doctor --send")

    def _topic_of(self, name: str, destination: SnsTopic) -> Finding:
        arn = self._topic if destination.topic == HUB_TOPIC else destination.topic
        found = ask(lambda: self._aws.sns.get_topic_attributes(TopicArn=arn)["Attributes"])
        if isinstance(found, Unseen):
            return Finding(name, _WHAT, Light.RED, f"no such topic: {found.reason}", "write its ARN into policy.yaml")
        count = int(found.get("SubscriptionsConfirmed", "0"))
        if not count:
            said = "the topic is there, and nobody has subscribed to it"
            return Finding(name, _WHAT, Light.YELLOW, said, "subscribe an address or Amazon Q Developer")
        return Finding(name, _WHAT, Light.GREEN, f"{count} subscribers")

    def _token_of(self, name: str, destination: SlackApp) -> Finding:
        token = ask(lambda: self._secrets.get(destination.token))
        if isinstance(token, Unseen):
            return _no_secret(name, destination.token.ssm or destination.token.secret)
        answer = self._ask_slack(token)
        light, remedy = (Light.GREEN, "") if answer == "ok" else (Light.RED, "store a token that Slack knows")
        return Finding(name, _WHAT, light, f"Slack says {answer}", remedy)

    def _ask_slack(self, token: str) -> str:
        try:
            response = self._http.request("POST", self._auth_test, headers={"Authorization": f"Bearer {token.strip()}"})
            answer = msgspec.json.decode(response.data)
        except (urllib3.exceptions.HTTPError, msgspec.DecodeError, ValueError) as error:
            return f"nothing ({type(error).__name__})"
        return "ok" if answer.get("ok") is True else str(answer.get("error", "no"))


def _no_secret(name: str, ref: str | None) -> Finding:
    remedy = "store it under this name, in the hub's Region, and let this role read it"
    return Finding(name, _WHAT, Light.RED, f"the secret {ref} cannot be read", remedy)
