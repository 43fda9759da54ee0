"""Severity of tampering with gatewatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.severity import Assessment, Reason, Severity

if TYPE_CHECKING:
    from gatewatch.model.monitoring import MonitoringFacts


def monitoring_assessment(facts: MonitoringFacts) -> Assessment:
    if facts.disables_monitoring:
        return Assessment(Severity.HIGH, (Reason("monitoring_disabled"),))
    return Assessment(Severity.MEDIUM, (Reason("monitoring_modified"),))
