"""Severity of compliance changes: non-compliant resources by their control, everything else info."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.severity import Assessment, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.controls import Control, ControlCatalogue
    from gatewatch.model.compliance import ComplianceFacts


def compliance_assessment(facts: ComplianceFacts, catalogue: ControlCatalogue) -> Assessment:
    control = catalogue.find(facts.rule)
    severity = Severity.INFO
    if facts.is_noncompliant:
        severity = control.severity if control else Severity.MEDIUM
    return Assessment(severity, tuple(_reasons(facts, control)))


def _reasons(facts: ComplianceFacts, control: Control | None) -> Iterator[Reason]:
    if facts.old is None:
        yield Reason("compliance_first", {"new": facts.new})
    else:
        yield Reason("compliance_states", {"old": facts.old, "new": facts.new})
    if control is None:
        yield Reason("compliance_unlisted")
    elif control.control is None:
        yield Reason("compliance_listed", {"title": control.title})
    else:
        values = {"control": control.control, "severity": control.severity.value, "title": control.title}
        yield Reason("compliance_control", values)
    if facts.annotation:
        yield Reason("compliance_annotation", {"annotation": facts.annotation})
