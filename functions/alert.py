"""AWS Lambda: the events queue -> the outbox."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from functions.bundle import load_bundle
from gatewatch.alert_stage import AlertStage
from gatewatch.aws import Aws
from gatewatch.batch import partial_response
from gatewatch.outbox import Outbox
from gatewatch.pipeline import Hub
from gatewatch.render import load_templates
from gatewatch.rules import RecentRules


@cache
def compose() -> AlertStage:
    """The composition root: everything this function needs, made once per environment."""
    bundle = load_bundle(os.environ)
    templates = load_templates(bundle.templates, bundle.settings.languages)
    hub = Hub(bundle.settings, RecentRules(), templates)
    return AlertStage(hub, Outbox(Aws().sqs, os.environ["GATEWATCH_OUTBOX_URL"]), _log())


@cache
def _log() -> Any:
    return Logger(service="gatewatch-alert", use_rfc3339=True)


def handler(event: dict[str, Any], _context: Any) -> dict[str, list[dict[str, str]]]:
    stage = compose()
    return partial_response(event, stage.handle, stage.log)
