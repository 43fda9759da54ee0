"""A digest for an SNS topic: the full text as e-mail, and a short form for Amazon Q Developer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from markupsafe import Markup

from gatewatch.rendering.digest.text import digest_text, mrkdwn_of
from gatewatch.rendering.escaping import code, mrkdwn
from gatewatch.rendering.sns_body import build_sns_body
from gatewatch.rendering.sns_escaping import mail_value
from gatewatch.rendering.sns_escaping import plain_text as plain_markup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.rendering.digest.sections import DigestSection, DigestView
    from gatewatch.rendering.sns_body import SnsBody

_BARS = 5
_MAX_MAIL = 25_000  # characters; SNS limits a message to 262,144 bytes


def sns_digest(view: DigestView, subject: str, leading: Sequence[Markup] = ()) -> SnsBody:
    """`subject` is ASCII; `leading` lines stand above everything."""
    texts = [text for section in view.sections if (text := _text(section))]
    warning = [mrkdwn(view.warning)] if view.warning else []
    body = build_sns_body(
        view.title,
        [*leading, *warning, *texts, mrkdwn(view.note)],
        subject=subject,
        keywords=(),
        thread="gatewatch-digest",
    )
    mail = "\n".join([*map(plain_markup, leading), digest_text(view, mail_value, with_links=True)])
    return msgspec.structs.replace(body, mail=mail[:_MAX_MAIL])


def _text(section: DigestSection) -> Markup:
    title = [Markup("*{}*").format(mrkdwn(section.title))] if section.title else []
    bars = [Markup(" · ").join(_bars(section))] if section.bars else []
    return Markup("\n").join([*title, *map(mrkdwn_of, section.exposures), *map(mrkdwn, section.lines), *bars])


def _bars(section: DigestSection) -> Iterator[Markup]:
    """`payments-prod` 25 (Critical 3, Low 22)"""
    for bar in section.bars[:_BARS]:
        detail = f" ({bar.detail})" if bar.detail else ""
        yield code(bar.name) + mrkdwn(f" {bar.value}{detail}")
