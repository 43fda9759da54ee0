"""Alert -> messages of a channel, by Jinja2. What a template made is parsed and checked before it goes anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from jinja2 import Environment, FileSystemLoader, ModuleLoader, StrictUndefined, Template
from markupsafe import Markup
from msgspec import Struct

from gatewatch.errors import RenderError
from gatewatch.rendering import escaping as safe_text
from gatewatch.rendering import sns_escaping as topic_text
from gatewatch.rendering.redaction import masked
from gatewatch.rendering.slack_context import message_view
from gatewatch.rendering.slack_schema import compact
from gatewatch.rendering.slack_validation import problems
from gatewatch.rendering.text import headline as words
from gatewatch.rendering.text.labels import Labels, load_labels
from gatewatch.rendering.text.rule_context import has_line, rule_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gatewatch.config.settings import Colors
    from gatewatch.model.alert import Alert

# Slack takes 3,000 characters a section, 150 a header, and about 13,000 in all the blocks of a message, which it
# says nowhere but in `msg_blocks_too_long`. The first section of a message, the facts, can have 4,000.
_SECTION = 2800
_SECTIONS_A_MESSAGE = 2
_HEADER = 150
_COMPILED = "compiled"  # beside the templates, in the zip alone
RAW_EVENT = 2600
# What a raw event says about the change; who and where stand above it already.
_TELLING = ("eventName", "errorCode", "errorMessage", "requestParameters", "responseElements")


class TopicTemplates(Struct, frozen=True):
    """For the subscribers of a topic: a chat's notification and a mail. A mail's subject is always in English."""

    notification: Template
    description: Template
    chat_rule: Template
    subject: Template
    mail: Template
    mail_rule: Template
    english: Labels


class Templates(Struct, frozen=True):
    """Compiled once per process: the message and one rule, as functions to a text, and the words of every language.

    `topic` compiles what a topic needs when the first alert is routed to one.
    """

    message: Callable[..., str]
    rule: Callable[..., str]
    labels: Mapping[str, Labels]
    topic: Callable[[], TopicTemplates]


def load_templates(folder: Path, languages: Iterable[str]) -> Templates:
    json_side = _environment(folder, safe_text.json_value)
    text_side = _environment(folder, safe_text.text_value)
    labels = {language: load_labels(folder, language) for language in languages}
    return Templates(
        message=_macro(json_side.get_template("slack/message.json.j2"), "message"),
        rule=_macro(text_side.get_template("slack/rule.j2"), "rule"),
        labels=labels,
        topic=cache(lambda: _topic_templates(folder, labels.get("en"))),
    )


def _topic_templates(folder: Path, english: Labels | None) -> TopicTemplates:
    json_side = _environment(folder, topic_text.chat_json_value)
    chat_side = _environment(folder, topic_text.chat_value)
    mail_side = _environment(folder, topic_text.mail_value)
    return TopicTemplates(
        notification=json_side.get_template("chatbot/notification.json.j2"),
        description=chat_side.get_template("chatbot/description.j2"),
        chat_rule=chat_side.get_template("chatbot/rule.j2"),
        subject=_environment(folder, topic_text.ascii_value).get_template("email/subject.j2"),
        mail=mail_side.get_template("email/message.j2"),
        mail_rule=mail_side.get_template("email/rule.j2"),
        english=english or load_labels(folder, "en"),
    )


def _macro(template: Template, name: str) -> Callable[..., str]:
    macro: Callable[..., str] = getattr(template.module, name)
    return macro


def compile_templates(folder: Path) -> None:
    """Leave every template beside the others as a module of Python: to load that takes no compiler of templates.

    A module asks its environment for `finalize` when it runs, so that one compilation serves them all.
    """
    _environment(folder, str).compile_templates(folder / _COMPILED, extensions=["j2"], zip=None, ignore_errors=False)


def _environment(folder: Path, finalize: Any) -> Environment:
    """Every `{{ value }}` goes through `finalize`, so that escaping is nothing a template has to remember.

    Jinja's own escaping is for HTML, and would escape twice what `finalize` made safe.
    """
    compiled = folder / _COMPILED
    environment = Environment(
        loader=ModuleLoader(compiled) if compiled.is_dir() else FileSystemLoader(folder),
        autoescape=False,  # noqa: S701  see above
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
    headline, shared = message_view(alert, labels, colors)
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
        raise RenderError(f"slack/message.json.j2 made no JSON: {error}") from error
    if found := problems(message):
        raise RenderError("slack/message.json.j2 made what Slack refuses: " + " ".join(found))
    return msgspec.json.encode(message)


def _part(number: int, parts: int, headline: str, labels: Labels) -> dict[str, Any]:
    text = labels.line["part"].format(part=number, parts=parts) if parts > 1 else ""
    suffix = f" · {text}" if text else ""
    title = safe_text.joined("", (safe_text.fitting(headline, _HEADER - len(suffix)), Markup(suffix)))
    return {"part": number, "parts": parts, "part_text": text, "title": title}


def _lines(alert: Alert, templates: Templates, labels: Labels) -> Iterator[Markup]:
    """One line per change, worst first; a call nobody understood shows its raw record as well."""
    ordered = words.worst_first(alert)
    told, zone = ordered[0].change.outcome, alert.account.timezone
    for assessed in ordered:
        if has_line(assessed, alert):
            yield Markup(templates.rule(**rule_view(assessed, told, zone, labels)))
    if not all(each.change.understood for each in alert.changes):
        yield Markup(f"*{labels.line['raw']}*\n") + safe_text.code_block(raw_event(alert.call.record), RAW_EVENT)


def raw_event(record: dict[str, Any]) -> str:
    """The record without its secrets, what tells of the change first."""
    telling = {key: record[key] for key in _TELLING if key in record}
    return msgspec.json.format(msgspec.json.encode(masked(telling | record)), indent=2).decode()


def _sections(lines: Iterable[Markup]) -> Iterator[Markup]:
    """Lines packed into texts that one Slack section holds."""
    packed: list[Markup] = []
    size = 0
    for line in lines:
        if packed and size + len(line) + 1 > _SECTION:
            yield safe_text.joined("\n", packed)
            packed, size = [], 0
        packed.append(line)
        size += len(line) + 1
    if packed:
        yield safe_text.joined("\n", packed)


def _pages(sections: Iterable[Markup]) -> Iterator[list[Markup]]:
    """Sections in messages; a call without any line still gives one message."""
    page: list[Markup] = []
    for section in sections:
        if len(page) == _SECTIONS_A_MESSAGE:
            yield page
            page = []
        page.append(section)
    yield page
