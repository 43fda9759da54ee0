"""Changes by account as a picture: a bar for each, a colour for each severity. PNG, because mail programs drop SVG.

The letters are those of the font that the library brings, so that the picture is the same in AWS Lambda, which has
no fonts, and at a desk. Words in any other letters stand beside the picture.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from gatewatch.errors import ConfigurationError
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.digest.view import Bar, Part

COLORS: Mapping[Severity, str] = {
    Severity.CRITICAL: "#8b0000",
    Severity.HIGH: "#d9480f",
    Severity.MEDIUM: "#e0a800",
    Severity.LOW: "#1264a3",
    Severity.INFO: "#868e96",
}
WIDTH = 520  # as it is shown; it is drawn for screens of twice as many points
_FINE = 2
_ROW, _BAR, _TEXT, _EDGE = 44, 14, 15, 8
_INK, _PAPER, _TRACK = "#1d1c1d", "#ffffff", "#f1f3f5"
_NAME = 44


def chart(part: Part) -> bytes:
    """Raises `ConfigurationError` where the library is not installed."""
    image, draw_on, font = _library()
    picture = image.new("RGB", (WIDTH * _FINE, (_ROW * len(part.bars) + _EDGE) * _FINE), _PAPER)
    pen = draw_on(picture)
    largest = max((each.value for each in part.bars), default=1)
    for row, bar in enumerate(part.bars):
        top = (_ROW * row + _EDGE) * _FINE
        pen.text((0, top), _name(bar), _INK, font)
        pen.text((WIDTH * _FINE, top), str(bar.value), _INK, font, anchor="ra")
        _draw(pen, bar, top + (_TEXT + 6) * _FINE, largest)
    written = BytesIO()
    picture.save(written, "PNG", optimize=True)
    return written.getvalue()


def _name(bar: Bar) -> str:
    name = clean(bar.name, _NAME)
    return name if name.replace("…", "").isascii() else bar.plain


def _draw(pen: Any, bar: Bar, top: int, largest: int) -> None:
    """Each severity has its share of the bar, and two points at least."""
    bottom = top + _BAR * _FINE
    pen.rectangle((0, top, WIDTH * _FINE, bottom), _TRACK)
    done = left = 0
    for severity, count in bar.counts:
        done += count
        right = max(left + 2 * _FINE, round(WIDTH * _FINE * done / largest))
        pen.rectangle((left, top, right, bottom), COLORS[severity])
        left = right


def _library() -> tuple[Any, Any, Any]:
    try:
        from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - only where there is a chart to draw
    except ImportError as error:
        raise ConfigurationError("the chart needs Pillow; install gatewatch[digest], or take --format text.") from error
    return Image, ImageDraw.Draw, ImageFont.load_default(_TEXT * _FINE)
