"""Everything from an event is hostile: what makes a text harmless in Slack, and how a template gets it that way."""

from __future__ import annotations

import re
from functools import lru_cache
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Line breaks become spaces; controls, bidirectional marks, zero-width and tag characters become visible.
_BREAKS = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
_HIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_STRANGE = re.compile(f"{_BREAKS.pattern}|{_HIDDEN.pattern}")
# ASCII that neither mrkdwn, a code span nor JSON gives a meaning: ids, addresses and most names are of nothing else.
_PLAIN = re.compile(r"[ !#-%'-;=?-\[\]-_a-~]+")
_LONGEST = 256  # after escaping: as much as a description of EC2 holds, and a line of several still fits a section
_BACKTICK_LIKE = "ˋ"


def clean(text: str, longest: int = _LONGEST) -> str:
    """One line of visible text, cut at `longest` characters."""
    if not (text.isascii() and text.isprintable()) and _STRANGE.search(text):
        text = _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", _BREAKS.sub(" ", text))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def escape(text: str) -> str:
    """Slack's three control characters, `&` first; nothing else is escaped in mrkdwn."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mrkdwn(value: Any) -> Markup:
    """A value as harmless mrkdwn; what is Markup already stays as it is."""
    return value if isinstance(value, Markup) else fitting(str(value), _LONGEST)


@lru_cache(maxsize=1024)
def ours(label: str) -> Markup:
    """A label as harmless mrkdwn: there are a few hundred, and every message is full of them."""
    return fitting(label, _LONGEST)


def code(value: Any, longest: int = _LONGEST) -> Markup:
    """A code span: no mention, link, emoji or formatting works inside. Nothing gives nothing."""
    text = str(value).strip()
    if len(text) <= longest and _PLAIN.fullmatch(text):
        return _markup(f"`{text}`")
    text = _fitted(text.replace("`", _BACKTICK_LIKE), longest).strip()
    return _markup(f"`{text}`" if text else "")


def code_block(text: str, longest: int) -> Markup:
    """A block of several lines, each harmless; `longest` counts after escaping."""
    lines = (clean(line, longest).replace("`", _BACKTICK_LIKE) for line in text.split("\n"))
    block = escape("\n".join(lines))
    if len(block) > longest:
        block = block[:longest].rpartition("\n")[0] + "\n…"
    return _markup(f"```{block}```")


def fitting(text: str, longest: int) -> Markup:
    """Escaped, and no longer than `longest` after that: a cut never goes through an entity."""
    return _markup(_fitted(text, longest))


def joined(separator: str, parts: Iterable[Markup]) -> Markup:
    """Harmless texts as one; the separator is our own. `Markup.join` would look at each of them once more."""
    return _markup(separator.join(parts))


def filled(sentence: str, values: Mapping[str, Markup]) -> Markup:
    """A sentence of ours, as plain text, with harmless values in its braces."""
    return _markup(escape(sentence).format_map(values))


def text_value(value: Any) -> str:
    """What a template of mrkdwn puts where it has `{{ value }}`."""
    return str(value) if isinstance(value, Markup) else _fitted(str(value), _LONGEST)


def json_value(value: Any) -> str:
    """What a template of JSON puts between its own quotes: harmless mrkdwn, escaped for JSON."""
    text = value if isinstance(value, Markup) else _fitted(str(value), _LONGEST)
    return encode_basestring(text)[1:-1]


def _fitted(text: str, longest: int) -> str:
    if len(text) <= longest and _PLAIN.fullmatch(text):
        return text
    kept = clean(text, longest)
    safe = escape(kept)
    while len(safe) > longest:
        kept = kept[: -max(2, (len(safe) - longest) // 5)] + "…"
        safe = escape(kept)
    return safe


def _markup(text: str) -> Markup:
    """`Markup(text)` looks for `__html__` first, which text has not; a message has a hundred of these."""
    return str.__new__(Markup, text)
