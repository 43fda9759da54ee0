"""A digest as plain text and as a Slack message: the same lines, and bars of Unicode blocks instead of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from unicodedata import combining, east_asian_width

import msgspec
from markupsafe import Markup

from gatewatch.errors import RenderError
from gatewatch.rendering.escaping import clean, code, code_block, fitting, mrkdwn
from gatewatch.rendering.slack_validation import problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.digest.view import DigestView, Fact, Part

_EIGHTHS = " ▏▎▍▌▋▊▉"
_SECTION, _HEADER = 2900, 150
_VALUE = 80


class Frame(NamedTuple):
    """How wide names and bars may be; `is_narrow` puts what a bar is made of under it."""

    name: int
    bar: int
    is_narrow: bool = False


_WIDE, _PHONE = Frame(28, 20), Frame(22, 10, is_narrow=True)


def text_of(view: DigestView) -> str:
    warning = [view.warning, ""] if view.warning else []
    return "\n".join(
        [view.title, "", *warning, *(line for part in view.parts for line in _part_lines(part)), view.note, ""]
    )


def _part_lines(part: Part) -> Iterator[str]:
    indent = "  " if part.title else ""
    if part.title:
        yield part.title
    yield from (f"{indent}{clean(line)}" for line in (*map(str, part.facts), *part.lines, *bar_lines(part, _WIDE)))
    yield ""


def slack_payload(view: DigestView, color: str) -> bytes:
    """Raises `RenderError` when Slack would refuse it."""
    title = {"type": "plain_text", "text": str(fitting(view.title, _HEADER)), "emoji": False}
    warning = [_section(mrkdwn(view.warning))] if view.warning else []
    sections = [*warning, *(_section(text) for part in view.parts for text in _slack_texts(part))]
    context = {"type": "context", "elements": [_mrkdwn(mrkdwn(view.note))]}
    blocks = [{"type": "header", "text": title}, *sections, context]
    attachment = {"color": color, "fallback": str(mrkdwn(view.title)), "blocks": blocks}
    message = {"attachments": [attachment], "unfurl_links": False, "unfurl_media": False}
    if found := problems(message):
        raise RenderError("the digest is what Slack refuses: " + " ".join(found))
    return msgspec.json.encode(message)


def _slack_texts(part: Part) -> Iterator[Markup]:
    """One, or as many as it takes: a section has its limit, and a line stays whole."""
    title = [Markup("*{}*").format(mrkdwn(part.title))] if part.title else []
    bars = [code_block("\n".join(bar_lines(part, _PHONE)), _SECTION // 2)] if part.bars else []
    text = Markup()
    for line in (*title, *map(mrkdwn_of, part.facts), *map(mrkdwn, part.lines), *bars):
        if len(text) + len(line) > _SECTION:
            yield text
            text = Markup()
        text = Markup("\n").join((text, line)) if text else line
    yield text


def mrkdwn_of(fact: Fact) -> Markup:
    """What an event said stands in code spans: nothing works inside one."""
    values = {name: mrkdwn(value) for name, value in fact.ours.items()}
    values |= {name: code(value, _VALUE) for name, value in fact.theirs.items()}
    return Markup("{} {}").format(mrkdwn(fact.mark), mrkdwn(fact.words).format(**values))


def _section(text: Markup) -> dict[str, object]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: Markup) -> dict[str, object]:
    return {"type": "mrkdwn", "text": str(text), "verbatim": True}


def bar_lines(part: Part, frame: Frame) -> Iterator[str]:
    """`payments-prod  ████████▌  12  2 critical, 10 low`: the longest bar has the whole width."""
    largest = max((each.value for each in part.bars), default=1)
    names = [_fitting(each.name, frame.name) for each in part.bars]
    widest = max(map(_columns, names), default=0)
    for each, name in zip(part.bars, names, strict=True):
        line = f"{name}{' ' * (widest - _columns(name))}  {bar(each.value, largest, frame.bar)} {each.value:>4}"
        yield f"{line}  {each.detail}" if each.detail and not frame.is_narrow else line
        if each.detail and frame.is_narrow:
            yield f"  {each.detail}"


def bar(value: int, largest: int, width: int) -> str:
    """At least a sliver for what is not nothing."""
    eighths = max(1, round(value / largest * width * 8)) if value else 0
    drawn = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    return drawn.ljust(width)


def _fitting(name: str, columns: int) -> str:
    """Letters of the East are two columns wide."""
    name = clean(name, columns)
    while _columns(name) > columns:
        name = name.rstrip("…")[:-1] + "…"
    return name


def _columns(text: str) -> int:
    """How wide a fixed-width font draws it."""
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)
