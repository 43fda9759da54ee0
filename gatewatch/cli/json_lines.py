"""`gatewatch replay --format json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gatewatch.cli.printing import BytesPrinter
from gatewatch.config.paths import TEMPLATES
from gatewatch.model.severity import Severity
from gatewatch.rendering.json_rows import rows
from gatewatch.rendering.text.labels import load_labels

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert

# Line separators for many programs, though not for JSON: escaped, so that every row stays one line.
_LINE_ENDS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))


class JsonLines(BytesPrinter):
    """JSON Lines: one row per change, see docs/commands.md."""

    def __init__(self, min_severity: Severity) -> None:
        self._english = load_labels(TEMPLATES, "en")
        self._min_rank = min_severity.rank
        self._encoder = msgspec.json.Encoder()

    def encode(self, alert: Alert) -> bytes:
        shown = (row for row in rows(alert, self._english) if Severity(row.severity).rank >= self._min_rank)
        return b"".join(_one_line(self._encoder.encode(row)) + b"\n" for row in shown)


def _one_line(row: bytes) -> bytes:
    for end, escape in _LINE_ENDS:
        row = row.replace(end, escape)
    return row
