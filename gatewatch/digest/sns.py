"""A digest for the subscribers of a topic: the whole text by mail, the same facts in short for a chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from markupsafe import Markup

from gatewatch.digest.text import mrkdwn_of, text_of
from gatewatch.rendering.escaping import code, mrkdwn
from gatewatch.rendering.sns_body import topic_body
from gatewatch.rendering.sns_escaping import mail_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.digest.view import DigestView, Part
    from gatewatch.rendering.sns_body import TopicBody

_BARS = 5
_MAIL = 25_000  # SNS takes 262,144 bytes in all


def topic_digest(view: DigestView, subject: str) -> TopicBody:
    """`subject` is ASCII."""
    texts = [text for part in view.parts if (text := _text(part))]
    warning = [mrkdwn(view.warning)] if view.warning else []
    told = topic_body(
        view.title, [*warning, *texts, mrkdwn(view.note)], subject=subject, keywords=(), thread="gatewatch-digest"
    )
    mail = "\n".join(map(_line, text_of(view).split("\n")))
    return msgspec.structs.replace(told, mail=mail[:_MAIL])


def _line(line: str) -> str:
    """The spaces before it stay."""
    return line[: len(line) - len(line.lstrip())] + mail_value(line.strip())


def _text(part: Part) -> Markup:
    title = [Markup("*{}*").format(mrkdwn(part.title))] if part.title else []
    bars = [Markup(" · ").join(_bars(part))] if part.bars else []
    return Markup("\n").join([*title, *map(mrkdwn_of, part.facts), *map(mrkdwn, part.lines), *bars])


def _bars(part: Part) -> Iterator[Markup]:
    """`payments-prod` 25 (Critical 3, Low 22)"""
    for bar in part.bars[:_BARS]:
        detail = f" ({bar.detail})" if bar.detail else ""
        yield code(bar.name) + mrkdwn(f" {bar.value}{detail}")
