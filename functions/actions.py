"""AWS Lambda with a function URL: clicks in Slack to the queue of functions/act.

Whoever knows the URL can call it. A request without the form of Slack's signature is answered before anything else is
imported, so the imports below are few on purpose.
"""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from gatewatch.actions.slack_signature import signed_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gatewatch.actions.slack_signature import SignedRequest


@cache
def compose() -> Callable[[SignedRequest, Any], dict[str, Any]]:
    """Composition root, called once per execution environment, with the first request that may be from Slack."""
    from aws_lambda_powertools import Logger, Metrics  # noqa: PLC0415

    from gatewatch.actions.click_queue import ClickQueue, ReplayMarks  # noqa: PLC0415
    from gatewatch.actions.signing_secrets import SigningSecrets  # noqa: PLC0415
    from gatewatch.actions.slack_api import SlackApi  # noqa: PLC0415
    from gatewatch.aws.clients import Aws  # noqa: PLC0415
    from gatewatch.aws.hub_table import HubTable  # noqa: PLC0415
    from gatewatch.aws.metrics import NAMESPACE, EmbeddedMeter  # noqa: PLC0415
    from gatewatch.config.actions import load_action_settings  # noqa: PLC0415
    from gatewatch.config.destinations import SecretRef  # noqa: PLC0415
    from gatewatch.config.paths import policy_file  # noqa: PLC0415
    from gatewatch.delivery.http import HttpClient, http_pool  # noqa: PLC0415
    from gatewatch.delivery.secrets import SecretStore  # noqa: PLC0415
    from gatewatch.delivery.slack import SLACK_API  # noqa: PLC0415
    from gatewatch.handlers.actions import ClickHandler  # noqa: PLC0415

    environment, aws = os.environ, Aws()
    settings, metrics = load_action_settings(policy_file(environment)), Metrics(namespace=NAMESPACE)
    log: Any = Logger(use_rfc3339=True)
    secrets = SecretStore(aws)
    handler = ClickHandler(
        settings=settings,
        secrets=SigningSecrets(
            lambda fresh: secrets.get(settings.signing_secret or SecretRef(), fresh=fresh), time.time
        ),
        marks=ReplayMarks(HubTable(aws.dynamodb_short_timeout, environment["GATEWATCH_TABLE"])),
        queue=ClickQueue(aws.sqs_short_timeout, environment["GATEWATCH_CLICKS_URL"]),
        slack=SlackApi(
            HttpClient(http_pool(connect=1.0, read=1.5), 1.5),
            secrets,
            settings.token or SecretRef(),
            environment.get("GATEWATCH_SLACK_API", SLACK_API),
        ),
        texts=_texts,
        now=time.time,
        log=log,
        meter=EmbeddedMeter(metrics),
    )
    return metrics.log_metrics(lambda request, _context: handler.handle(request))


@cache
def _texts(language: str) -> Mapping[str, str]:
    """The section `action` of the labels; without a language in that of the defaults in accounts.yaml."""
    from gatewatch.config.paths import TEMPLATES, accounts_file  # noqa: PLC0415
    from gatewatch.config.yaml_file import load_content  # noqa: PLC0415

    if not language:
        language = (load_content(accounts_file(os.environ)).get("defaults") or {}).get("language", "en")
    texts: Mapping[str, str] = load_content(TEMPLATES / "labels" / f"{language}.yaml")["action"]
    return texts


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    request = signed_request(event, time.time())
    return compose()(request, context) if request else {"statusCode": 401}
