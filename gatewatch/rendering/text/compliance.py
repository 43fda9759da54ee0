"""A compliance change for a reader: the phrase of the headline, what it is about, its colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gatewatch.model.compliance import NOT_APPLICABLE, ComplianceFacts
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from gatewatch.config.settings import Colors
    from gatewatch.model.change import Change

_LONGEST = 60  # of a name in a headline, which has 150 characters in all


class Phrase(NamedTuple):
    """A key of `headline` in the labels, and what stands in it."""

    key: str
    what: str
    whom: str


def phrase(facts: ComplianceFacts, resource_id: str | None) -> Phrase:
    return Phrase(_key(facts), _short(resource_id or "?"), _short(facts.rule))


def _key(facts: ComplianceFacts) -> str:
    if facts.is_broken:
        return "compliance_broken"
    if facts.is_met:
        return "compliance_met_again" if facts.is_return else "compliance_met"
    return "compliance_gone" if facts.new == NOT_APPLICABLE else "compliance_unknown"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def color(change: Change, severity: Severity, colors: Colors) -> str | None:
    """Red for what broke, green for the return; None for a change of another family."""
    facts = change.facts
    if not isinstance(facts, ComplianceFacts):
        return None
    if facts.is_broken:
        return colors.critical if severity is Severity.CRITICAL else colors.removal
    return colors.resolved if facts.is_met else colors.unchanged
