"""Messages as JSON, for machines: the body of a webhook and the `unmapped` part of an EventBridge event.

docs/webhook.schema.json is generated from these types. Keys may be added; a change that breaks readers gets another
`version`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from gatewatch.errors import RenderError
from gatewatch.model.message import Rollup
from gatewatch.model.notification import AlertNotification, OperatorNotice
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import sanitize
from gatewatch.rendering.json_rows import Row, rows
from gatewatch.rendering.notices import banners, notice_paragraphs, notice_title
from gatewatch.rendering.presentation import Presentation
from gatewatch.rendering.sns_escaping import plain_text
from gatewatch.rendering.templates import Templates
from gatewatch.rendering.text.headline import alert_headline
from gatewatch.rendering.time_text import rfc3339

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert
    from gatewatch.model.message import Content, OutboxMessage
    from gatewatch.model.source_network import SourceNetwork
    from gatewatch.rendering.presentation import Cut

MAX_JSON_BYTES = 200_000  # EventBridge took 256 KiB for years; a webhook has no limit of its own
_MAX_SUMMARY, _MAX_TEXT, _MAX_URL = 512, 1024, 4096
_WHOLE = Presentation()


class JsonAccount(Struct, frozen=True, kw_only=True):
    """The account of an alert, as accounts.yaml describes it; `known` is false for an account that it does not list."""

    id: str
    alias: str
    environment: str | None
    owner: str | None
    ou: str | None
    tags: dict[str, str]
    known: bool


class JsonSourceNetwork(Struct, frozen=True, kw_only=True):
    """Where a source address is registered (ISO 3166-1), and its kind: hosting, cdn, vpn, tor or bot; else empty."""

    country: str
    kind: str
    provider: str


class JsonEvent(Struct, frozen=True, kw_only=True):
    """The API call. `time` is in UTC, RFC 3339; empty when the event had none.

    `source_network` only where policy.yaml asks for it and something is known of `source_ip`.
    """

    id: str
    name: str
    source: str
    time: str
    region: str
    actor: str
    actor_type: str
    source_ip: str | None
    error_code: str | None
    source_network: JsonSourceNetwork | UnsetType = UNSET


class JsonExposure(Struct, frozen=True, kw_only=True):
    """What the call opened to many addresses: an id that its closing repeats, rules opened, rules closed since."""

    id: str
    opened: int
    closed: int


class JsonMessage(Struct, frozen=True, kw_only=True):
    """One message. `id` is the same for every delivery of it, so that a receiver can ignore repetitions.

    `summary` and `text` are in `language`; reasons in `changes` are English. `omitted` counts changes that are not
    listed, by severity. `ended_exposures` are ids of earlier exposures that are closed now. `explains` are ids of
    earlier notices that the change of this alert had no event, only where there are some.
    """

    version: Literal["1"] = "1"
    kind: Literal["alert", "notice", "digest"]
    id: str
    destination: str
    fallback_for: str | None
    severity: Severity
    language: str
    summary: str
    text: tuple[str, ...]
    account: JsonAccount | None = None
    event: JsonEvent | None = None
    changes: tuple[Row, ...] = ()
    omitted: dict[Severity, int] = {}
    links: dict[str, str] = {}
    exposure: JsonExposure | None = None
    ended_exposures: tuple[str, ...] = ()
    explains: tuple[str, ...] | UnsetType = UNSET


class JsonRenderer(Struct, frozen=True):
    templates: Templates

    def cut(self, _message: OutboxMessage) -> Cut:
        return (0,)

    def render(self, content: Content, presentation: Presentation = _WHOLE) -> JsonMessage:
        """The message of a notification; an alert with fewer changes when it would be too large."""
        if isinstance(content, Rollup):
            raise RenderError("a roll-up has no JSON")
        notification = content.notification
        if isinstance(notification, AlertNotification):
            return _bounded_alert(self._alert(content, notification, presentation))
        return self._text(content)

    def _alert(
        self, message: OutboxMessage, notification: AlertNotification, presentation: Presentation
    ) -> JsonMessage:
        alert, labels = notification.alert, self.templates.labels(notification.language)
        state, account = presentation.state, notification.alert.account
        exposure = JsonExposure(id=presentation.exposure, opened=state.exposed, closed=state.closed)
        links = {"event": alert.links.event, "group": alert.links.group, "iam": alert.links.iam}
        return JsonMessage(
            kind="alert",
            id=notification.key[:_MAX_TEXT],
            destination=message.destination,
            fallback_for=message.fallback_for or None,
            severity=notification.severity,
            language=notification.language,
            summary=sanitize(alert_headline(alert, labels), _MAX_SUMMARY),
            text=tuple(plain_text(each) for each in banners(message, labels)),
            account=JsonAccount(
                id=account.id,
                alias=account.alias,
                environment=account.environment,
                owner=account.owner,
                ou=account.ou,
                tags=account.tags,
                known=account.known,
            ),
            event=_event(alert),
            changes=tuple(rows(alert, self.templates.labels("en"))),
            omitted=dict(alert.omitted),
            links={name: url for name, url in links.items() if 0 < len(url) <= _MAX_URL},
            exposure=exposure if presentation.exposure else None,
            ended_exposures=presentation.ended_exposures,
            explains=notification.explains or UNSET,
        )

    def _text(self, message: OutboxMessage) -> JsonMessage:
        """A notice or a digest: a title and paragraphs of plain text."""
        notification, is_notice = message.notification, isinstance(message.notification, OperatorNotice)
        title, paragraphs = self._title_and_paragraphs(message)
        return JsonMessage(
            kind="notice" if is_notice else "digest",
            id=notification.key,
            destination=message.destination,
            fallback_for=message.fallback_for or None,
            severity=notification.severity,
            language=notification.language,
            summary=sanitize(title, _MAX_SUMMARY),
            text=tuple(paragraphs),
        )

    def _title_and_paragraphs(self, message: OutboxMessage) -> tuple[str, list[str]]:
        notification = message.notification
        labels = self.templates.labels(notification.language)
        leading = [plain_text(each) for each in banners(message, labels)]
        if isinstance(notification, OperatorNotice):
            paragraphs = [plain_text(each) for each in notice_paragraphs(notification, labels)]
            return notice_title(notification, labels), [*leading, *paragraphs]
        if isinstance(notification, AlertNotification):
            raise RenderError("an alert has no paragraphs")
        from gatewatch.rendering.digest.messages import plain_digest  # noqa: PLC0415  a digest is one message a day

        title, text = plain_digest(notification, self.templates)
        return title, [*leading, text]


def _event(alert: Alert) -> JsonEvent:
    call = alert.call
    return JsonEvent(
        id=call.event_id[:_MAX_TEXT],
        name=call.event_name[:_MAX_TEXT],
        source=call.event_source[:_MAX_TEXT],
        time=rfc3339(call.time),
        region=call.region[:_MAX_TEXT],
        actor=call.actor.name[:_MAX_TEXT],
        actor_type=call.actor.type[:_MAX_TEXT],
        source_ip=call.source_ip and call.source_ip[:_MAX_TEXT],
        error_code=call.error_code and call.error_code[:_MAX_TEXT],
        source_network=_source_network(alert.source_network),
    )


def _source_network(source: SourceNetwork | None) -> JsonSourceNetwork | UnsetType:
    if source is None:
        return UNSET
    return JsonSourceNetwork(country=source.country, kind=source.kind, provider=source.provider)


def _bounded_alert(message: JsonMessage) -> JsonMessage:
    """The message with fewer changes, or none, if it is too large; they are in the order of severity."""
    while len(msgspec.json.encode(message)) > MAX_JSON_BYTES and message.changes:
        half = len(message.changes) // 2
        omitted = Counter(message.omitted)
        omitted.update(Severity(each.severity) for each in message.changes[half:])
        message = msgspec.structs.replace(message, changes=message.changes[:half], omitted=dict(omitted))
    return message
