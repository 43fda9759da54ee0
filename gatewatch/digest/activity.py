"""Alert -> what a digest needs of it: an entry to count, and the steps by which gates to the world open and close.

Small and plain, so that the day book keeps it, and complete, so that a digest of what was kept is that of the alerts.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.alerts.exposures import rule_ref
from gatewatch.model.change import Action, Family, Outcome
from gatewatch.model.exposure import RuleRef
from gatewatch.model.security_group import NO_GROUP, CidrPeer, Direction, Group, SecurityGroupRule
from gatewatch.model.severity import Exposure, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.change import Change

LEAST = Severity.MEDIUM  # web ports are open to the world on purpose, nearly always
_GATES = frozenset({Family.SECURITY_GROUP, Family.PREFIX_LIST})
_OPENING = frozenset({Action.AUTHORIZE, Action.MODIFY})


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert, by its delivery key. Severities count changes as they were judged, before any exception."""

    key: str
    at: datetime
    account: str
    actor: str
    severities: dict[Severity, int]
    muted: dict[str, int] = {}


class Opened(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="opened"):
    """A rule that lets the whole internet in, newly or by a modification; `number` counts within the call."""

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

    @property
    def place(self) -> str:
        return self.group.id or self.group.name or self.resource_id


class Closed(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="closed"):
    """A rule that went, or that lets in less now; or all that its place had, which is deleted."""

    at: datetime
    key: str
    number: int
    account: str
    region: str
    place: str
    rule: RuleRef = RuleRef()
    is_all: bool = False


Step = Opened | Closed


class Noted(Struct, frozen=True):
    entry: Entry
    steps: tuple[Step, ...] = ()


def noted(alert: Alert, told: Alert) -> Noted | None:
    """`told` is what the exceptions made of the alert. None for a call that does not say when it was."""
    call = alert.call
    if call.time is None:
        return None
    entry = Entry(
        key=call.delivery_key,
        at=call.time,
        account=alert.account.id,
        actor=call.actor.name,
        severities=dict(Counter(each.assessment.severity for each in alert.changes)),
        muted={} if told is alert else _muted(told.changes),
    )
    return Noted(entry, tuple(_steps(alert, call.time)))


def _muted(changes: Iterable[AssessedChange]) -> dict[str, int]:
    """Muted changes by the exception that mutes them."""
    reasons = (reason for each in changes for reason in each.assessment.reasons)
    return dict(Counter(reason.values["exception"] for reason in reasons if reason.code == "exception_mute"))


def _steps(alert: Alert, at: datetime) -> Iterator[Step]:
    for number, assessed in enumerate(alert.changes):
        if not _happened(assessed.change):
            continue
        if _opens(assessed):
            yield _opened(alert, assessed, at, number)
        elif _may_close(assessed) and (closed := _closed(alert, assessed.change, at, number)):
            yield closed


def _happened(change: Change) -> bool:
    is_gate = change.family in _GATES and change.rule.direction is not Direction.EGRESS
    return is_gate and change.outcome is Outcome.APPLIED and change.understood


def _opens(assessed: AssessedChange) -> bool:
    verdict = assessed.assessment
    is_severe = verdict.severity.rank >= LEAST.rank
    return assessed.change.action in _OPENING and verdict.exposure is Exposure.WORLD and is_severe


def _may_close(assessed: AssessedChange) -> bool:
    """A revoked rule that is known to have let in few, or a group, was no gate; most are none."""
    action, peer = assessed.change.action, assessed.change.rule.peer
    if action is Action.REVOKE:
        is_network = isinstance(peer, CidrPeer) and assessed.assessment.exposure is not Exposure.NARROW
        return peer is None or is_network
    return action in {Action.MODIFY, Action.DELETE}


def _opened(alert: Alert, assessed: AssessedChange, at: datetime, number: int) -> Opened:
    change, verdict = assessed.change, assessed.assessment
    return Opened(
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
        resource_id=change.resource_id or "",
        services=verdict.services,
    )


def _closed(alert: Alert, change: Change, at: datetime, number: int) -> Closed | None:
    """None for a rule that cannot be told from any other."""
    is_all = change.action is Action.DELETE
    rule = RuleRef() if is_all else rule_ref(change.rule)
    if not (is_all or rule.rule_id or rule.shape):
        return None
    return Closed(
        at=at,
        key=alert.call.delivery_key,
        number=number,
        account=alert.account.id,
        region=alert.call.region,
        place=change.group.id or change.group.name or change.resource_id or "",
        rule=rule,
        is_all=is_all,
    )
