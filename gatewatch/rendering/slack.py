"""Slack messages of an alert. The output of the template is parsed and validated before it is returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup

from gatewatch.errors import RenderError
from gatewatch.rendering.escaping import code_block, join_safe, truncate_escaped
from gatewatch.rendering.redaction import MAX_RAW_EVENT, raw_event_text
from gatewatch.rendering.slack_context import message_context
from gatewatch.rendering.slack_schema import compact
from gatewatch.rendering.slack_validation import slack_problems
from gatewatch.rendering.text.headline import worst_first
from gatewatch.rendering.text.rule_context import has_line, rule_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.config.settings import Colors
    from gatewatch.model.alert import Alert
    from gatewatch.rendering.templates import Templates
    from gatewatch.rendering.text.labels import Labels

# Slack takes 3,000 characters a section, 150 a header, and about 13,000 in all blocks of a message; the last limit is
# undocumented (`msg_blocks_too_long`). The first section of a message, the fields, can have 4,000.
_MAX_SECTION = 2800
_SECTIONS_PER_MESSAGE = 2
_MAX_HEADER = 150


def slack_payloads(alert: Alert, templates: Templates, colors: Colors) -> list[bytes]:
    """The Slack messages of an alert as compact JSON, worst change first; one unless the call has many rules.

    Raises `RenderError` when Slack would reject one.
    """
    labels = templates.labels[alert.account.language]
    pages = list(_pages(_sections(_lines(alert, templates, labels))))
    headline, shared = message_context(alert, labels, colors)
    return [
        _payload(templates.message(**shared, sections=page, **_part(number, len(pages), headline, labels)))
        for number, page in enumerate(pages, start=1)
    ]


def _payload(text: str) -> bytes:
    if (compacted := compact(text)) is not None:
        return compacted
    try:
        message = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise RenderError(f"slack/message.json.j2 did not render JSON: {error}") from error
    if found := slack_problems(message):
        raise RenderError("slack/message.json.j2 rendered what Slack rejects: " + " ".join(found))
    return msgspec.json.encode(message)


def _part(number: int, parts: int, headline: str, labels: Labels) -> dict[str, Any]:
    text = labels.line["part"].format(part=number, parts=parts) if parts > 1 else ""
    suffix = f" · {text}" if text else ""
    title = join_safe("", (truncate_escaped(headline, _MAX_HEADER - len(suffix)), Markup(suffix)))
    return {"part": number, "parts": parts, "part_text": text, "title": title}


def _lines(alert: Alert, templates: Templates, labels: Labels) -> Iterator[Markup]:
    """One line per change, worst first; then the raw record, if a change was not understood."""
    ordered = worst_first(alert)
    outcome, timezone = ordered[0].change.outcome, alert.account.timezone
    for assessed in ordered:
        if has_line(assessed, alert):
            yield Markup(templates.rule(**rule_values(assessed, outcome, timezone, labels)))
    if not all(each.change.understood for each in alert.changes):
        yield Markup(f"*{labels.line['raw']}*\n") + code_block(raw_event_text(alert.call.record), MAX_RAW_EVENT)


def _sections(lines: Iterable[Markup]) -> Iterator[Markup]:
    """Lines joined into texts that fit a Slack section."""
    packed: list[Markup] = []
    size = 0
    for line in lines:
        if packed and size + len(line) + 1 > _MAX_SECTION:
            yield join_safe("\n", packed)
            packed, size = [], 0
        packed.append(line)
        size += len(line) + 1
    if packed:
        yield join_safe("\n", packed)


def _pages(sections: Iterable[Markup]) -> Iterator[list[Markup]]:
    """Sections grouped into messages; one message when there is no section."""
    page: list[Markup] = []
    for section in sections:
        if len(page) == _SECTIONS_PER_MESSAGE:
            yield page
            page = []
        page.append(section)
    yield page
