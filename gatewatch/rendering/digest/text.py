"""A digest as plain text and as a Slack message, with bars of Unicode block characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from unicodedata import combining, east_asian_width

from markupsafe import Markup

from gatewatch.rendering.block_characters import sparkline
from gatewatch.rendering.escaping import code, code_block, mrkdwn, sanitize
from gatewatch.rendering.slack_blocks import context, header, section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gatewatch.rendering.digest.sections import DigestSection, DigestView, Line

_EIGHTHS = " ▏▎▍▌▋▊▉"
_SECTION = 2900
_VALUE = 80
_WIDE_CHART, _PHONE_CHART = 60, 30  # columns


class Layout(NamedTuple):
    """Widths of names and bars in columns; `is_narrow` puts the detail of a bar below it."""

    name: int
    bar: int
    is_narrow: bool = False


_WIDE, _PHONE = Layout(28, 20), Layout(22, 10, is_narrow=True)


def digest_text(view: DigestView, escape: Callable[[str], str] = sanitize, *, with_links: bool = False) -> str:
    """`escape` is applied to each line; `with_links` adds the links of an exposure below it, one per line."""
    warning = [view.warning, ""] if view.warning else []
    lines = (line for each in view.sections for line in _section_lines(each, escape, with_links=with_links))
    return "\n".join([view.title, "", *warning, *lines, view.note, ""])


def _section_lines(part: DigestSection, escape: Callable[[str], str], *, with_links: bool) -> Iterator[str]:
    indent = "  " if part.title else ""
    if part.title:
        yield part.title
    for each in part.exposures:
        yield f"{indent}{escape(str(each))}"
        if with_links:
            yield from (f"{indent}   {name}: {url}" for name, url in each.links)
    chart = [sparkline(part.chart, _WIDE_CHART)] if part.chart else []
    yield from (f"{indent}{escape(line)}" for line in (*chart, *part.lines, *bar_lines(part, _WIDE)))
    yield ""


def slack_blocks(view: DigestView) -> list[dict[str, Any]]:
    warning = [section(mrkdwn(view.warning))] if view.warning else []
    sections = [section(text) for each in view.sections for text in _slack_texts(each)]
    return [header(view.title), *warning, *sections, context(mrkdwn(view.note))]


def _slack_texts(section: DigestSection) -> Iterator[Markup]:
    """Yield one or more texts within the length limit of a section block; lines are not split."""
    title = [Markup("*{}*").format(mrkdwn(section.title))] if section.title else []
    bars = [code_block("\n".join(bar_lines(section, _PHONE)), _SECTION // 2)] if section.bars else []
    chart = [code(sparkline(section.chart, _PHONE_CHART))] if section.chart else []
    text = Markup()
    for line in (*title, *map(_linked, section.exposures), *chart, *map(mrkdwn, section.lines), *bars):
        if len(text) + len(line) > _SECTION:
            yield text
            text = Markup()
        text = Markup("\n").join((text, line)) if text else line
    yield text


def mrkdwn_of(line: Line) -> Markup:
    """Render a line; values of events are in code spans, where Slack interprets nothing."""
    values = {name: mrkdwn(value) for name, value in line.trusted.items()}
    values |= {name: code(value, _VALUE) for name, value in line.untrusted.items()}
    return Markup("{} {}").format(line.mark, mrkdwn(line.text).format(**values))


def _linked(line: Line) -> Markup:
    links = (Markup("<{}|{}>").format(url, mrkdwn(name)) for name, url in line.links)
    return Markup(" · ").join([mrkdwn_of(line), *links])


def bar_lines(section: DigestSection, frame: Layout) -> Iterator[str]:
    """Yield lines such as `payments-prod  ████████▌  12  2 critical, 10 low`; the longest bar has the full width."""
    largest = max((each.value for each in section.bars), default=1)
    names = [_truncate_columns(each.name, frame.name) for each in section.bars]
    widest = max(map(_columns, names), default=0)
    for each, name in zip(section.bars, names, strict=True):
        line = f"{name}{' ' * (widest - _columns(name))}  {bar(each.value, largest, frame.bar)} {each.value:>4}"
        yield f"{line}  {each.detail}" if each.detail and not frame.is_narrow else line
        if each.detail and frame.is_narrow:
            yield f"  {each.detail}"


def bar(value: int, largest: int, width: int) -> str:
    """Draw a bar; a non-zero value has at least one eighth of a column."""
    eighths = max(1, round(value / largest * width * 8)) if value else 0
    drawn = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    return drawn.ljust(width)


def _truncate_columns(name: str, columns: int) -> str:
    """Truncate to columns; East Asian wide characters have two."""
    name = sanitize(name, columns)
    while _columns(name) > columns:
        name = name.rstrip("…")[:-1] + "…"
    return name


def _columns(text: str) -> int:
    """Return the width in a fixed-width font."""
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)
