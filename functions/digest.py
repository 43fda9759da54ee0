"""AWS Lambda, on a schedule: what happened in a day or a week, and what stands open -> the outbox, and Amazon SES."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from functions.bundle import load_bundle
from gatewatch.aws.clients import Aws
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.ses import send
from gatewatch.digest.activity_log_reader import DayBookReader
from gatewatch.digest.email import Paper, mail_of
from gatewatch.digest.labels import load_digest_labels
from gatewatch.digest.messages import digest_messages
from gatewatch.digest.missing_events import unbooked
from gatewatch.digest.view import Wording, digest_view
from gatewatch.errors import ConfigurationError
from gatewatch.handlers.digest import DigestStage
from gatewatch.rendering.text.labels import load_labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.config.digest import DigestSettings, Due
    from gatewatch.digest.summary import Digest
    from gatewatch.digest.view import DigestView


@cache
def compose() -> DigestStage:
    return compose_at(time.time)


def compose_at(now: Callable[[], float]) -> DigestStage:
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
        outbox.put(list(digest_messages(digest_view(made, wording), made, wanted, settings)))

    def mail(made: Digest, _wanted: Due) -> None:
        _mail(digest_view(made, wording), Paper(wording.alert, language, bundle.templates), settings.digest, aws)

    wanted = (("messages", put, settings.digest.to), ("mail", mail, settings.digest.mail))
    return DigestStage(
        settings=settings,
        book=DayBookReader(aws.dynamodb, environment["GATEWATCH_BOOK"], now),
        unbooked=lambda first, last: unbooked(aws.cloudwatch, service, first, last),
        ways={name: way for name, way, whom in wanted if whom},
        now=now,
        log=_log(),
    )


def _mail(view: DigestView, paper: Paper, digest: DigestSettings, aws: Aws) -> None:
    if digest.mail:
        sender, recipients = digest.mail.sender, digest.mail.recipients
        send(aws.ses, mail_of(view, paper, sender, recipients), sender, recipients)


@cache
def _log() -> Any:
    return Logger(use_rfc3339=True)


def handler(_event: dict[str, Any], _context: Any) -> None:
    compose().run()
