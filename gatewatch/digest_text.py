"""A digest as plain text and as a Slack message: the same lines, and bars of Unicode blocks instead of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import combining, east_asian_width

import msgspec
from markupsafe import Markup

from gatewatch.block_kit import problems
from gatewatch.errors import RenderError
from gatewatch.safe_text import clean, code, code_block, fitting, mrkdwn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.digest_view import Bar, DigestView, Fact, Part

_EIGHTHS = " ▏▎▍▌▋▊▉"
_WIDTH, _NAME = 20, 28
_SECTION, _HEADER = 2900, 150


def text_of(view: DigestView) -> str:
    warning = [view.warning, ""] if view.warning else []
    return "\n".join(
        [view.title, "", *warning, *(line for part in view.parts for line in _part_lines(part)), view.note, ""]
    )


def _part_lines(part: Part) -> Iterator[str]:
    indent = "  " if part.title else ""
    if part.title:
        yield part.title
    yield from (f"{indent}{clean(line)}" for line in (*map(str, part.facts), *part.lines, *bar_lines(part)))
    yield ""


def slack_payload(view: DigestView, color: str) -> bytes:
    """Raises `RenderError` when Slack would refuse it."""
    title = {"type": "plain_text", "text": str(fitting(view.title, _HEADER)), "emoji": False}
    warning = [_section(mrkdwn(view.warning))] if view.warning else []
    sections = [*warning, *(_section(_slack_text(part)) for part in view.parts)]
    context = {"type": "context", "elements": [_mrkdwn(mrkdwn(view.note))]}
    blocks = [{"type": "header", "text": title}, *sections, context]
    attachment = {"color": color, "fallback": str(mrkdwn(view.title)), "blocks": blocks}
    message = {"attachments": [attachment], "unfurl_links": False, "unfurl_media": False}
    if found := problems(message):
        raise RenderError("the digest is what Slack refuses: " + " ".join(found))
    return msgspec.json.encode(message)


def _slack_text(part: Part) -> Markup:
    title = [Markup("*{}*").format(mrkdwn(part.title))] if part.title else []
    lines = [*title, *map(_fact, part.facts), *map(mrkdwn, part.lines)]
    if part.bars:
        lines.append(code_block("\n".join(bar_lines(part)), _SECTION // 2))
    text = Markup("\n").join(lines)
    while len(text) > _SECTION:  # a cut goes between lines, never through one
        text = text.rpartition("\n")[0]
    return text


def _fact(fact: Fact) -> Markup:
    """Nothing works inside a code span."""
    return Markup("{} {}").format(mrkdwn(fact.mark), code(fact.text))


def _section(text: Markup) -> dict[str, object]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: Markup) -> dict[str, object]:
    return {"type": "mrkdwn", "text": str(text), "verbatim": True}


def bar_lines(part: Part) -> Iterator[str]:
    """`payments-prod  ████████▌  12  2 critical, 10 low`: the longest bar has the whole width."""
    largest = max((each.value for each in part.bars), default=1)
    names = [clean(each.name, _NAME) for each in part.bars]
    widest = max(map(_columns, names), default=0)
    for each, name in zip(part.bars, names, strict=True):
        yield _bar_line(each, name + " " * (widest - _columns(name)), largest)


def _bar_line(each: Bar, name: str, largest: int) -> str:
    line = f"{name}  {bar(each.value, largest)} {each.value:>4}"
    return f"{line}  {each.detail}" if each.detail else line


def bar(value: int, largest: int) -> str:
    """At least a sliver for what is not nothing."""
    eighths = max(1, round(value / largest * _WIDTH * 8)) if value else 0
    drawn = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    return drawn.ljust(_WIDTH)


def _columns(text: str) -> int:
    """How wide a fixed-width font draws it."""
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)
