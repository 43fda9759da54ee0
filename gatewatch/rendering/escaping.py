"""Escaping of text for Slack. Everything that comes from an event is treated as hostile."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Line breaks become spaces; controls, bidirectional marks, zero-width and tag characters become visible.
_BREAK_CHARACTERS = r"\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029"
_HIDDEN_CHARACTERS = (
    r"\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_BREAKS = re.compile(f"[{_BREAK_CHARACTERS}]+")
_HIDDEN = re.compile(f"[{_HIDDEN_CHARACTERS}]")
# Everything that escaping changes, with the back-tick of code spans. One class: an alternation is four times slower.
_SPECIAL = re.compile(f"[&<>`{_BREAK_CHARACTERS}{_HIDDEN_CHARACTERS}]")
# The same of ASCII, which most ids, addresses and names are; a class without other characters is twice as fast.
_SPECIAL_ASCII = re.compile(r"[&<>`\x00-\x1f\x7f]")
_MAX_LENGTH = 256  # after escaping: a rule description of EC2 fits, and a line of several values fits a section
_NOTHING = Markup()
_BACKTICK_LIKE = "ˋ"


def sanitize(text: str, max_length: int = _MAX_LENGTH) -> str:
    """One line of visible text of at most `max_length` characters."""
    if not (text.isascii() and text.isprintable()) and _SPECIAL.search(text):
        text = _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", _BREAKS.sub(" ", text))
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


def escape(text: str) -> str:
    """Escape Slack's three control characters; mrkdwn needs no other escaping."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mrkdwn(value: Any) -> Markup:
    """A value as escaped mrkdwn; Markup stays as it is."""
    return value if isinstance(value, Markup) else truncate_escaped(str(value), _MAX_LENGTH)


@lru_cache(maxsize=1024)
def trusted_label(label: str) -> Markup:
    """A label as escaped mrkdwn. Cached, because there are only a few hundred labels."""
    return truncate_escaped(label, _MAX_LENGTH)


def code(value: Any, max_length: int = _MAX_LENGTH) -> Markup:
    """A code span, in which no mention, link, emoji or formatting works; empty for an empty value."""
    text = str(value).strip()
    if not text:
        return _NOTHING
    if not _is_unchanged(text, max_length):
        text = _escaped(text.replace("`", _BACKTICK_LIKE), max_length).strip()
    return as_markup(f"`{text}`" if text else "")


def code_block(text: str, max_length: int) -> Markup:
    """A code block of several lines; `max_length` counts after escaping."""
    lines = (sanitize(line, max_length).replace("`", _BACKTICK_LIKE) for line in text.split("\n"))
    block = escape("\n".join(lines))
    if len(block) > max_length:
        block = block[:max_length].rpartition("\n")[0] + "\n…"
    return as_markup(f"```{block}```")


def truncate_escaped(text: str, max_length: int) -> Markup:
    """Escape and cut to `max_length` characters; an entity such as `&amp;` is never cut in two."""
    if not text:
        return _NOTHING
    return as_markup(text if _is_unchanged(text, max_length) else _escaped(text, max_length))


def join_safe(separator: str, parts: Iterable[Markup]) -> Markup:
    """Join escaped texts with a constant separator, without the checks that `Markup.join` repeats."""
    return as_markup(separator.join(parts))


def format_safe(label: str, values: Mapping[str, Markup]) -> Markup:
    """A label, which is plain text, with escaped values in its braces."""
    return as_markup(escape(label).format_map(values))


def _is_unchanged(text: str, max_length: int) -> bool:
    """Whether escaping and cutting would leave a text as it is."""
    return len(text) <= max_length and not (_SPECIAL_ASCII if text.isascii() else _SPECIAL).search(text)


def _escaped(text: str, max_length: int) -> str:
    kept = sanitize(text, max_length)
    safe = escape(kept)
    while len(safe) > max_length:
        kept = kept[: -max(2, (len(safe) - max_length) // 5)] + "…"
        safe = escape(kept)
    return safe


def as_markup(text: str) -> Markup:
    """`Markup` of text that is escaped already, without its search for `__html__`; a message has a hundred of these."""
    return str.__new__(Markup, text)
