"""A digest as an HTML page and as an e-mail with a chart. Pillow is imported only when a chart is drawn."""

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
from gatewatch.digest.text import plain_text
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import sanitize
from gatewatch.rendering.text.labels import Labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.digest.view import DigestView

_CHART = "chart@gatewatch"
_PNG_DATA_URL = "data:image/png;base64,"


class EmailTemplate(Struct, frozen=True):
    """Labels, language code and template folder of a page."""

    labels: Labels
    language: str
    templates: Path


def html_page(view: DigestView, template: EmailTemplate) -> str:
    """Render a self-contained HTML page: no script and no external resource."""
    image = _chart_png(view)
    return _html(view, template, _PNG_DATA_URL + b64encode(image).decode() if image else "")


def email_message(view: DigestView, template: EmailTemplate, sender: str = "", recipients: Sequence[str] = ()) -> bytes:
    """Render an e-mail with a plain-text part, an HTML part and the chart as an inline image."""
    image = _chart_png(view)
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = sanitize(view.title)
    if sender:
        mail["From"], mail["To"] = sender, ", ".join(recipients)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(plain_text(view))
    mail.add_alternative(_html(view, template, f"cid:{_CHART}" if image else ""), subtype="html")
    if image:
        _, html = mail.iter_parts()
        html.add_related(image, "image", "png", cid=f"<{_CHART}>", disposition="inline", filename="chart.png")
    return mail.as_bytes()


def _chart_png(view: DigestView) -> bytes:
    return chart(view.charted) if view.charted and view.charted.bars else b""


def _html(view: DigestView, template: EmailTemplate, chart_source: str) -> str:
    environment = Environment(
        loader=FileSystemLoader(template.templates),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    legend = [(template.labels.severity[each], COLORS[each]) for each in reversed(Severity)]
    source = Markup(chart_source)  # noqa: S704  built here from base64 or a constant
    return environment.get_template("digest/page.html.j2").render(
        view=view, language=template.language, chart=source, width=WIDTH, legend=legend
    )


def _visible(value: Any) -> Any:
    return sanitize(value) if isinstance(value, str) and not isinstance(value, Markup) else value
