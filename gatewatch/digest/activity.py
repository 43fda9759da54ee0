"""What a digest needs of an alert: a summary to count, and what it opened or closed: rules, and access to resources.

A digest of stored activity equals the digest of the alerts themselves.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.alerts.exposures import rule_ref
from gatewatch.alerts.resource_exposures import setting_change_of
from gatewatch.model.change import Action, Family, Outcome
from gatewatch.model.exposure import RuleRef
from gatewatch.model.iam import IamFacts, IamOperation
from gatewatch.model.resource import ResourceFacts
from gatewatch.model.security_group import NO_GROUP, CidrPeer, Direction, Group, SecurityGroupRule
from gatewatch.model.severity import Exposure, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.change import Change

MIN_SEVERITY = Severity.MEDIUM  # web ports are usually public on purpose, with a lower severity
_EXPOSURE_FAMILIES = frozenset({Family.SECURITY_GROUP, Family.PREFIX_LIST})
_ROLE_OPERATIONS = frozenset({IamOperation.ENTITY_CREATED, IamOperation.ENTITY_DELETED})
_OPENING = frozenset({Action.AUTHORIZE, Action.MODIFY})


class RoleStep(Struct, frozen=True):
    """The creation of an IAM role, or its deletion."""

    name: str
    is_created: bool


class AlertSummary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert. `key` is its delivery key; `severities` count changes before exceptions, `suppressed` by exception.

    `role` is of a call that did nothing but create or delete it.
    """

    key: str
    at: datetime
    account: str
    actor: str
    severities: dict[Severity, int]
    suppressed: dict[str, int] = {}
    role: RoleStep | None = None

    @property
    def worst(self) -> Severity:
        return max(self.severities, key=lambda each: each.rank)


class RuleOpened(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="opened"):
    """A rule that a call opened to the whole internet. `number` is the index of the change within the call.

    Of access to a resource, `facts` say what was opened, `ref` is the grant, and `setting` where it is.
    """

    at: datetime
    key: str
    number: int
    account: str
    region: str
    actor: str
    family: Family
    rule: SecurityGroupRule
    severity: Severity
    group: Group = NO_GROUP
    resource_id: str = ""
    services: tuple[str, ...] = ()
    event_id: str = ""
    facts: ResourceFacts | None = None
    ref: RuleRef = RuleRef()
    setting: str = ""

    @property
    def resource(self) -> str:
        return self.setting or self.group.id or self.group.name or self.resource_id


class RuleClosed(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="closed"):
    """A rule or grant that a call removed or narrowed; with `is_all`, all of a deleted group or setting but `kept`."""

    at: datetime
    key: str
    number: int
    account: str
    region: str
    resource: str
    rule: RuleRef = RuleRef()
    is_all: bool = False
    kept: tuple[RuleRef, ...] = ()


ExposureStep = RuleOpened | RuleClosed


class AlertActivity(Struct, frozen=True):
    summary: AlertSummary
    steps: tuple[ExposureStep, ...] = ()


def activity_of(alert: Alert, suppressed: Alert) -> AlertActivity | None:
    """Return the activity of an alert; `suppressed` is the alert after exceptions. None without an event time."""
    call = alert.call
    if call.time is None:
        return None
    entry = AlertSummary(
        key=call.delivery_key,
        at=call.time,
        account=alert.account.id,
        actor=call.actor.name,
        severities=dict(Counter(each.assessment.severity for each in alert.changes)),
        suppressed={} if suppressed is alert else _suppressed_counts(suppressed.changes),
        role=_role_step(alert.changes),
    )
    return AlertActivity(entry, (*_steps(alert, call.time), *_setting_steps(alert, call.time)))


def _role_step(changes: Sequence[AssessedChange]) -> RoleStep | None:
    (first, *others) = (each.change for each in changes)
    facts = first.facts
    if others or first.outcome is not Outcome.APPLIED or not isinstance(facts, IamFacts):
        return None
    if facts.entity is None or facts.entity.kind != "role" or facts.operation not in _ROLE_OPERATIONS:
        return None
    return RoleStep(facts.entity.name, facts.operation is IamOperation.ENTITY_CREATED)


def _suppressed_counts(changes: Iterable[AssessedChange]) -> dict[str, int]:
    """Count suppressed changes by exception id."""
    reasons = (reason for each in changes for reason in each.assessment.reasons)
    return dict(Counter(reason.values["exception"] for reason in reasons if reason.code == "exception_mute"))


def _steps(alert: Alert, at: datetime) -> Iterator[ExposureStep]:
    for number, assessed in enumerate(alert.changes):
        if not _is_applied_inbound(assessed.change):
            continue
        if _opens(assessed):
            yield _opened(alert, assessed, at, number)
        elif _may_close(assessed) and (closed := _closed(alert, assessed.change, at, number)):
            yield closed


def _is_applied_inbound(change: Change) -> bool:
    is_inbound = change.family in _EXPOSURE_FAMILIES and change.rule.direction is not Direction.EGRESS
    return is_inbound and change.outcome is Outcome.APPLIED and change.understood


def _opens(assessed: AssessedChange) -> bool:
    verdict = assessed.assessment
    is_severe = verdict.severity.rank >= MIN_SEVERITY.rank
    return assessed.change.action in _OPENING and verdict.exposure is Exposure.WORLD and is_severe


def _may_close(assessed: AssessedChange) -> bool:
    """Return whether a change may close an exposure. Revoking a rule that was narrow, or for a group, does not."""
    action, peer = assessed.change.action, assessed.change.rule.peer
    if action is Action.REVOKE:
        is_network = isinstance(peer, CidrPeer) and assessed.assessment.exposure is not Exposure.NARROW
        return peer is None or is_network
    return action in {Action.MODIFY, Action.DELETE}


def _opened(alert: Alert, assessed: AssessedChange, at: datetime, number: int) -> RuleOpened:
    change, verdict = assessed.change, assessed.assessment
    return RuleOpened(
        at=at,
        key=alert.call.delivery_key,
        number=number,
        account=alert.account.id,
        region=alert.call.region,
        actor=alert.call.actor.name,
        family=change.family,
        rule=msgspec.structs.replace(change.rule, description=None),
        severity=verdict.severity,
        group=change.group,
        event_id=alert.call.event_id,
        resource_id=change.resource_id or "",
        services=verdict.services,
    )


def _closed(alert: Alert, change: Change, at: datetime, number: int) -> RuleClosed | None:
    """Return None for a rule that cannot be identified."""
    is_all = change.action is Action.DELETE
    rule = RuleRef() if is_all else rule_ref(change.rule)
    if not (is_all or rule.rule_id or rule.shape):
        return None
    return RuleClosed(
        at=at,
        key=alert.call.delivery_key,
        number=number,
        account=alert.account.id,
        region=alert.call.region,
        resource=change.group.id or change.group.name or change.resource_id or "",
        rule=rule,
        is_all=is_all,
    )


def _setting_steps(alert: Alert, at: datetime) -> Iterator[ExposureStep]:
    """What a call opened or closed of a resource. A guard that it removed makes nothing public by that alone."""
    change = setting_change_of(alert)
    if change is None or change.is_guard:
        return
    numbers = count(len(alert.changes))
    for grant in change.opened:
        facts = grant.assessed.change.facts
        step = _opened(alert, grant.assessed, at, next(numbers))
        yield msgspec.structs.replace(
            step,
            facts=facts if isinstance(facts, ResourceFacts) else None,
            ref=grant.ref,
            setting=change.key,
        )
    closings = [RuleRef()] if change.is_replaced else change.closed
    for ref in closings:
        yield RuleClosed(
            at=at,
            key=alert.call.delivery_key,
            number=next(numbers),
            account=alert.account.id,
            region=alert.call.region,
            resource=change.key,
            rule=ref,
            is_all=change.is_replaced,
            kept=tuple(each.ref for each in change.opened),
        )
