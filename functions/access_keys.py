"""AWS Lambda, daily and when AWS Config finds a key too old: access keys are warned of, switched off, deleted."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from functions.bundle import load_bundle
from gatewatch.alerts.own_actions import DeedBook
from gatewatch.aws.clients import Aws, iam_of_members
from gatewatch.delivery.outbox import Outbox
from gatewatch.errors import ConfigurationError
from gatewatch.remediation.access_keys.executor import Books
from gatewatch.remediation.access_keys.records import KeyRecords
from gatewatch.remediation.access_keys.runner import KeyStage
from gatewatch.remediation.preimages import PreImages
from gatewatch.rendering.text.labels import load_labels


@cache
def compose() -> KeyStage:
    """The composition root. A configuration that cannot be read touches no key."""
    environment, aws = os.environ, Aws()
    bundle, table = load_bundle(environment), environment["GATEWATCH_TABLE"]
    if bundle.trouble:
        raise ConfigurationError(bundle.trouble)
    settings = bundle.settings
    return KeyStage(
        settings=settings,
        iam_of=iam_of_members(aws, environment["AWS_REGION"], settings.access_keys.role),
        books=Books(PreImages(aws.dynamodb, table), KeyRecords(aws.dynamodb, table), DeedBook(aws.dynamodb, table)),
        outbox=Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"]),
        labels={language: load_labels(bundle.templates, language) for language in {*settings.languages, "en"}},
        now=lambda: datetime.now(UTC),
        log=_log(),
    )


@cache
def _log() -> Any:
    return Logger(use_rfc3339=True)


def handler(event: dict[str, Any], _context: Any) -> dict[str, int]:
    return compose().handle(event)
