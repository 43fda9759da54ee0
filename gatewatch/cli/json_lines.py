"""`gatewatch replay --format json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.cli.printing import BytesPrinter
from gatewatch.config.paths import TEMPLATES
from gatewatch.model.severity import Severity
from gatewatch.rendering.json_rows import encode_row, rows
from gatewatch.rendering.text.labels import load_labels

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert


class JsonLines(BytesPrinter):
    """JSON Lines: one row per change, see docs/commands.md."""

    def __init__(self, min_severity: Severity) -> None:
        self._english = load_labels(TEMPLATES, "en")
        self._min_rank = min_severity.rank

    def encode(self, alert: Alert) -> bytes:
        shown = (row for row in rows(alert, self._english) if Severity(row.severity).rank >= self._min_rank)
        return b"".join(map(encode_row, shown))
