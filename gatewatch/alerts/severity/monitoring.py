"""Hands on the road -> severity. Who cuts it may be about to do what nobody is to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.severity import Assessment, Reason, Severity

if TYPE_CHECKING:
    from gatewatch.model.monitoring import HubFacts


def hub_assessment(facts: HubFacts) -> Assessment:
    if facts.cuts:
        return Assessment(Severity.HIGH, (Reason("road_cut"),))
    return Assessment(Severity.MEDIUM, (Reason("road_touched"),))
