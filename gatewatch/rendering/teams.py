"""Messages for Microsoft Teams: an Adaptive Card of version 1.4, as the Workflows app takes it.

Every text is a TextRun, which has no markup at all ("TextRun", adaptivecards.io): nothing in it becomes a link, a
mention or a format. Links to the console are actions of the card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.errors import RenderError
from gatewatch.model.message import Rollup
from gatewatch.model.notification import AlertNotification, NoticeKind, OperatorNotice
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import sanitize
from gatewatch.rendering.notices import banners, notice_paragraphs, notice_title
from gatewatch.rendering.parts import first_parts, omitted_text, part_texts, shown_items
from gatewatch.rendering.plain_texts import PlainAlert, plain_alert
from gatewatch.rendering.presentation import MAX_PARTS, Presentation
from gatewatch.rendering.sns_escaping import plain_text
from gatewatch.rendering.templates import Templates
from gatewatch.rendering.text.state import message_state_lines, status_headline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.model.message import Content, OutboxMessage
    from gatewatch.rendering.presentation import Cut
    from gatewatch.rendering.text.labels import Labels

    Element = dict[str, Any]
    Payload = dict[str, Any]

SCHEMA, VERSION = "http://adaptivecards.io/schemas/adaptive-card.json", "1.4"
CONTENT_TYPE = "application/vnd.microsoft.card.adaptive"
MAX_BYTES = 25_000  # of the whole message; Teams is said to take 28 KB
_MAX_TITLE, _MAX_LINE, _MAX_COMMAND, _MAX_LINES = 400, 200, 2000, 40  # of an item, a section can have many lines
_RESERVED = 1500  # bytes for lines about the state and the part
_WHOLE = Presentation()
_STYLES = {Severity.CRITICAL: "attention", Severity.HIGH: "attention", Severity.MEDIUM: "warning"}
_GOOD_NEWS = frozenset({NoticeKind.RECOVERED, NoticeKind.RESOLVED, NoticeKind.TEST})


class TeamsRenderer(Struct, frozen=True):
    templates: Templates

    def cut(self, message: OutboxMessage) -> Cut:
        """Divide a message into parts; one part unless a call has many rules."""
        notification = message.notification
        if not isinstance(notification, AlertNotification):
            return (0,)
        texts = self._texts(notification)
        longest = Presentation(part=MAX_PARTS, cut=(0,) * MAX_PARTS)
        first = msgspec.structs.replace(longest, part=1)
        cards = [self._alert(message, notification, texts, each) for each in (first, longest)]
        used = max(len(msgspec.json.encode(each)) for each in cards)
        return first_parts(list(_pages(texts.items, MAX_BYTES - _RESERVED - used)))

    def render(self, content: Content, presentation: Presentation = _WHOLE) -> Payload:
        """The payload of a message. Raises `RenderError` when it would be too large."""
        if isinstance(content, Rollup):
            raise RenderError("Teams gets no roll-ups")
        notification = content.notification
        if isinstance(notification, AlertNotification):
            return _validated(self._alert(content, notification, self._texts(notification), presentation))
        return _validated(self._text(content))

    def _texts(self, notification: AlertNotification) -> PlainAlert:
        return plain_alert(notification, self.templates, self.templates.labels(notification.language))

    def _alert(
        self, message: OutboxMessage, notification: AlertNotification, texts: PlainAlert, presentation: Presentation
    ) -> Payload:
        labels, state = self.templates.labels(notification.language), presentation.state
        headline = status_headline(texts.headline, state, labels)
        title = " · ".join(filter(None, (headline, part_texts(presentation, labels)["part_text"])))
        items = list(shown_items(texts.items, presentation))
        if omitted := omitted_text(notification.alert, presentation, labels):
            items.append(omitted)
        style = "good" if state.is_over else _STYLES.get(notification.severity, "accent")
        has_details = presentation.part == 1
        body = [
            _header(title, style),
            *_lines(plain_text(each) for each in banners(message, labels)),
            *_lines([texts.place]),
            *_lines([plain_text(message_state_lines(state, labels, is_rollup=False))]),
            *_items(items[:1]),
            *(_what_to_do(texts, labels, is_over=state.is_over) if has_details else ()),
            *_items(items[1:]),
            *(_details(texts) if has_details else ()),
        ]
        return _message(body, [_link(each.name, each.url) for each in texts.links])

    def _text(self, message: OutboxMessage) -> Payload:
        """A notice or a digest: a title and paragraphs."""
        notification = message.notification
        labels = self.templates.labels(notification.language)
        leading = [plain_text(each) for each in banners(message, labels)]
        if isinstance(notification, OperatorNotice):
            style = "good" if notification.kind in _GOOD_NEWS else _STYLES.get(notification.severity, "accent")
            title, texts = notice_title(notification, labels), notice_paragraphs(notification, labels)
            body = [_header(title, style), *_lines([*leading, *map(plain_text, texts)])]
            return _message(body, [])
        if isinstance(notification, AlertNotification):
            raise RenderError("an alert is no text")
        from gatewatch.rendering.digest.messages import plain_digest  # noqa: PLC0415  a digest is one message a day

        title, text = plain_digest(notification, self.templates)
        body = [_header(title, "accent"), *_lines(leading), *_bounded(_lines([text.removeprefix(title)]))]
        return _message(body, [])


def _what_to_do(texts: PlainAlert, labels: Labels, *, is_over: bool) -> Iterator[Element]:
    """Why, and unless everything is closed, what to do and the command that undoes the change."""
    if texts.reasons:
        yield _block(_run(labels.line["why"], weight="bolder"), _run(f" {'; '.join(texts.reasons)}"), spacing="medium")
    if texts.advice and not is_over:
        yield _block(_run(labels.line["next_steps"], weight="bolder"), _run(f" {texts.advice}"), spacing="small")
    if texts.command and not is_over:
        yield _block(_run(labels.line["ingress_undo"], weight="bolder"), spacing="small")
        yield _block(_run(texts.command, _MAX_COMMAND, fontType="monospace"), spacing="none")


def _details(texts: PlainAlert) -> Iterator[Element]:
    """The fields, a line each, then the event."""
    for field in texts.fields:
        text = " · ".join(line.strip() for line in field.text.split("\n"))
        yield _block(_run(field.name, weight="bolder"), _run(f" {text}"), spacing="small")
    yield _block(_run(texts.event, isSubtle=True, size="small"), spacing="small")


def _items(items: Iterable[str]) -> Iterator[Element]:
    for item in items:
        for number, line in enumerate(item.split("\n")[:_MAX_LINES]):
            if line.strip():
                style: dict[str, Any] = (
                    {"fontType": "monospace"} if number else {"fontType": "monospace", "weight": "bolder"}
                )
                yield _block(_run(line, **style), spacing="none" if number else "small")


def _pages(items: Sequence[str], available: int) -> Iterator[list[str]]:
    """Items grouped by the bytes that they take as elements of a card."""
    page: list[str] = []
    size = 0
    for item in items:
        length = len(msgspec.json.encode(list(_items([item]))))
        if page and size + length > available:
            yield page
            page, size = [], 0
        page.append(item)
        size += length
    yield page


def _bounded(lines: Iterator[Element]) -> Iterator[Element]:
    """The first lines of a long text."""
    size = 0
    for line in lines:
        size += len(msgspec.json.encode(line))
        if size > MAX_BYTES - _RESERVED:
            yield _block(_run("…"), spacing="none")
            return
        yield line


def _lines(texts: Iterable[str]) -> Iterator[Element]:
    """A block for each line: a line break in a TextRun is not shown everywhere."""
    for text in texts:
        for number, line in enumerate(text.strip("\n").split("\n")):
            if line.strip():
                yield _block(_run(line), spacing="none" if number else "small")


def _header(title: str, style: str) -> Element:
    run = _run(sanitize(title, _MAX_TITLE), max_length=_MAX_TITLE, weight="bolder", size="large")
    return {"type": "Container", "style": style, "bleed": True, "items": [_block(run)]}


def _block(*runs: Element, spacing: str = "default") -> Element:
    return {"type": "RichTextBlock", "spacing": spacing, "inlines": list(runs)}


def _run(text: str, max_length: int = _MAX_LINE, **style: Any) -> Element:
    indent = text[: len(text) - len(text.lstrip(" "))]
    return {"type": "TextRun", "text": indent + sanitize(text.strip(" "), max_length), **style}


def _link(name: str, url: str) -> Element:
    return {"type": "Action.OpenUrl", "title": name, "url": url}


def _message(body: Sequence[Element], actions: Sequence[Element]) -> Payload:
    card = {
        "$schema": SCHEMA,
        "type": "AdaptiveCard",
        "version": VERSION,
        "msteams": {"width": "Full"},
        "body": list(body),
        "actions": list(actions),
    }
    return {"type": "message", "attachments": [{"contentType": CONTENT_TYPE, "contentUrl": None, "content": card}]}


def _validated(payload: Payload) -> Payload:
    size = len(msgspec.json.encode(payload))
    if size > MAX_BYTES:
        raise RenderError(f"the card has {size} bytes, Teams takes {MAX_BYTES}")
    return payload
