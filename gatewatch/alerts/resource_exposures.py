"""Which settings that expose a resource a call opened or closed: policies, lists, endpoints and blocks.

Only calls that replace a setting as a whole are followed: of one that adds or removes a grantee nobody knows what is
left. A call that leaves fewer grantees is no closing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.change import Family, Outcome
from gatewatch.model.exposure import ExposureChange, RuleRef
from gatewatch.model.resource import Impact, ResourceFacts
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert, AssessedChange

_SETTINGS = {
    "PutBucketPolicy": "bucket-policy",
    "DeleteBucketPolicy": "bucket-policy",
    "PutBucketAcl": "bucket-acl",
    "PutBucketPublicAccessBlock": "public-access-block",
    "DeleteBucketPublicAccessBlock": "public-access-block",
    "CreateFunctionUrlConfig": "function-url",
    "UpdateFunctionUrlConfig": "function-url",
    "DeleteFunctionUrlConfig": "function-url",
    "CreateDBInstance": "database-endpoint",
    "ModifyDBInstance": "database-endpoint",
    "SetRepositoryPolicy": "repository-policy",
    "DeleteRepositoryPolicy": "repository-policy",
    "PutKeyPolicy": "key-policy",
}
_CLOSED = frozenset({Impact.ACCESS_CLOSED, Impact.POLICY_INSIDE})


def resource_exposure_of(alert: Alert) -> ExposureChange | None:
    """Return what a call exposed or closed; None for any other call, and without a resource or a time."""
    setting = _SETTINGS.get(alert.call.event_name)
    changes = [each for each in alert.changes if _is_applied(each)]
    name = next((each.change.resource_id for each in changes), None)
    if setting is None or name is None or alert.call.time is None:
        return None
    opened = tuple(_ref(setting, each) for each in changes if each.assessment.severity.rank >= Severity.HIGH.rank)
    is_closed = all(_impact(each) in _CLOSED for each in changes)
    if not opened and not is_closed:
        return None
    return ExposureChange(
        event_id=alert.call.event_id,
        group_key=f"{alert.account.id}/{alert.call.region}/{setting}/{name}",
        at=alert.call.time.timestamp(),
        actor=alert.call.actor.name,
        opened=opened,
        is_group_deleted=is_closed,
    )


def _is_applied(assessed: AssessedChange) -> bool:
    change = assessed.change
    return change.family is Family.PUBLIC_ACCESS and change.outcome is Outcome.APPLIED and change.understood


def _impact(assessed: AssessedChange) -> Impact | None:
    facts = assessed.change.facts
    return facts.effect if isinstance(facts, ResourceFacts) else None


def _ref(setting: str, assessed: AssessedChange) -> RuleRef:
    peer = assessed.change.rule.peer
    return RuleRef(shape=f"{setting} {peer.text if peer else ''}".rstrip())
