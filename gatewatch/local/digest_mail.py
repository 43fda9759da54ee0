"""A digest as a page and as an e-mail, with a chart that a library draws. At a desk only, never in AWS Lambda."""

from __future__ import annotations

from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, tostring

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gatewatch.digest_text import text_of
from gatewatch.errors import ConfigurationError
from gatewatch.model import Severity
from gatewatch.safe_text import clean

if TYPE_CHECKING:
    from pathlib import Path

    from gatewatch.digest_view import DigestView, Part
    from gatewatch.labels import Labels

_COLORS = {
    Severity.CRITICAL: "#8b0000",
    Severity.HIGH: "#d9480f",
    Severity.MEDIUM: "#e0a800",
    Severity.LOW: "#1264a3",
    Severity.INFO: "#868e96",
}
_ROW, _FRAME = 34, 90
_SVG = "{http://www.w3.org/2000/svg}"


def page_of(view: DigestView, labels: Labels, language: str, templates: Path) -> str:
    """One file that needs nothing else: no script, no address, the chart as SVG inside."""
    environment = Environment(
        loader=FileSystemLoader(templates), autoescape=True, undefined=StrictUndefined, finalize=_visible
    )
    template = environment.get_template("digest/page.html.j2")
    return template.render(view=view, language=language, chart=chart(view.charted, labels) if view.charted else "")


def mail_of(view: DigestView, page: str) -> bytes:
    """The page, and the same words for whoever reads mail as text; a mail program that drops SVG has the table."""
    mail = EmailMessage()
    mail["Subject"] = clean(view.title)
    mail.set_content(text_of(view))
    mail.add_alternative(page, subtype="html")
    return mail.as_bytes()


def chart(part: Part, labels: Labels) -> Markup:
    """Changes by account, a colour for each severity."""
    pygal, style = _library()
    drawn = pygal.HorizontalStackedBar(
        style=style(
            colors=tuple(_COLORS[each] for each in reversed(Severity)),
            background="transparent",
            plot_background="transparent",
            font_family="system-ui, sans-serif",
        ),
        js=(),
        width=660,
        height=_FRAME + _ROW * len(part.bars),
        legend_at_bottom=True,
        show_y_guides=False,
        truncate_label=28,
        max_scale=6,
    )
    drawn.x_labels = [clean(each.name) for each in reversed(part.bars)]
    for severity in reversed(Severity):
        drawn.add(labels.severity[severity], [dict(each.counts).get(severity) for each in reversed(part.bars)])
    return _still(drawn.render_tree())


def _library() -> tuple[Any, Any]:
    try:
        import pygal  # noqa: PLC0415 - an optional library of the desk
        from pygal.style import Style  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError("the chart needs pygal; install gatewatch[digest], or take --format text.") from error
    return pygal, Style


def _still(picture: Element) -> Markup:
    """The picture without its script."""
    for parent in list(picture.iter()):
        for child in list(parent):
            if child.tag in {"script", f"{_SVG}script"}:
                parent.remove(child)
    return Markup(tostring(picture, encoding="unicode"))  # noqa: S704 - the library escapes what it draws


def _visible(value: Any) -> Any:
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
