"""The emoji of each severity."""

from __future__ import annotations

from gatewatch.model.severity import Severity

_MARKS = {
    Severity.CRITICAL: "🔴",
    Severity.HIGH: "🟠",
    Severity.MEDIUM: "🟡",
    Severity.LOW: "🔵",
    Severity.INFO: "⚪",
}


def severity_mark(severity: Severity) -> str:
    """The emoji that a message, and each of its rules, begins with."""
    return _MARKS[severity]
