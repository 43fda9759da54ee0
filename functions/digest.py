"""AWS Lambda, on a schedule: what happened in a day or a week, and what stands open -> the outbox, and Amazon SES."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from functions.bundle import load_bundle
from gatewatch.aws import Aws
from gatewatch.book_read import DayBookReader
from gatewatch.digest_labels import load_digest_labels
from gatewatch.digest_notice import digest_color, digest_messages
from gatewatch.digest_stage import DigestStage
from gatewatch.digest_view import Wording, digest_view
from gatewatch.errors import ConfigurationError
from gatewatch.labels import load_labels
from gatewatch.outbox import Outbox
from gatewatch.unbooked import unbooked

if TYPE_CHECKING:
    from gatewatch.digest import Digest
    from gatewatch.digest_settings import Due


@cache
def compose() -> DigestStage:
    """The composition root. Without the configuration nobody knows who is to read a digest."""
    environment, aws = os.environ, Aws()
    bundle = load_bundle(environment)
    if bundle.trouble:
        raise ConfigurationError(bundle.trouble)
    settings, outbox = bundle.settings, Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"])
    service = environment["GATEWATCH_ALERT_SERVICE"]
    language = settings.digest.language or settings.defaults.language
    wording = Wording(
        load_digest_labels(bundle.templates, (language,))[language],
        load_labels(bundle.templates, language),
        settings.digest.timezone or settings.defaults.timezone,
    )

    def put(made: Digest, wanted: Due) -> None:
        view, color = digest_view(made, wording), digest_color(made, settings.colors)
        outbox.put(list(digest_messages(view, color, wanted, settings)))

    return DigestStage(
        settings=settings,
        book=DayBookReader(aws.dynamodb, environment["GATEWATCH_BOOK"]),
        unbooked=lambda first, last: unbooked(aws.cloudwatch, service, first, last),
        ways={"messages": put} if settings.digest.to else {},
        now=time.time,
        log=_log(),
    )


@cache
def _log() -> Any:
    return Logger(use_rfc3339=True)


def handler(_event: dict[str, Any], _context: Any) -> None:
    compose().run()
