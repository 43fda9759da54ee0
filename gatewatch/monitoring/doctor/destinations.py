"""Check destinations: the secrets are readable, Slack accepts the token, the topic exists.

A webhook can be checked only by sending a message, so it is skipped without `--send`.
"""

from __future__ import annotations

from functools import partial
from time import time
from typing import TYPE_CHECKING

import msgspec
import urllib3

from gatewatch.config.destinations import HUB_TOPIC, EventBus, SlackApp, SnsTopic, secrets_of
from gatewatch.config.paths import TEMPLATES
from gatewatch.config.settings import Colors
from gatewatch.delivery.channels import Channels
from gatewatch.delivery.http import HttpClient, http_pool
from gatewatch.delivery.kinds import other_channels
from gatewatch.delivery.secrets import SecretStore
from gatewatch.delivery.slack import Slack
from gatewatch.delivery.sns import Sns
from gatewatch.errors import DeliveryError
from gatewatch.monitoring.doctor.model import CheckResult, CheckStatus, QueryFailed
from gatewatch.monitoring.doctor.query import run_query
from gatewatch.monitoring.doctor.test_message import build_test_message
from gatewatch.rendering.presentation import Presentation
from gatewatch.rendering.slack import SlackRenderer
from gatewatch.rendering.sns import SnsRenderer
from gatewatch.rendering.templates import load_templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gatewatch.aws.clients import Aws
    from gatewatch.config.destinations import Destination
    from gatewatch.model.message import Receipt

AUTH_TEST = "https://slack.com/api/auth.test"
_CHECK = "destination"


class DestinationChecks:
    """`alerts_topic` is the ARN of the hub's own topic; `auth_test` is the URL of Slack's method auth.test."""

    def __init__(self, aws: Aws, alerts_topic: str, auth_test: str = AUTH_TEST) -> None:
        self._aws = aws
        self._topic = alerts_topic
        self._auth_test = auth_test
        self._secrets = SecretStore(aws)
        self._http = http_pool()

    def check_all(self, destinations: Mapping[str, Destination], *, send: bool) -> Iterator[CheckResult]:
        for name, destination in destinations.items():
            yield self._send(name, destination) if send else self._check(name, destination)

    def post(self, name: str, destination: Destination) -> Receipt:
        """Send a test message. Raises `DeliveryError`."""
        templates, colors, http = load_templates(TEMPLATES), Colors(), HttpClient(self._http)
        channels = Channels(
            Slack(http, self._secrets),
            SlackRenderer(templates, colors),
            Sns(self._aws.sns, self._topic),
            SnsRenderer(templates, colors),
            other_channels(http, self._secrets, self._aws.events, templates, time),
        )
        return channels.post(build_test_message(name, "en"), Presentation(), destination)

    def _send(self, name: str, destination: Destination) -> CheckResult:
        try:
            receipt = self.post(name, destination)
        except DeliveryError as error:
            return CheckResult(
                name, _CHECK, CheckStatus.ERROR, str(error), "correct the secret or the channel, then check again"
            )
        return CheckResult(name, _CHECK, CheckStatus.OK, f"accepted a test message: {receipt.response}")

    def _check(self, name: str, destination: Destination) -> CheckResult:
        match destination:
            case SnsTopic():
                return self._check_topic(name, destination)
            case EventBus():
                detail = "only a message shows whether the bus accepts it"
                return CheckResult(name, _CHECK, CheckStatus.SKIPPED, detail, "gatewatch doctor --send")
            case SlackApp():
                return self._check_token(name, destination)
            case _:
                return self._check_secrets(name, destination)

    def _check_secrets(self, name: str, destination: Destination) -> CheckResult:
        for ref in secrets_of(destination).values():
            if isinstance(run_query(partial(self._secrets.get, ref)), QueryFailed):
                return _secret_unreadable(name, ref.ssm or ref.secret)
        detail = "its secrets are readable; only a message shows whether it is accepted"
        return CheckResult(name, _CHECK, CheckStatus.SKIPPED, detail, "gatewatch doctor --send")

    def _check_topic(self, name: str, destination: SnsTopic) -> CheckResult:
        arn = self._topic if destination.topic == HUB_TOPIC else destination.topic
        found = run_query(lambda: self._aws.sns.get_topic_attributes(TopicArn=arn)["Attributes"])
        if isinstance(found, QueryFailed):
            return CheckResult(
                name,
                _CHECK,
                CheckStatus.ERROR,
                f"the topic cannot be read: {found.reason}",
                "write its ARN into policy.yaml",
            )
        count = int(found.get("SubscriptionsConfirmed", "0"))
        if not count:
            detail = "the topic has no confirmed subscription"
            return CheckResult(name, _CHECK, CheckStatus.WARNING, detail, "subscribe an address or Amazon Q Developer")
        return CheckResult(name, _CHECK, CheckStatus.OK, f"{count} confirmed subscriptions")

    def _check_token(self, name: str, destination: SlackApp) -> CheckResult:
        token = run_query(lambda: self._secrets.get(destination.token))
        if isinstance(token, QueryFailed):
            return _secret_unreadable(name, destination.token.ssm or destination.token.secret)
        response, _, _ = self.auth_test(token)
        status, remedy = (CheckStatus.OK, "") if response == "ok" else (CheckStatus.ERROR, "store a valid token")
        return CheckResult(name, _CHECK, status, f"auth.test of Slack: {response}", remedy)

    def auth_test(self, token: str) -> tuple[str, str, str]:
        """Return Slack's error (`ok` for none), the id of the workspace and the scopes of a token."""
        try:
            response = self._http.request("POST", self._auth_test, headers={"Authorization": f"Bearer {token.strip()}"})
            body = msgspec.json.decode(response.data)
        except (urllib3.exceptions.HTTPError, msgspec.DecodeError, ValueError) as error:
            return f"no response ({type(error).__name__})", "", ""
        answer = "ok" if body.get("ok") is True else str(body.get("error", "no"))
        return answer, str(body.get("team_id", "")), response.headers.get("x-oauth-scopes", "")


def _secret_unreadable(name: str, ref: str | None) -> CheckResult:
    remedy = "store it under this name in the hub's Region, and allow this role to read it"
    return CheckResult(name, _CHECK, CheckStatus.ERROR, f"the secret {ref} cannot be read", remedy)
