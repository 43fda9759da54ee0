"""Events of PagerDuty's Events API v2: an incident per exposure, which is resolved when the exposure is closed.

Source of fields and limits: PagerDuty developer documentation, "Send an event to PagerDuty" (Events API v2).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from gatewatch.errors import RenderError
from gatewatch.model.message import Rollup
from gatewatch.model.notification import AlertNotification, NoticeKind, OperatorNotice
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import sanitize
from gatewatch.rendering.notices import banners, notice_paragraphs, notice_title
from gatewatch.rendering.plain_texts import plain_alert, plain_line
from gatewatch.rendering.presentation import Presentation
from gatewatch.rendering.sns_escaping import plain_text
from gatewatch.rendering.templates import Templates
from gatewatch.rendering.text.headline import headline_change
from gatewatch.rendering.time_text import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.message import Content, OutboxMessage
    from gatewatch.rendering.plain_texts import PlainAlert
    from gatewatch.rendering.presentation import Cut
    from gatewatch.rendering.text.labels import Labels

MAX_SUMMARY, MAX_DEDUP_KEY = 1024, 255
_MAX_RULES = 10
_WHOLE = Presentation()
_NOTHING_TO_DO = frozenset({NoticeKind.RECOVERED, NoticeKind.RESOLVED})

IncidentSeverity = Literal["critical", "error", "warning", "info"]
_SEVERITIES: dict[Severity, IncidentSeverity] = {
    Severity.CRITICAL: "critical",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "info",
    Severity.INFO: "info",
}


class IncidentPayload(Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"family": "class"}):
    """What the incident is about. `custom_details` is a table of names and values, in the reader's language."""

    summary: str
    source: str
    severity: IncidentSeverity
    timestamp: str = ""
    component: str = ""
    group: str = ""
    family: str = ""
    custom_details: dict[str, str] = {}


class IncidentLink(Struct, frozen=True):
    href: str
    text: str


class IncidentEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event, without the routing key, which is a secret."""

    event_action: Literal["trigger", "resolve"]
    dedup_key: str
    payload: IncidentPayload | None = None
    links: tuple[IncidentLink, ...] = ()
    client: str = ""


class IncidentRenderer(Struct, frozen=True):
    templates: Templates

    def cut(self, _message: OutboxMessage) -> Cut:
        return (0,)

    def render(self, content: Content, presentation: Presentation = _WHOLE) -> tuple[IncidentEvent, ...]:
        """The events of a message: what it resolves, then what it triggers.

        None for an alert that only closes what no incident is about. Raises `RenderError` for a digest.
        """
        if isinstance(content, Rollup):
            raise RenderError("PagerDuty gets no roll-ups")
        notification = content.notification
        if isinstance(notification, AlertNotification):
            return tuple(self._alert(content, notification, presentation))
        if isinstance(notification, OperatorNotice):
            return tuple(self._of_notice(content, notification, presentation))
        raise RenderError("PagerDuty gets no digests")

    def _alert(
        self, message: OutboxMessage, notification: AlertNotification, presentation: Presentation
    ) -> Iterator[IncidentEvent]:
        ended = dict.fromkeys(each for each in presentation.ended_exposures if each != presentation.exposure)
        yield from (IncidentEvent(event_action="resolve", dedup_key=_exposure_key(each)) for each in ended)
        if message.updates_only or _only_closes(notification):
            return
        key = _exposure_key(presentation.exposure) if presentation.exposure else _dedup_key(notification.key)
        texts = plain_alert(notification, self.templates, self.templates.labels(notification.language))
        yield IncidentEvent(
            event_action="trigger",
            dedup_key=key,
            payload=self._payload(message, notification, texts),
            links=tuple(IncidentLink(each.url, each.name) for each in texts.links),
            client="gatewatch",
        )
        if presentation.exposure and presentation.state.closed >= presentation.state.exposed:
            yield IncidentEvent(event_action="resolve", dedup_key=key)

    def _payload(self, message: OutboxMessage, notification: AlertNotification, texts: PlainAlert) -> IncidentPayload:
        alert, change = notification.alert, headline_change(notification.alert).change
        labels = self.templates.labels(notification.language)
        # A telephone call reads the summary out, so it has no mark and no second line.
        headline, place = texts.headline.partition(" ")[2], texts.place.partition("\n")[0]
        return IncidentPayload(
            summary=sanitize(f"{headline} · {place}", MAX_SUMMARY),
            source=plain_line(f"{alert.account.alias} {alert.account.id}"),
            severity=_SEVERITIES[alert.severity],
            timestamp=rfc3339(alert.call.time),
            component=plain_line(change.group.id or change.resource_id or ""),
            group=plain_line(alert.account.environment or ""),
            family=change.family.value,
            custom_details=dict(_details(message, texts, labels)),
        )

    def _of_notice(
        self, message: OutboxMessage, notice: OperatorNotice, presentation: Presentation
    ) -> Iterator[IncidentEvent]:
        if presentation.ended_notice:
            yield IncidentEvent(event_action="resolve", dedup_key=_dedup_key(presentation.ended_notice))
        if notice.kind not in _NOTHING_TO_DO:
            yield self._notice(message, notice)

    def _notice(self, message: OutboxMessage, notice: OperatorNotice) -> IncidentEvent:
        labels = self.templates.labels(notice.language)
        texts = [plain_text(each) for each in (*banners(message, labels), *notice_paragraphs(notice, labels))]
        payload = IncidentPayload(
            summary=sanitize(notice_title(notice, labels), MAX_SUMMARY),
            source=notice.account_id or "gatewatch",
            severity=_SEVERITIES[notice.severity],
            custom_details={str(number): text for number, text in enumerate(texts, 1)},
        )
        key = _dedup_key(notice.key)
        return IncidentEvent(event_action="trigger", dedup_key=key, payload=payload, client="gatewatch")


def _only_closes(notification: AlertNotification) -> bool:
    """Whether an alert closes exposures and is about nothing else: there is nobody to call for that."""
    change = notification.exposure_change
    return change is not None and not change.opened and notification.severity.rank <= Severity.LOW.rank


def _exposure_key(exposure: str) -> str:
    return f"gatewatch-exposure-{exposure}"


def _dedup_key(key: str) -> str:
    """The key of a notification; its hash where it is too long. Everything else about it may be any text."""
    name = f"gatewatch-{key}"
    if len(name) <= MAX_DEDUP_KEY and name.isascii() and name.isprintable():
        return name
    return f"gatewatch-{hashlib.sha256(key.encode()).hexdigest()}"


def _details(message: OutboxMessage, texts: PlainAlert, labels: Labels) -> Iterator[tuple[str, str]]:
    """Names and values in the reader's language: warnings, reasons, what to do, the worst rules, the fields."""
    if warnings := [plain_text(each) for each in banners(message, labels)]:
        yield "⚠️", "\n".join(warnings)
    if texts.reasons:
        yield labels.line["why"], "\n".join(texts.reasons)
    if texts.advice:
        yield labels.line["next_steps"], texts.advice
    if texts.command:
        yield labels.line["ingress_undo"], texts.command
    if texts.items:
        yield labels.field["rules"], "\n".join(texts.items[:_MAX_RULES])
    yield from texts.fields
    yield labels.button["event"], texts.event
