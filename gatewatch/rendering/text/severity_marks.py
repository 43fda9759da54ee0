"""How bad something is, as a mark of one character."""

from __future__ import annotations

from gatewatch.model.severity import Severity

_MARKS = {
    Severity.CRITICAL: "🔴",
    Severity.HIGH: "🟠",
    Severity.MEDIUM: "🟡",
    Severity.LOW: "🔵",
    Severity.INFO: "⚪",
}


def mark(severity: Severity) -> str:
    """What a message and each of its rules begin with: seen before anything is read."""
    return _MARKS[severity]
