"""What the exceptions of the policy do to an alert: which changes nobody needs to hear, and why.

Open for alerting: an exception holds only when every fact that it names is known and agrees, so in any doubt people
are told. Closed for remediation: `may_be_excepted` holds unless a known fact disagrees, so in any doubt hands are off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.config.patterns import Patterns, fits, listed
from gatewatch.config.suppression_rules import Effect, PolicyException
from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.account import Account
from gatewatch.model.alert import Alert, AssessedChange
from gatewatch.model.network import PORT_PROTOCOLS, network_of
from gatewatch.model.security_group import CidrPeer
from gatewatch.model.severity import Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from gatewatch.config.suppression_rules import ExceptionMatch
    from gatewatch.model.change import Change
    from gatewatch.model.security_group import SecurityGroupRule


class Excepted(Struct, frozen=True):
    """`alert` is what is told, unless every change is muted. `applied` names the exceptions, one a change or more."""

    alert: Alert
    muted: int = 0
    applied: tuple[str, ...] = ()

    @property
    def is_silent(self) -> bool:
        return self.muted == len(self.alert.changes)


def excepted(alert: Alert, exceptions: Sequence[PolicyException], at: datetime | None) -> Excepted:
    """The alert with what the exceptions make of it at a time; an unknown time is a doubt, and nothing holds.

    A muted change beside one that is not stays in the message, as information: it never hides its neighbour, nor
    is it hidden itself.
    """
    if not exceptions or at is None:
        return Excepted(alert)
    decided = [_decided(alert, each, exceptions, at) for each in alert.changes]
    return Excepted(
        alert=msgspec.structs.replace(alert, changes=tuple(each.change for each in decided)),
        muted=sum(each.is_muted for each in decided),
        applied=tuple(dict.fromkeys(name for each in decided for name in each.applied)),
    )


def moment(alert: Alert, now: datetime) -> datetime | None:
    """The later of the event's own time and the clock: what has run out by either of them holds no more."""
    return max(alert.call.time, now) if alert.call.time else None


class Circumstances(Struct, frozen=True):
    """Whose change it is, where, and by whom as far as that is known."""

    account: Account
    region: str
    actor: str


class MayHold(Struct, frozen=True):
    """An exception that nothing known speaks against. `is_certain`: it holds for alerts too."""

    exception: PolicyException
    is_certain: bool


def may_be_excepted(
    where: Circumstances, change: Change, exceptions: Sequence[PolicyException], at: datetime
) -> MayHold | None:
    """For remediation: what holds for certain first, then the strongest effect."""
    agreeing = ((each, _agrees(where, change, each)) for each in exceptions if each.may_hold(at))
    found = [
        MayHold(each, is_certain=change.understood and agrees is True and each.holds(at))
        for each, agrees in agreeing
        if agrees is not False
    ]
    return min(found, key=lambda each: (not each.is_certain, _strength(each.exception)), default=None)


class _Decided(Struct, frozen=True):
    change: AssessedChange
    is_muted: bool = False
    applied: tuple[str, ...] = ()


def _decided(alert: Alert, assessed: AssessedChange, exceptions: Sequence[PolicyException], at: datetime) -> _Decided:
    """The strongest effect wins; an exception that has run out is said."""
    where = Circumstances(alert.account, alert.call.region, alert.call.actor.name)
    fitting = [each for each in exceptions if assessed.change.understood and _agrees(where, assessed.change, each)]
    holding = sorted((each for each in fitting if each.holds(at)), key=_strength)
    if not holding:
        return _Decided(_with_reasons(assessed, assessed.assessment.severity, map(_expired, fitting)))
    strongest = holding[0]
    severity = _severity(strongest.effect, assessed.assessment.severity)
    change = _with_reasons(assessed, severity, [_reason(strongest)])
    return _Decided(change, strongest.effect is Effect.MUTE, (strongest.id,))


def _strength(exception: PolicyException) -> int:
    """The lower, the stronger."""
    return list(Effect).index(exception.effect)


def _severity(effect: Effect, severity: Severity) -> Severity:
    lowered = {Effect.MUTE: Severity.INFO, Effect.LOWER: severity.one_step_down()}
    return lowered.get(effect, severity)


def _reason(exception: PolicyException) -> Reason:
    code = f"exception_{exception.effect.replace('-', '_')}"
    return Reason(code, {"exception": exception.id, "ticket": exception.ticket})


def _expired(exception: PolicyException) -> Reason:
    values = {"exception": exception.id, "owner": exception.owner, "date": exception.expires.isoformat()}
    return Reason("exception_expired", values)


def _with_reasons(assessed: AssessedChange, severity: Severity, reasons: Iterable[Reason]) -> AssessedChange:
    verdict = assessed.assessment
    judged = msgspec.structs.replace(verdict, severity=severity, reasons=(*verdict.reasons, *reasons))
    return AssessedChange(assessed.change, judged)


def _agrees(where: Circumstances, change: Change, exception: PolicyException) -> bool | None:
    """True, False, or None where a fact that the exception names is not known and none that is known disagrees."""
    answers = list(_answers(where, change, exception.match))
    return False if False in answers else None if None in answers else True


def _answers(where: Circumstances, change: Change, match: ExceptionMatch) -> Iterator[bool | None]:
    account, actor = where.account, where.actor
    yield _fits(match.account, account.id)
    yield _fits(match.environment, account.environment, is_known=account.known)
    yield _fits(match.region, where.region)
    yield not match.families or change.family in match.families
    yield _fits(match.group, change.group.id, change.group.name)
    yield _fits(match.actor, actor, is_known=actor != UNKNOWN)
    yield _port(match, change.rule)
    yield _peer(match, change.rule)


def _fits(patterns: Patterns | None, *facts: str | None, is_known: bool = True) -> bool | None:
    """A group may be meant by its name where the event says only its id: that is a doubt."""
    known = [fact for fact in facts if fact and is_known]
    if patterns is None or fits(patterns, *known):
        return True
    return False if len(known) == len(facts) else None


def _port(match: ExceptionMatch, rule: SecurityGroupRule) -> bool | None:
    """A rule that opens more than the exception names is not excepted."""
    ports, traffic = match.ports, rule.traffic
    if ports is None:
        return True
    if traffic.protocol is None or (traffic.protocol in PORT_PROTOCOLS and traffic.ports is None):
        return None
    return traffic.ports is not None and ports.first <= traffic.ports.first and traffic.ports.last <= ports.last


def _peer(match: ExceptionMatch, rule: SecurityGroupRule) -> bool | None:
    if match.peer is None:
        return True
    if rule.peer is None:
        return None
    if rule.peer.text in listed(match.peer):
        return True
    if not isinstance(rule.peer, CidrPeer):
        return False
    network = network_of(rule.peer)
    return any(network.version == each.version and network.subnet_of(each) for each in match.networks)  # type: ignore[arg-type]
