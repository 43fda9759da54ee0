"""A digest as a page and as an e-mail, with a drawn chart. What draws is imported when there is something to draw."""

from __future__ import annotations

from base64 import b64encode
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from gatewatch.digest.chart import COLORS, WIDTH, chart
from gatewatch.digest.text import text_of
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import clean
from gatewatch.rendering.text.labels import Labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.digest.view import DigestView

_CHART = "chart@gatewatch"
_PICTURE = "data:image/png;base64,"


class Paper(Struct, frozen=True):
    """What a page is made with: the words of its language, and where the templates are."""

    labels: Labels
    language: str
    templates: Path


def page_of(view: DigestView, paper: Paper) -> str:
    """One file that needs nothing else: no script, no address, the chart inside."""
    picture = _picture(view)
    return _html(view, paper, _PICTURE + b64encode(picture).decode() if picture else "")


def mail_of(view: DigestView, paper: Paper, sender: str = "", recipients: Sequence[str] = ()) -> bytes:
    """The page, with its chart attached as mail programs show it, and the same words for who reads mail as text."""
    picture = _picture(view)
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = clean(view.title)
    if sender:
        mail["From"], mail["To"] = sender, ", ".join(recipients)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text_of(view))
    mail.add_alternative(_html(view, paper, f"cid:{_CHART}" if picture else ""), subtype="html")
    if picture:
        _, html = mail.iter_parts()
        html.add_related(picture, "image", "png", cid=f"<{_CHART}>", disposition="inline", filename="chart.png")
    return mail.as_bytes()


def _picture(view: DigestView) -> bytes:
    return chart(view.charted) if view.charted and view.charted.bars else b""


def _html(view: DigestView, paper: Paper, chart_source: str) -> str:
    environment = Environment(
        loader=FileSystemLoader(paper.templates),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    legend = [(paper.labels.severity[each], COLORS[each]) for each in reversed(Severity)]
    source = Markup(chart_source)  # noqa: S704 - letters of ours only, and more of them than a text may have
    return environment.get_template("digest/page.html.j2").render(
        view=view, language=paper.language, chart=source, width=WIDTH, legend=legend
    )


def _visible(value: Any) -> Any:
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
