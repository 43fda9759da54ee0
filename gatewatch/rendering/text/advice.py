"""What to do about an alert: one sentence of the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.change import Family, Outcome
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.severity import Severity
from gatewatch.rendering.text.headline import headline_change

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert
    from gatewatch.rendering.text.labels import Labels

_ADVICE_BY_FAMILY = {
    Family.IAM: "iam",
    Family.SIGN_IN: "sign_in",
    Family.HUB: "monitoring",
    Family.NETWORK: "network",
    Family.PUBLIC_ACCESS: "public_access",
    Family.ORGANIZATION: "organization",
    Family.DETECTION: "detection",
}


def advice_of(alert: Alert, labels: Labels) -> str:
    """Plain text; empty when there is nothing to do."""
    key = advice_key(alert)
    return labels.advice[key] if key else ""


def advice_key(alert: Alert) -> str:
    """A key of `labels.advice`; empty when there is nothing to do."""
    assessed = headline_change(alert)
    change, severity = assessed.change, assessed.assessment.severity
    if not change.understood:
        return "not_understood"
    if isinstance(change.facts, ComplianceFacts):
        return "compliance" if change.facts.is_noncompliant else ""
    if "key_exposed" in {each.code for each in assessed.assessment.reasons}:
        return "exposed_key"
    if severity.rank < Severity.MEDIUM.rank:
        return ""
    if change.outcome is Outcome.FAILED and change.family is Family.SIGN_IN:
        return "sign_in_failed"
    if change.outcome is Outcome.DENIED:
        return "denied"
    return _ADVICE_BY_FAMILY.get(change.family, "open") if change.outcome is Outcome.APPLIED else ""
