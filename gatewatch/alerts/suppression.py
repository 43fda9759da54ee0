"""Apply the exceptions of policy.yaml.

For alerts, an exception applies only when every criterion is known and matches: in doubt the alert is sent. For
remediation, it applies unless a known fact contradicts it: in doubt nothing is remediated.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.config.patterns import Patterns, matches_patterns, matches_tags, pattern_list
from gatewatch.config.suppression_rules import ExceptionEffect, PolicyException
from gatewatch.model.account import Account
from gatewatch.model.alert import Alert, AssessedChange
from gatewatch.model.api_call import Actor
from gatewatch.model.network import PORT_PROTOCOLS, network_of
from gatewatch.model.security_group import CidrPeer
from gatewatch.model.severity import Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from gatewatch.config.suppression_rules import ExceptionMatch
    from gatewatch.model.change import Change
    from gatewatch.model.security_group import SecurityGroupRule

# Identities that have an ARN, and with it an account.
_WITH_ARN = frozenset({"AssumedRole", "IAMUser", "FederatedUser", "Root"})
_SESSION_AND_ROLE = re.compile(r"^(.+) \((.+)\)$")


class SuppressionResult(Struct, frozen=True):
    """`alert` with the exceptions applied, the number of suppressed changes, the ids of the applied exceptions."""

    alert: Alert
    suppressed: int = 0
    applied: tuple[str, ...] = ()

    @property
    def is_suppressed(self) -> bool:
        return self.suppressed == len(self.alert.changes)


def suppress(alert: Alert, exceptions: Sequence[PolicyException], at: datetime | None) -> SuppressionResult:
    """Apply the exceptions that are active at a time; none when the time is unknown.

    A suppressed change of an alert with other changes stays in the message, with severity info.
    """
    if not exceptions or at is None:
        return SuppressionResult(alert)
    decided = [_suppress_change(alert, each, exceptions, at) for each in alert.changes]
    return SuppressionResult(
        alert=msgspec.structs.replace(alert, changes=tuple(each.change for each in decided)),
        suppressed=sum(each.is_suppressed for each in decided),
        applied=tuple(dict.fromkeys(name for each in decided for name in each.applied)),
    )


def evaluation_time(alert: Alert, now: datetime) -> datetime | None:
    """Return the later of event time and clock: an exception that expired by either of them is inactive."""
    return max(alert.call.time, now) if alert.call.time else None


class ChangeContext(Struct, frozen=True):
    """Account, Region and actor of a change."""

    account: Account
    region: str
    actor: Actor


class PossibleSuppression(Struct, frozen=True):
    """An exception that no known fact contradicts. `is_certain`: every criterion is known and matches."""

    exception: PolicyException
    is_certain: bool


def find_possible_suppression(
    where: ChangeContext, change: Change, exceptions: Sequence[PolicyException], at: datetime
) -> PossibleSuppression | None:
    """Return the exception that remediation must respect: a certain one first, then the strongest effect."""
    results = ((each, _matches(where, change, each)) for each in exceptions if each.may_be_active(at))
    found = [
        PossibleSuppression(each, is_certain=change.understood and is_match is True and each.is_active(at))
        for each, is_match in results
        if is_match is not False
    ]
    return min(found, key=lambda each: (not each.is_certain, _strength(each.exception)), default=None)


class _ChangeResult(Struct, frozen=True):
    change: AssessedChange
    is_suppressed: bool = False
    applied: tuple[str, ...] = ()


def _suppress_change(
    alert: Alert, assessed: AssessedChange, exceptions: Sequence[PolicyException], at: datetime
) -> _ChangeResult:
    """Apply the exception with the strongest effect. An expired exception that matches becomes a reason."""
    where = ChangeContext(alert.account, alert.call.region, alert.call.actor)
    matching = [each for each in exceptions if assessed.change.understood and _matches(where, assessed.change, each)]
    active = [each for each in matching if each.is_active(at)]
    by_name = [each for each in active if _hides_by_group_name(assessed, each)]
    active = sorted((each for each in active if each not in by_name), key=_strength)
    if not active:
        refused = [each for each in exceptions if each.is_active(at) and _names_session(where, assessed.change, each)]
        expired = [each for each in matching if not each.is_active(at)]
        notes = [*map(_expired, expired), *map(_session_name, refused), *map(_group_name, by_name)]
        return _ChangeResult(_with_reasons(assessed, assessed.assessment.severity, notes))
    strongest = active[0]
    severity = _severity(strongest.effect, assessed.assessment.severity)
    change = _with_reasons(assessed, severity, [_reason(strongest)])
    return _ChangeResult(change, strongest.effect is ExceptionEffect.MUTE, (strongest.id,))


def _strength(exception: PolicyException) -> int:
    """Return the sort key of the effect; lower is stronger."""
    return list(ExceptionEffect).index(exception.effect)


def _severity(effect: ExceptionEffect, severity: Severity) -> Severity:
    lowered = {ExceptionEffect.MUTE: Severity.INFO, ExceptionEffect.LOWER: severity.one_step_down()}
    return lowered.get(effect, severity)


def _reason(exception: PolicyException) -> Reason:
    code = f"exception_{exception.effect.replace('-', '_')}"
    return Reason(code, {"exception": exception.id, "ticket": exception.ticket})


def _expired(exception: PolicyException) -> Reason:
    values = {"exception": exception.id, "owner": exception.owner, "date": exception.expires.isoformat()}
    return Reason("exception_expired", values)


def _session_name(exception: PolicyException) -> Reason:
    return Reason("exception_session_name", {"exception": exception.id})


def _group_name(exception: PolicyException) -> Reason:
    return Reason("exception_group_name", {"exception": exception.id})


def _hides_by_group_name(assessed: AssessedChange, exception: PolicyException) -> bool:
    """Whether an exception would hide a severe change because of the group's name, which its creator chose."""
    is_severe = assessed.assessment.severity.rank >= Severity.HIGH.rank
    hides = exception.effect is not ExceptionEffect.NOTIFY_ONLY
    return is_severe and hides and not matches_patterns(exception.match.group, assessed.change.group.id)


def _names_session(where: ChangeContext, change: Change, exception: PolicyException) -> bool:
    """Whether an exception matches but for its actor, which fits only a name that the caller chose."""
    if exception.match.actor is None or not matches_patterns(exception.match.actor, where.actor.name):
        return False
    others = msgspec.structs.replace(exception.match, actor=None)
    return change.understood and all(_criteria(where, change, others))


def _with_reasons(assessed: AssessedChange, severity: Severity, reasons: Iterable[Reason]) -> AssessedChange:
    reasons = (*assessed.assessment.reasons, *reasons)
    assessment = msgspec.structs.replace(assessed.assessment, severity=severity, reasons=reasons)
    return AssessedChange(assessed.change, assessment)


def _matches(where: ChangeContext, change: Change, exception: PolicyException) -> bool | None:
    """Return whether all criteria match; None when one is unknown and no known one contradicts."""
    results = list(_criteria(where, change, exception.match))
    return False if False in results else None if None in results else True


def _criteria(where: ChangeContext, change: Change, match: ExceptionMatch) -> Iterator[bool | None]:
    account, actor = where.account, where.actor
    yield _matches_pattern(match.account, account.id)
    yield _matches_pattern(match.environment, account.environment, is_known=account.known)
    yield _matches_pattern(match.region, where.region)
    yield not match.families or change.family in match.families
    yield _matches_pattern(match.group, change.group.id, change.group.name)
    yield _matches_tags(match, change)
    yield _matches_actor(match.actor, actor, account.id)
    yield _matches_port(match, change.rule)
    yield _matches_peer(match, change.rule)


def _matches_tags(match: ExceptionMatch, change: Change) -> bool | None:
    """Return None where the tags of the group are not known, as for every event: an alert is then sent."""
    if not match.tags:
        return True
    return None if change.group.tags is None else matches_tags(match.tags, change.group.tags)


def _matches_actor(patterns: Patterns | None, actor: Actor, account_id: str) -> bool | None:
    """Match the names that AWS vouches for: a user, or a role by its name or ARN.

    A session name is the caller's choice. It counts beside the role, as `session (role)`, and alone only where
    Identity Center chose it. Of a role or user of another account, or of one that no ARN tells, only the ARN counts:
    other organizations choose the same names.
    """
    if patterns is None:
        return True
    arns = tuple(each for each in actor.verified_names if each.startswith("arn:"))
    is_own = bool(arns) and all(f"::{account_id}:" in arn for arn in arns)
    is_nameable = is_own or (not arns and actor.type not in _WITH_ARN)
    names = actor.verified_names if is_nameable else arns
    if not names:
        return None
    person = actor.session if actor.is_session_verified and is_own else None
    return any(_matches_names(each, names, actor.session, person) for each in pattern_list(patterns))


def _matches_names(pattern: str, names: tuple[str, ...], session: str, person: str | None) -> bool:
    match = _SESSION_AND_ROLE.match(pattern)
    if match:
        return matches_patterns(match[2], *names) and matches_patterns(match[1], session)
    return matches_patterns(pattern, *names, *((person,) if person else ()))


def _matches_pattern(patterns: Patterns | None, *facts: str | None, is_known: bool = True) -> bool | None:
    """Return None in doubt, such as a pattern for a group name when the event has only the group id."""
    known = [fact for fact in facts if fact and is_known]
    if patterns is None or matches_patterns(patterns, *known):
        return True
    return False if len(known) == len(facts) else None


def _matches_port(match: ExceptionMatch, rule: SecurityGroupRule) -> bool | None:
    """A rule for more ports than the exception has does not match."""
    ports, traffic = match.ports, rule.traffic
    if ports is None:
        return True
    if traffic.protocol is None or (traffic.protocol in PORT_PROTOCOLS and traffic.ports is None):
        return None
    return traffic.ports is not None and ports.first <= traffic.ports.first and traffic.ports.last <= ports.last


def _matches_peer(match: ExceptionMatch, rule: SecurityGroupRule) -> bool | None:
    if match.peer is None:
        return True
    if rule.peer is None:
        return None
    if rule.peer.text in pattern_list(match.peer):
        return True
    if not isinstance(rule.peer, CidrPeer):
        return False
    network = network_of(rule.peer)
    return any(network.version == each.version and network.subnet_of(each) for each in match.networks)  # type: ignore[arg-type]
