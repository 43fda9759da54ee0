"""AWS Lambda, on a schedule: digests of a day or a week, to the outbox and to Amazon SES."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from functions.bundle import load_bundle
from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.ses import send
from gatewatch.digest.activity_log_reader import ActivityLogReader
from gatewatch.digest.email import EmailTemplate, email_message
from gatewatch.digest.messages import digest_messages
from gatewatch.digest.missing_events import count_actions, count_late_events, count_missing_events
from gatewatch.digest.readings import last_readings
from gatewatch.errors import ConfigurationError
from gatewatch.handlers.digest import DigestHandler
from gatewatch.inventory.store import InventoryStore
from gatewatch.monitoring.heartbeat.store import HeartbeatStore
from gatewatch.rendering.digest.labels import load_digest_labels
from gatewatch.rendering.digest.sections import DigestText
from gatewatch.rendering.digest.view import digest_view
from gatewatch.rendering.text.labels import load_labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.config.digest import DigestSettings, DueDigest
    from gatewatch.digest.readings import Readings
    from gatewatch.model.digest import Digest
    from gatewatch.rendering.digest.sections import DigestView


@cache
def compose() -> DigestHandler:
    return compose_at(time.time)


def compose_at(now: Callable[[], float]) -> DigestHandler:
    """Composition root. Raises `ConfigurationError`: without the configuration a digest has no recipients."""
    environment, aws = os.environ, Aws()
    bundle = load_bundle(environment)
    if bundle.configuration_error:
        raise ConfigurationError(bundle.configuration_error)
    settings, outbox = bundle.settings, Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"])
    service = environment["GATEWATCH_ALERT_SERVICE"]
    acting = service.removesuffix("alert") + "act"
    language = settings.digest.language or settings.defaults.language
    wording = DigestText(
        load_digest_labels(bundle.templates, language),
        load_labels(bundle.templates, language),
        settings.digest.timezone or settings.defaults.timezone,
    )

    def put(made: Digest, wanted: DueDigest) -> None:
        outbox.put(digest_messages(made, wanted, settings))

    def mail(made: Digest, _wanted: DueDigest) -> None:
        _mail(digest_view(made, wording), EmailTemplate(language, bundle.templates), settings.digest, aws)

    def readings() -> Readings:
        table = HubTable(aws.dynamodb, environment["GATEWATCH_TABLE"])
        members = {each.account_id for each in HeartbeatStore(table).last_canaries()}
        return last_readings(InventoryStore(table), {*settings.accounts, *members}, settings)

    wanted = (("messages", put, settings.digest.to), ("mail", mail, settings.digest.mail))
    return DigestHandler(
        settings=settings,
        activity_log=ActivityLogReader(aws.dynamodb, environment["GATEWATCH_ACTIVITY_TABLE"], now),
        missing_events=lambda first, last: count_missing_events(aws.cloudwatch, service, first, last),
        late_events=lambda first, last: count_late_events(aws.cloudwatch, service, first, last),
        senders={name: way for name, way, whom in wanted if whom},
        now=now,
        log=_log(),
        readings=readings,
        actions=(lambda first, last: count_actions(aws.cloudwatch, acting, first, last))
        if settings.actions.is_on
        else None,
    )


def _mail(view: DigestView, paper: EmailTemplate, digest: DigestSettings, aws: Aws) -> None:
    if digest.mail:
        sender, recipients = digest.mail.sender, digest.mail.recipients
        send(aws.ses, email_message(view, paper, sender, recipients), sender, recipients)


@cache
def _log() -> Any:
    return Logger(use_rfc3339=True)


def handler(_event: dict[str, Any], _context: Any) -> None:
    compose().run()
