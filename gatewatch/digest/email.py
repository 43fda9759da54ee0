"""A digest as an HTML page and as an e-mail."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from msgspec import Struct

from gatewatch.model.severity import Severity
from gatewatch.rendering.digest.text import digest_text
from gatewatch.rendering.escaping import sanitize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gatewatch.rendering.digest.sections import Bar, DigestSection, DigestView

_COLORS: Mapping[Severity, str] = {
    Severity.CRITICAL: "#8b0000",
    Severity.HIGH: "#d9480f",
    Severity.MEDIUM: "#e0a800",
    Severity.LOW: "#1264a3",
    Severity.INFO: "#868e96",
}
_CHART_HEIGHT = 48
_NO_SEVERITY = "#1264a3"


class EmailTemplate(Struct, frozen=True):
    """Language code and template folder of a page."""

    language: str
    templates: Path


class Segment(Struct, frozen=True):
    """A part of a bar in one color; `width` in percent of the longest bar, at least 1."""

    color: str
    width: int


def html_page(view: DigestView, template: EmailTemplate) -> str:
    """Render a self-contained HTML page: no script, no image and no external resource."""
    environment = Environment(
        loader=FileSystemLoader(template.templates),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("digest/page.html.j2")
    return page.render(view=view, language=template.language, segments=bar_segments, heights=column_heights)


def email_message(view: DigestView, template: EmailTemplate, sender: str = "", recipients: Sequence[str] = ()) -> bytes:
    """Render an e-mail with a plain-text part and an HTML part."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = sanitize(view.title)
    if sender:
        mail["From"], mail["To"] = sender, ", ".join(recipients)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(digest_text(view, with_links=True))
    mail.add_alternative(html_page(view, template), subtype="html")
    return mail.as_bytes()


def bar_segments(bar: Bar, section: DigestSection) -> list[Segment]:
    """The segments of a bar, one per severity; the longest bar of the section has 100 percent."""
    largest = max(each.value for each in section.bars)
    counts = [(_COLORS[severity], count) for severity, count in bar.counts] or [(_NO_SEVERITY, bar.value)]
    return [Segment(color, max(1, count * 100 // largest)) for color, count in counts]


def column_heights(chart: Sequence[int]) -> list[int]:
    """The heights of the columns of a chart in pixels; 0 is a line, so that every day is visible."""
    largest = max(chart, default=0) or 1
    return [max(1, each * _CHART_HEIGHT // largest) for each in chart]


def _visible(value: Any) -> Any:
    return sanitize(value) if type(value) is str else value
