"""What a call opened or closed of a resource: a policy, list, endpoint or block as a whole, or one grant in it.

A setting that a call replaces has the grants of that call alone: the earlier ones are closed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.alerts.exposed_settings import (
    GLOBAL_SETTINGS,
    GRANT_SETTINGS,
    GUARD_SETTINGS,
    UNNAMED_SETTINGS,
    WHOLE_SETTINGS,
)
from gatewatch.events.changes.normalization import undated_name
from gatewatch.model.alert import AssessedChange
from gatewatch.model.change import Family, Outcome
from gatewatch.model.exposure import ExposureChange, RuleRef
from gatewatch.model.resource import Impact, ResourceFacts
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.model.alert import Alert
    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.resource import Resource

_OPENS = frozenset({Impact.SHARED, Impact.NETWORK_PATH, Impact.DATABASE_RULE, Impact.GUARD_REMOVED})
_CLOSES = frozenset({Impact.ACCESS_CLOSED, Impact.POLICY_INSIDE})
_FUNCTION = re.compile(r"^(?:arn:[^:]+:lambda:[^:]+:)?(?:\d{12}:)?function:(.+)$")
_SECRET = re.compile(r"^arn:[^:]+:secretsmanager:[^:]+:\d+:secret:(.+)-\w{6}$")
_MAX_LENGTH = 300  # of a name or a grant; those of AWS are shorter


class ResourceGrant(Struct, frozen=True):
    """A grant or other opening that a call made."""

    assessed: AssessedChange
    ref: RuleRef


class SettingChange(Struct, frozen=True, kw_only=True):
    """Openings and closings of one setting. `key` is `Region/setting/resource`.

    `is_replaced`: the setting was replaced or deleted, so nothing is open but `opened`. `is_guard`: of a setting that
    prevents public access.
    """

    key: str
    opened: tuple[ResourceGrant, ...] = ()
    closed: tuple[RuleRef, ...] = ()
    is_replaced: bool = False
    is_guard: bool = False


def setting_change_of(alert: Alert) -> SettingChange | None:
    """Return what a call opened or closed; None for any other call, and without a resource."""
    call, applied = alert.call, [each for each in alert.changes if _is_applied(each)]
    if not applied:
        return None
    name = (call.event_source.partition(".")[0], undated_name(call.event_name))
    setting = WHOLE_SETTINGS.get(name) or GRANT_SETTINGS.get(name)
    key = _key(call, setting, applied[0]) if setting else None
    if setting is None or key is None:
        return None
    opened = tuple(_grants(setting, applied))
    is_guard = setting in GUARD_SETTINGS
    if name in WHOLE_SETTINGS:
        is_closed = all(map(_admits_nobody_else, applied))
        change = SettingChange(key=key, opened=opened, is_replaced=True, is_guard=is_guard)
        return change if opened or is_closed else None
    closed = tuple(dict.fromkeys(_closed_refs(setting, applied)))
    return SettingChange(key=key, opened=opened, closed=closed) if opened or closed else None


def resource_exposure_of(alert: Alert) -> ExposureChange | None:
    """Return what the message of a call shows as opened or closed; None without a time, too."""
    change = setting_change_of(alert)
    if change is None or alert.call.time is None:
        return None
    return ExposureChange(
        event_id=alert.call.event_id,
        group_key=f"{alert.account.id}/{change.key}",
        at=alert.call.time.timestamp(),
        actor=alert.call.actor.name,
        opened=tuple(each.ref for each in change.opened),
        closed=change.closed,
        closes_others=change.is_replaced,
    )


def _is_applied(assessed: AssessedChange) -> bool:
    change = assessed.change
    is_applied = change.family is Family.PUBLIC_ACCESS and change.outcome is Outcome.APPLIED and change.understood
    return is_applied and isinstance(change.facts, ResourceFacts)


def _facts(assessed: AssessedChange) -> ResourceFacts:
    facts = assessed.change.facts
    if not isinstance(facts, ResourceFacts):
        raise TypeError(facts)
    return facts


def _grants(setting: str, applied: Iterable[AssessedChange]) -> Iterator[ResourceGrant]:
    """Each grant once: a statement may admit several accounts, of which the most severe counts."""
    worst: dict[RuleRef, AssessedChange] = {}
    for each in applied:
        if _opens(each) and _grant(each):
            ref = _ref(setting, each)
            worst[ref] = max(worst.get(ref, each), each, key=lambda one: one.assessment.severity.rank)
    return (ResourceGrant(each, ref) for ref, each in worst.items())


def _opens(assessed: AssessedChange) -> bool:
    return _facts(assessed).effect in _OPENS and assessed.assessment.severity.rank >= Severity.HIGH.rank


def _admits_nobody_else(assessed: AssessedChange) -> bool:
    """Nobody outside, or only known accounts and the own organization."""
    is_low = assessed.assessment.severity.rank <= Severity.LOW.rank
    return _facts(assessed).effect in _CLOSES or (_facts(assessed).effect is Impact.SHARED and is_low)


def _closed_refs(setting: str, applied: Iterable[AssessedChange]) -> Iterator[RuleRef]:
    for each in applied:
        if _facts(each).effect is Impact.ACCESS_CLOSED and _facts(each).grant_id and _grant(each):
            yield _ref(setting, each)


def _key(call: ApiCall, setting: str, assessed: AssessedChange) -> str | None:
    name = _identity(_facts(assessed).resource)
    if len(name) > _MAX_LENGTH or not (name or setting in UNNAMED_SETTINGS):
        return None
    return f"{'' if setting in GLOBAL_SETTINGS else call.region}/{setting}/{name}"


def _identity(resource: Resource) -> str:
    """What the name, the URL and the ARN of a resource have in common."""
    name = (resource.arn or resource.name or "").rstrip("/:")
    if match := _FUNCTION.match(name) or _SECRET.match(name):
        return match[1]
    return re.split(r"[/:]", name)[-1] if name.startswith(("arn:", "https://")) else name


def _grant(assessed: AssessedChange) -> str:
    """The grant as later calls name it; empty for one that is too long to be of AWS."""
    peer = assessed.change.rule.peer
    grant = _facts(assessed).grant_id or (peer.text if peer else "open")
    return grant if len(grant) <= _MAX_LENGTH else ""


def _ref(setting: str, assessed: AssessedChange) -> RuleRef:
    return RuleRef(shape=f"{setting} {_grant(assessed)}")
