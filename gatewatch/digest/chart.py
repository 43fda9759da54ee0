"""The chart of changes by account: one bar each, coloured by severity. PNG, because mail clients block SVG.

Text uses the font that Pillow contains, because AWS Lambda has no fonts. It has only Latin glyphs, so other names are
replaced by the account id.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from gatewatch.errors import ConfigurationError
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import sanitize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.digest.view import Bar, Section

COLORS: Mapping[Severity, str] = {
    Severity.CRITICAL: "#8b0000",
    Severity.HIGH: "#d9480f",
    Severity.MEDIUM: "#e0a800",
    Severity.LOW: "#1264a3",
    Severity.INFO: "#868e96",
}
WIDTH = 520  # CSS pixels
_SCALE = 2  # image pixels per CSS pixel
_ROW, _BAR, _TEXT, _EDGE = 44, 14, 15, 8
_INK, _BACKGROUND, _TRACK = "#1d1c1d", "#ffffff", "#f1f3f5"
_NAME = 44


def chart(section: Section) -> bytes:
    """Return a PNG. Raises `ConfigurationError` when Pillow is not installed."""
    image, draw_on, font = _load_pillow()
    canvas = image.new("RGB", (WIDTH * _SCALE, (_ROW * len(section.bars) + _EDGE) * _SCALE), _BACKGROUND)
    pen = draw_on(canvas)
    largest = max((each.value for each in section.bars), default=1)
    for row, bar in enumerate(section.bars):
        top = (_ROW * row + _EDGE) * _SCALE
        pen.text((0, top), _name(bar), _INK, font)
        pen.text((WIDTH * _SCALE, top), str(bar.value), _INK, font, anchor="ra")
        _draw(pen, bar, top + (_TEXT + 6) * _SCALE, largest)
    written = BytesIO()
    canvas.save(written, "PNG", optimize=True)
    return written.getvalue()


def _name(bar: Bar) -> str:
    name = sanitize(bar.name, _NAME)
    return name if name.replace("…", "").isascii() else bar.account_id


def _draw(pen: Any, bar: Bar, top: int, largest: int) -> None:
    """Draw one segment per severity, at least two pixels wide."""
    bottom = top + _BAR * _SCALE
    pen.rectangle((0, top, WIDTH * _SCALE, bottom), _TRACK)
    done = left = 0
    for severity, count in bar.counts:
        done += count
        right = max(left + 2 * _SCALE, round(WIDTH * _SCALE * done / largest))
        pen.rectangle((left, top, right, bottom), COLORS[severity])
        left = right


def _load_pillow() -> tuple[Any, Any, Any]:
    try:
        from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415  imported only when a chart is drawn
    except ImportError as error:
        raise ConfigurationError("the chart needs Pillow; install gatewatch[digest], or use --format text.") from error
    return Image, ImageDraw.Draw, ImageFont.load_default(_TEXT * _SCALE)
