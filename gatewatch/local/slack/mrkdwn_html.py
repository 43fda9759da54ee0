"""Slack's mrkdwn as HTML, approximately as Slack displays it.

All text is escaped; markup comes only from constants of this module.
Source: https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from gatewatch.local.slack.emoji import SHORTCODE, with_emoji
from gatewatch.rendering.slack_validation import WEB_LINK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_FENCE = re.compile(r"\n?```\n?(.+?)\n?```\n?", re.DOTALL)
_SPACES = re.compile(r"(\s+)")
_QUOTE = re.compile(r"(?:>|&gt;) ?")
_TOKEN = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<(?P<control>[^<>\n]+)>"
    r"|(?<!\w)(?P<bare>https?://(?:(?!&[lg]t;)[^\s<>\"`*|])+(?<![.,:!?)]))"
    rf"|(?P<emoji>{SHORTCODE})"
    r"|(?<![\w*])\*(?=\S)(?P<bold>[^*\n]+)(?<=\S)\*(?![\w*])"
    r"|(?<!\w)_(?=\S)(?P<italic>[^_\n]+)(?<=\S)_(?!\w)"
    r"|(?<![\w~])~(?=\S)(?P<strike>[^~\n]+)(?<=\S)~(?![\w~])"
)
_DATE = re.compile(r"!date\^([0-9]{1,11})\^([^^]+)(?:\^(.+))?")
_DATE_PART = re.compile(r"\{[a-z_]+\}")
_DATE_PARTS = {
    "{date_num}": "%Y-%m-%d",
    "{date_slash}": "%Y/%m/%d",
    "{date}": "%B %d, %Y",
    "{date_pretty}": "%B %d, %Y",
    "{date_short}": "%b %d, %Y",
    "{date_short_pretty}": "%b %d, %Y",
    "{date_long}": "%A, %B %d, %Y",
    "{date_long_pretty}": "%A, %B %d, %Y",
    "{time}": "%H:%M",
    "{time_secs}": "%H:%M:%S",
}
_BROADCASTS = ("!channel", "!here", "!everyone", "!group")


def to_html(text: str) -> Markup:
    pieces = _FENCE.split(text.replace("\r\n", "\n"))  # odd indexes are the text between fences
    return Markup().join(_pre(piece) if index % 2 else _lines(piece) for index, piece in enumerate(pieces))


def unescape_entities(text: str) -> str:
    """Replace Slack's three entities by characters; `&amp;` last, so that nothing is unescaped twice."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _pre(text: str) -> Markup:
    pieces = _SPACES.split(unescape_entities(text))  # odd indexes are spaces and line breaks
    word = Markup('<span class="word">{}</span>')
    return Markup("<pre>{}</pre>").format(
        Markup().join(each if index % 2 else word.format(each) for index, each in enumerate(pieces))
    )


def _lines(text: str) -> Markup:
    runs = groupby(text.split("\n"), key=lambda line: _QUOTE.match(line) is not None)
    return Markup().join(_quote(lines) if quoted else _line_breaks(lines) for quoted, lines in runs)


def _quote(lines: Iterable[str]) -> Markup:
    return Markup("<blockquote>{}</blockquote>").format(_line_breaks(_QUOTE.sub("", line, 1) for line in lines))


def _line_breaks(lines: Iterable[str]) -> Markup:
    return Markup("<br>").join(_inline(line) for line in lines)


def _inline(text: str) -> Markup:
    html, end = Markup(), 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        html += _literal(text[end : match.start()]) + _TOKENS[kind](match[kind])
        end = match.end()
    return html + _literal(text[end:])


def _literal(text: str) -> Markup:
    return escape(unescape_entities(text))


def _code(text: str) -> Markup:
    element = Markup("<code>{}</code>") if " " in text else Markup('<code class="word">{}</code>')
    return element.format(unescape_entities(text))


def _emoji(shortcode: str) -> Markup:
    return escape(with_emoji(shortcode))


def _bold(text: str) -> Markup:
    return Markup("<strong>{}</strong>").format(_inline(text))


def _italic(text: str) -> Markup:
    return Markup("<em>{}</em>").format(_inline(text))


def _strike(text: str) -> Markup:
    return Markup("<del>{}</del>").format(_inline(text))


def _control(content: str) -> Markup:
    """HTML of `<content>`: a link, date or mention; anything else is shown as written."""
    target, _, label = content.partition("|")
    if WEB_LINK.fullmatch(unescape_entities(target)):
        return _anchor(target, label)
    if date := _DATE.fullmatch(target):
        return _date(date, label)
    return _mention(target, label) or _literal(f"<{content}>")


def _anchor(url: str, label: str = "") -> Markup:
    anchor = Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>')
    return anchor.format(unescape_entities(url), unescape_entities(label or url))


def _mention(target: str, label: str) -> Markup | None:
    kind, _, group = target.partition("^")
    if kind in _BROADCASTS:
        return _mention_span("broadcast", "@" + kind[1:])
    if kind == "!subteam" or target.startswith("@"):
        return _mention_span("person", "@" + (label or group or target).lstrip("@"))
    if target.startswith("#"):
        return _mention_span("channel", "#" + (label or target).lstrip("#"))
    return None


def _mention_span(kind: str, text: str) -> Markup:
    return Markup('<span class="mention {}">{}</span>').format(kind, unescape_entities(text))


def _date(date: re.Match[str], fallback: str) -> Markup:
    """HTML of `<!date^…>` in UTC, with the fallback as the tooltip. Slack itself uses the reader's time zone."""
    time = datetime.fromtimestamp(int(date[1]), UTC)
    text = _DATE_PART.sub(lambda part: time.strftime(_DATE_PARTS.get(part[0], "")) or part[0], date[2])
    element = Markup('<time datetime="{}" title="{}">{}</time>')
    html = element.format(time.isoformat(), unescape_entities(fallback), unescape_entities(text))
    if date[3] and WEB_LINK.fullmatch(url := unescape_entities(date[3])):
        return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(url, html)
    return html


_TOKENS: dict[str, Callable[[str], Markup]] = {
    "code": _code,
    "control": _control,
    "bare": _anchor,
    "emoji": _emoji,
    "bold": _bold,
    "italic": _italic,
    "strike": _strike,
}
