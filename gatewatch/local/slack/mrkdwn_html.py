"""Slack's mrkdwn as HTML, near enough to judge a message by.

Every piece of text that reaches the result is escaped; markup comes from the constants of this module and
nowhere else. Slack's own rules: https://docs.slack.dev/messaging/formatting-message-text
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
    from collections.abc import Callable

_FENCE = re.compile(r"\n?```\n?(.+?)\n?```\n?", re.DOTALL)
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
    pieces = _FENCE.split(text.replace("\r\n", "\n"))  # the odd ones stood between fences
    return Markup().join(_pre(piece) if place % 2 else _lines(piece) for place, piece in enumerate(pieces))


def decoded(text: str) -> str:
    """Slack's three entities as characters; `&amp;` last, so that nothing is decoded twice."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _pre(text: str) -> Markup:
    return Markup("<pre>{}</pre>").format(decoded(text))


def _lines(text: str) -> Markup:
    runs = groupby(text.split("\n"), key=lambda line: _QUOTE.match(line) is not None)
    return Markup().join(_quote(lines) if quoted else _joined(lines) for quoted, lines in _held(runs))


def _held(runs: groupby[bool, str]) -> list[tuple[bool, list[str]]]:
    return [(quoted, list(lines)) for quoted, lines in runs]


def _quote(lines: list[str]) -> Markup:
    return Markup("<blockquote>{}</blockquote>").format(_joined([_QUOTE.sub("", line, 1) for line in lines]))


def _joined(lines: list[str]) -> Markup:
    return Markup("<br>").join(_inline(line) for line in lines)


def _inline(text: str) -> Markup:
    html, end = Markup(), 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        html += _literal(text[end : match.start()]) + _TOKENS[kind](match[kind])
        end = match.end()
    return html + _literal(text[end:])


def _literal(text: str) -> Markup:
    return escape(decoded(text))


def _code(text: str) -> Markup:
    return Markup("<code>{}</code>").format(decoded(text))


def _emoji(shortcode: str) -> Markup:
    return escape(with_emoji(shortcode))


def _bold(text: str) -> Markup:
    return Markup("<strong>{}</strong>").format(_inline(text))


def _italic(text: str) -> Markup:
    return Markup("<em>{}</em>").format(_inline(text))


def _strike(text: str) -> Markup:
    return Markup("<del>{}</del>").format(_inline(text))


def _control(written: str) -> Markup:
    """What stands between `<` and `>`; what Slack does not know is shown as it is written."""
    target, _, label = written.partition("|")
    if WEB_LINK.fullmatch(decoded(target)):
        return _anchor(target, label)
    if dated := _DATE.fullmatch(target):
        return _date(dated, label)
    return _mention(target, label) or _literal(f"<{written}>")


def _anchor(url: str, label: str = "") -> Markup:
    anchor = Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>')
    return anchor.format(decoded(url), decoded(label or url))


def _mention(target: str, label: str) -> Markup | None:
    kind, _, group = target.partition("^")
    if kind in _BROADCASTS:
        return _highlighted("broadcast", "@" + kind[1:])
    if kind == "!subteam" or target.startswith("@"):
        return _highlighted("person", "@" + (label or group or target).lstrip("@"))
    if target.startswith("#"):
        return _highlighted("room", "#" + (label or target).lstrip("#"))
    return None


def _highlighted(whom: str, shown: str) -> Markup:
    return Markup('<span class="mention {}">{}</span>').format(whom, decoded(shown))


def _date(dated: re.Match[str], fallback: str) -> Markup:
    """Slack shows the reader's own zone; here it is always UTC, with the fallback as the tooltip."""
    moment = datetime.fromtimestamp(int(dated[1]), UTC)
    words = _DATE_PART.sub(lambda part: moment.strftime(_DATE_PARTS.get(part[0], "")) or part[0], dated[2])
    time = Markup('<time datetime="{}" title="{}">{}</time>')
    shown = time.format(moment.isoformat(), decoded(fallback), decoded(words))
    if dated[3] and WEB_LINK.fullmatch(decoded(dated[3])):
        return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(decoded(dated[3]), shown)
    return shown


_TOKENS: dict[str, Callable[[str], Markup]] = {
    "code": _code,
    "control": _control,
    "bare": _anchor,
    "emoji": _emoji,
    "bold": _bold,
    "italic": _italic,
    "strike": _strike,
}
