"""What the page reads out of a message: its severity, its colour, its texts. Lenient, for it only shows."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup, escape

from gatewatch.local.slack.emoji import with_emoji
from gatewatch.local.slack.mrkdwn_html import decoded, to_html
from gatewatch.rendering.slack_validation import COLOR, WEB_LINK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Severity(NamedTuple):
    name: str
    mark: str
    word: str


SEVERITIES = (
    Severity("critical", "🔴", "Critical"),
    Severity("high", "🟠", "High"),
    Severity("medium", "🟡", "Medium"),
    Severity("low", "🔵", "Low"),
    Severity("informational", "⚪", "Info"),
    Severity("other", "", "Other"),
)
_KANA, _HANGUL = re.compile("[\u3041-\u30ff]"), re.compile("[\uac00-\ud7a3]")
# `alias` `id`: no text of an event can write a code span, for it cannot write a back-tick.
_ACCOUNT = re.compile(r"`([^`]+)` `(\d{12})`")
_NAMED_COLORS = {"good": "#2eb67d", "warning": "#ecb22e", "danger": "#e01e5a"}


def severity(message: dict[str, Any]) -> str:
    """By the mark or the English word at the start of the first header; `other` when it has neither."""
    header = with_emoji(next(_headers(message), "")).strip().lower()
    for known in SEVERITIES[:-1]:
        if header.startswith((known.mark, known.word.lower())):
            return known.name
    return "other"


def account(message: dict[str, Any]) -> str:
    """Alias and id of the account that a message is about, from the first facts that name one; else empty."""
    facts = (str(field.get("text", "")) for owner in _owners(message) for field in _fields(owner))
    return next((decoded(f"{found[1]} {found[2]}") for fact in facts if (found := _ACCOUNT.search(fact))), "")


def color(attachment: dict[str, Any]) -> str:
    """As #RRGGBB, and grey for anything that is no colour: it goes into an attribute."""
    said = str(attachment.get("color") or "")
    return _NAMED_COLORS.get(said) or (said if COLOR.fullmatch(said) else "#8d8d8d")


def language(message: dict[str, Any]) -> str:
    """`ja` for kana, `ko` for hangul, else empty: a browser picks glyphs and breaks lines by it."""
    letters = pretty(message)
    return "ja" if _KANA.search(letters) else "ko" if _HANGUL.search(letters) else ""


def text_html(text: object) -> Markup:
    """A text object, or a bare string, which Slack reads as mrkdwn."""
    if isinstance(text, str):
        return to_html(text)
    said = text if isinstance(text, dict) else {}
    written = str(said.get("text", ""))
    if said.get("type") == "mrkdwn":
        return to_html(written)
    return escape(decoded(with_emoji(written) if said.get("emoji", True) else written))


def web_link(url: object) -> str | None:
    return url if isinstance(url, str) and WEB_LINK.fullmatch(url) else None


def pretty(message: dict[str, Any]) -> str:
    return json.dumps(message, indent=2, ensure_ascii=False)


def notification(message: dict[str, Any]) -> str:
    """What a phone shows: the text, else the fallback of the first attachment that has one."""
    fallbacks = (attachment.get("fallback") for attachment in parts(message, "attachments"))
    return decoded(str(message.get("text") or next(filter(None, fallbacks), "")))


def parts(owner: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects within an object; empty when it is not there or is something else."""
    value = owner.get(name)
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _owners(message: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Whatever may hold blocks, in the order of reading."""
    return (*parts(message, "attachments"), message)


def _fields(owner: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (field for block in parts(owner, "blocks") for field in parts(block, "fields"))


def _headers(message: dict[str, Any]) -> Iterator[str]:
    for owner in _owners(message):
        for block in parts(owner, "blocks"):
            if block.get("type") == "header":
                yield _plain(block.get("text"))


def _plain(text: object) -> str:
    return str(text.get("text", "")) if isinstance(text, dict) else str(text or "")


FILTERS: dict[str, Callable[..., Any]] = {
    "severity": severity,
    "account": account,
    "color": color,
    "language": language,
    "text_html": text_html,
    "web_link": web_link,
    "pretty": pretty,
    "notification": notification,
    "parts": parts,
}
