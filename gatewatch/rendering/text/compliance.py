"""Text of a compliance change: its headline phrase and its color."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.compliance import NOT_APPLICABLE, ComplianceFacts
from gatewatch.model.severity import Severity
from gatewatch.rendering.text.phrases import Phrase
from gatewatch.rendering.text.rules import shorten

if TYPE_CHECKING:
    from gatewatch.config.settings import Colors
    from gatewatch.model.change import Change


def compliance_phrase(facts: ComplianceFacts, resource_id: str | None) -> Phrase:
    """The headline phrase, with the names of the resource and of the Config rule."""
    return Phrase(_key(facts), {"resource": shorten(resource_id or "?"), "rule": shorten(facts.rule)})


def _key(facts: ComplianceFacts) -> str:
    if facts.is_noncompliant:
        return "compliance_noncompliant"
    if facts.is_compliant:
        return "compliance_compliant_again" if facts.returned_to_compliance else "compliance_compliant"
    return "compliance_not_applicable" if facts.new == NOT_APPLICABLE else "compliance_insufficient_data"


def compliance_color(change: Change, severity: Severity, colors: Colors) -> str | None:
    """Red for noncompliant, green for compliant; None for a change of another family."""
    facts = change.facts
    if not isinstance(facts, ComplianceFacts):
        return None
    if facts.is_noncompliant:
        return colors.critical if severity is Severity.CRITICAL else colors.removal
    return colors.resolved if facts.is_compliant else colors.unchanged
