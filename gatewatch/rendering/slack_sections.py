"""Lines of mrkdwn packed into texts that fit a section of Slack, and into messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.rendering.escaping import join_safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from markupsafe import Markup

# Less than a section takes, because the fields of a message can have 4,000 characters and all blocks have a limit.
_MAX_SECTION = 2800
_SECTIONS_PER_MESSAGE = 2


def section_texts(lines: Iterable[Markup]) -> list[Markup]:
    return [each[0] if len(each) == 1 else join_safe("\n", each) for each in _sections(lines)]


def pages(lines: Iterable[Markup]) -> Iterator[list[Markup]]:
    """Lines grouped into messages; one message when there is no line."""
    page: list[Markup] = []
    for number, packed in enumerate(_sections(lines)):
        if number and number % _SECTIONS_PER_MESSAGE == 0:
            yield page
            page = []
        page.extend(packed)
    yield page


def _sections(lines: Iterable[Markup]) -> Iterator[list[Markup]]:
    packed: list[Markup] = []
    size = 0
    for line in lines:
        if packed and size + len(line) + 1 > _MAX_SECTION:
            yield packed
            packed, size = [], 0
        packed.append(line)
        size += len(line) + 1
    if packed:
        yield packed
