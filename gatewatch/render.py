"""Alert -> messages of a channel, by Jinja2. What a template made is parsed and checked before it goes anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from msgspec import Struct

from gatewatch import safe_text
from gatewatch.block_kit import problems
from gatewatch.errors import RenderError
from gatewatch.labels import Labels, load_labels
from gatewatch.model import Alert, Message
from gatewatch.slack_view import has_line, line_view, message_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gatewatch.settings import Colors

# Slack takes 3,000 characters a section, 50 blocks a message, 150 characters a header; below that we stay readable.
_SECTION = 2800
_SECTIONS_A_MESSAGE = 8
_HEADER = 150
_RAW_EVENT = 2600


class Templates(Struct, frozen=True):
    """Compiled once per process: the message, one rule, and the words of every language."""

    message: Template
    rule: Template
    labels: Mapping[str, Labels]


def load_templates(folder: Path, languages: Iterable[str]) -> Templates:
    json_side = _environment(folder, safe_text.json_text)
    text_side = _environment(folder, safe_text.mrkdwn)
    return Templates(
        message=json_side.get_template("slack/message.json.j2"),
        rule=text_side.get_template("slack/rule.j2"),
        labels={language: load_labels(folder, language) for language in languages},
    )


def _environment(folder: Path, finalize: Any) -> Environment:
    """Every `{{ value }}` goes through `finalize`, so that escaping is nothing a template has to remember."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["code"] = safe_text.code
    return environment


def slack_payloads(alert: Alert, templates: Templates, colors: Colors) -> list[bytes]:
    """The Slack messages of an alert as compact JSON, worst change first; one unless the call has many rules.

    Raises `RenderError` when Slack would refuse one.
    """
    labels = templates.labels[alert.account.language]
    pages = list(_pages(_sections(_lines(alert, templates, labels))))
    shared = message_view(alert, labels, colors)
    return [
        _payload(templates.message.render(shared, sections=page, **_part(number, len(pages), shared, labels)))
        for number, page in enumerate(pages, start=1)
    ]


def _payload(text: str) -> bytes:
    try:
        message = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise RenderError(f"slack/message.json.j2 made no JSON: {error}") from error
    if found := problems(message):
        raise RenderError("slack/message.json.j2 made what Slack refuses: " + " ".join(found))
    return msgspec.json.encode(message)


def _part(number: int, parts: int, shared: dict[str, Any], labels: Labels) -> dict[str, Any]:
    text = labels.line["part"].format(part=number, parts=parts)
    suffix = f" · {text}" if parts > 1 else ""
    title = safe_text.clean(shared["headline"], _HEADER - len(suffix)) + suffix
    return {"parts": parts, "part_text": text, "title": safe_text.fitting(title, _HEADER)}


def _lines(alert: Alert, templates: Templates, labels: Labels) -> Iterator[Markup]:
    """One line per change, worst first; a call nobody understood shows its raw record instead of nothing."""
    ordered = sorted(alert.changes, key=lambda each: -each.assessment.severity.rank)
    for assessed in ordered:
        if has_line(assessed):
            yield Markup(templates.rule.render(line_view(assessed, alert, labels)))
    if not all(each.change.understood for each in alert.changes):
        raw = msgspec.json.format(msgspec.json.encode(alert.call.record), indent=2).decode()
        yield Markup(f"*{labels.line['raw']}*\n") + safe_text.code_block(raw, _RAW_EVENT)


def _sections(lines: Iterable[Markup]) -> Iterator[Markup]:
    """Lines packed into texts that one Slack section holds."""
    packed: list[Markup] = []
    size = 0
    for line in lines:
        if packed and size + len(line) + 1 > _SECTION:
            yield Markup("\n").join(packed)
            packed, size = [], 0
        packed.append(line)
        size += len(line) + 1
    if packed:
        yield Markup("\n").join(packed)


def _pages(sections: Iterable[Markup]) -> Iterator[list[Markup]]:
    """Sections in messages; a call without any line still gives one message."""
    page: list[Markup] = []
    for section in sections:
        if len(page) == _SECTIONS_A_MESSAGE:
            yield page
            page = []
        page.append(section)
    yield page


def slack_messages(alert: Alert, destination: str, payloads: list[bytes]) -> list[Message]:
    """The payloads of an alert, each with its own key in the ledger."""
    return [
        Message(
            key=f"{alert.call.delivery_key}#{destination}#{number}",
            destination=destination,
            body=payload.decode(),
            event_id=alert.call.event_id,
            account_id=alert.account.id,
            severity=alert.severity,
            part=number,
            parts=len(payloads),
        )
        for number, payload in enumerate(payloads, start=1)
    ]
