"""Severity, exposure and reasons of a change."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Severity(StrEnum):
    """Security Hub's levels, in rising order of declaration."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    def __init__(self, _value: str) -> None:
        self.rank = len(type(self).__members__)  # of those declared before

    def one_step_down(self) -> Severity:
        return _LEVELS[max(0, self.rank - 1)]

    def one_step_up(self) -> Severity:
        return _LEVELS[min(self.rank + 1, len(_LEVELS) - 1)]


_LEVELS = tuple(Severity)


class Exposure(StrEnum):
    """How much of the internet a peer lets in."""

    WORLD = "world"
    WIDE = "wide"
    NARROW = "narrow"


class Reason(Struct, frozen=True):
    """Reason of a severity: a code with a text in `templates/labels`, and the values of that text."""

    code: str
    values: dict[str, str] = {}


class Assessment(Struct, frozen=True):
    severity: Severity
    reasons: tuple[Reason, ...] = ()
    exposure: Exposure | None = None
    services: tuple[str, ...] = ()
