"""What to do about an alert: a sentence of the labels for each kind of change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.change import Family, Outcome
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.iam import IamFacts, IamOperation, SignInFacts, SignInKind
from gatewatch.model.resource import Impact, ResourceFacts
from gatewatch.model.severity import Severity
from gatewatch.rendering.text.headline import headline_change

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert
    from gatewatch.model.change import Change
    from gatewatch.rendering.text.labels import Labels

_BY_FAMILY = {
    Family.SECURITY_GROUP: "open",
    Family.PREFIX_LIST: "prefix_list",
    Family.ATTACHMENT: "attachment",
    Family.IAM: "iam",
    Family.SIGN_IN: "sign_in",
    Family.COMPLIANCE: "compliance",
    Family.HUB: "monitoring",
    Family.NETWORK: "network",
    Family.PUBLIC_ACCESS: "public_access",
    Family.ORGANIZATION: "organization",
    Family.DETECTION: "detection",
}
_BY_IMPACT = {
    Impact.CONNECTED: "network_connected",
    Impact.ENDPOINT_SERVICE: "network_connected",
    Impact.TRAFFIC_COPIED: "network_copied",
    Impact.BLOCK_REMOVED: "public_guard",
    Impact.GUARD_REMOVED: "public_guard",
    Impact.ROOT_SESSION: "organization_session",
    Impact.FEDERATION_TOKEN: "organization_session",
    Impact.GUARDRAIL_REMOVED: "organization_guard",
    Impact.BOUNDARY_REMOVED: "organization_guard",
    Impact.ROOT_MANAGEMENT_OFF: "organization_guard",
    Impact.KEY_UNUSABLE: "detection_key",
    Impact.RECORDS_DELETED: "detection_records",
    Impact.STORAGE_CHANGED: "detection_records",
}
_RIGHTS, _CREDENTIAL, _GUARD = "iam_rights", "iam_credential", "iam_guard"
_BY_OPERATION = {
    IamOperation.POLICY_ATTACHED: _RIGHTS,
    IamOperation.POLICY_WRITTEN: _RIGHTS,
    IamOperation.VERSION_CREATED: _RIGHTS,
    IamOperation.VERSION_SET: _RIGHTS,
    IamOperation.GROUP_JOINED: _RIGHTS,
    IamOperation.PROFILE_ROLE_ADDED: _RIGHTS,
    IamOperation.TRUST_CHANGED: "iam_trust",
    IamOperation.KEY_CREATED: _CREDENTIAL,
    IamOperation.KEY_ACTIVATED: _CREDENTIAL,
    IamOperation.CREDENTIAL_CREATED: _CREDENTIAL,
    IamOperation.CREDENTIAL_CHANGED: _CREDENTIAL,
    IamOperation.LOGIN_CREATED: _CREDENTIAL,
    IamOperation.LOGIN_CHANGED: _CREDENTIAL,
    IamOperation.PASSWORD_CHANGED: _CREDENTIAL,
    IamOperation.MFA_CREATED: _CREDENTIAL,
    IamOperation.MFA_ENABLED: _CREDENTIAL,
    IamOperation.MFA_REMOVED: _CREDENTIAL,
    IamOperation.MFA_DELETED: _CREDENTIAL,
    IamOperation.POLICY_DETACHED: _GUARD,
    IamOperation.POLICY_REMOVED: _GUARD,
    IamOperation.POLICY_DELETED: _GUARD,
    IamOperation.BOUNDARY_REMOVED: _GUARD,
    IamOperation.PASSWORD_POLICY_CHANGED: _GUARD,
    IamOperation.PASSWORD_POLICY_DELETED: _GUARD,
}


def advice_of(alert: Alert, labels: Labels) -> str:
    """Plain text; empty when there is nothing to do."""
    key = advice_key(alert)
    return labels.advice[key] if key else ""


def advice_key(alert: Alert) -> str:
    """A key of `labels.advice`; empty below medium, and for a call that changed nothing and was not denied."""
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
    return _of_applied(change) if change.outcome is Outcome.APPLIED else ""


def _of_applied(change: Change) -> str:
    family, facts = _BY_FAMILY[change.family], change.facts
    if isinstance(facts, ResourceFacts):
        return _BY_IMPACT.get(facts.effect, family)
    if isinstance(facts, IamFacts):
        if facts.trust and facts.operation is IamOperation.ENTITY_CREATED:
            return "iam_trust"
        return _BY_OPERATION.get(facts.operation, family)
    if isinstance(facts, SignInFacts) and facts.kind is SignInKind.PASSWORD_RECOVERY:
        return "sign_in_recovery"
    return family
