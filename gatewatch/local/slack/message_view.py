"""Template filters that read severity, colour and texts from a message. They tolerate malformed messages."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup, escape

from gatewatch.local.slack.emoji import with_emoji
from gatewatch.local.slack.mrkdwn_html import to_html, unescape_entities
from gatewatch.rendering.slack_limits import MAX_UNFOLDED, MAX_UNFOLDED_BLOCKS
from gatewatch.rendering.slack_validation import COLOR, WEB_LINK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class SeverityFilter(NamedTuple):
    name: str
    mark: str
    label: str


SEVERITY_FILTERS = (
    SeverityFilter("critical", "🔴", "Critical"),
    SeverityFilter("high", "🟠", "High"),
    SeverityFilter("medium", "🟡", "Medium"),
    SeverityFilter("low", "🔵", "Low"),
    SeverityFilter("informational", "⚪", "Info"),
    SeverityFilter("other", "", "Other"),
)
_KANA, _HANGUL = re.compile("[\u3041-\u30ff]"), re.compile("[\uac00-\ud7a3]")
# `alias` `id`: back-ticks of event texts are escaped, so no event can forge this code span.
_ACCOUNT = re.compile(r"`([^`]+)` `(\d{12})`")
_LINK = re.compile(r"<[^<>|]+\|([^<>]+)>")
_NAMED_COLORS = {"good": "#2eb67d", "warning": "#ecb22e", "danger": "#e01e5a"}


def severity(message: dict[str, Any]) -> str:
    """Severity by the mark or English label at the start of the first header, else of the notification, or `other`.

    The header of a message that is closed has another mark.
    """
    for text in (next(_headers(message), ""), notification(message)):
        start = with_emoji(text).strip().lower()
        for known in SEVERITY_FILTERS[:-1]:
            if start.startswith((known.mark, known.label.lower())):
                return known.name
    return "other"


def is_folded(attachment: dict[str, Any]) -> bool:
    """Whether Slack would show the beginning and "Show more": an assumption, which `slack_limits` explains."""
    blocks = objects(attachment, "blocks")
    texts = [text for block in blocks for text in _texts_of(block)] or [str(attachment.get("text") or "")]
    length = sum(len(unescape_entities(_LINK.sub(r"\1", each))) for each in texts)
    return len(blocks) > MAX_UNFOLDED_BLOCKS or length > MAX_UNFOLDED


def _texts_of(block: dict[str, Any]) -> Iterator[str]:
    shown = [block.get("text"), *objects(block, "fields"), *objects(block, "elements")]
    return (_text(each) for each in shown if isinstance(each, dict) and isinstance(each.get("text"), str))


def account(message: dict[str, Any]) -> str:
    """Alias and id of the account of a message, from the first field that has both; else empty."""
    texts = (str(field.get("text", "")) for container in _containers(message) for field in _fields(container))
    return next((unescape_entities(f"{found[1]} {found[2]}") for text in texts if (found := _ACCOUNT.search(text))), "")


def color(attachment: dict[str, Any]) -> str:
    """The attachment's colour as #RRGGBB; grey for anything else, because it is written into an attribute."""
    value = str(attachment.get("color") or "")
    return _NAMED_COLORS.get(value) or (value if COLOR.fullmatch(value) else "#8d8d8d")


def language(message: dict[str, Any]) -> str:
    """`ja` for kana, `ko` for hangul, else empty. Browsers choose glyphs and line breaks by it."""
    text = pretty(message)
    return "ja" if _KANA.search(text) else "ko" if _HANGUL.search(text) else ""


def text_html(text: object) -> Markup:
    """HTML of a text object, or of a bare string, which Slack reads as mrkdwn."""
    if isinstance(text, str):
        return to_html(text)
    text_object = text if isinstance(text, dict) else {}
    content = str(text_object.get("text", ""))
    if text_object.get("type") == "mrkdwn":
        return to_html(content)
    return escape(unescape_entities(with_emoji(content) if text_object.get("emoji", True) else content))


def web_link(url: object) -> str | None:
    return url if isinstance(url, str) and WEB_LINK.fullmatch(url) else None


def pretty(message: dict[str, Any]) -> str:
    return json.dumps(message, indent=2, ensure_ascii=False)


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def notification(message: dict[str, Any]) -> str:
    """The push notification: the text, else the fallback of the first attachment that has one."""
    fallbacks = (attachment.get("fallback") for attachment in objects(message, "attachments"))
    return unescape_entities(str(message.get("text") or next(filter(None, fallbacks), "")))


def objects(container: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects in the list under `key`; empty when it is missing or no list."""
    value = container.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _containers(message: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Everything that may hold blocks, in reading order."""
    return (*objects(message, "attachments"), message)


def _fields(container: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (field for block in objects(container, "blocks") for field in objects(block, "fields"))


def _headers(message: dict[str, Any]) -> Iterator[str]:
    for container in _containers(message):
        for block in objects(container, "blocks"):
            if block.get("type") == "header":
                yield _text(block.get("text"))


def _text(text: object) -> str:
    return str(text.get("text", "")) if isinstance(text, dict) else str(text or "")


FILTERS: dict[str, Callable[..., Any]] = {
    "severity": severity,
    "account": account,
    "color": color,
    "is_folded": is_folded,
    "language": language,
    "text_html": text_html,
    "web_link": web_link,
    "pretty": pretty,
    "compact": compact,
    "notification": notification,
    "objects": objects,
}
