"""What was gathered of one account and Region -> findings, each with what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.monitoring.doctor.model import Finding, Light, MemberFacts, Rule, Trail, Unseen

if TYPE_CHECKING:
    from collections.abc import Iterator

_REDEPLOY = "deploy eventbridge/member.yaml there anew, with the parameters of docs/deploy.md"
_READ_ROLE = "give member.yaml the parameter ReaderArn, so that the doctor may look (docs/deploy.md)"
CANARY = "gatewatch-canary"
IAM = "gatewatch-iam"


class Expected(Struct, frozen=True):
    """`patterns` by the name of the rule; `is_global`: the Region of the partition where IAM is recorded."""

    bus_arn: str
    patterns: Mapping[str, Mapping[str, Any]]
    is_global: bool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in (*self.patterns, CANARY) if self.is_global or name != IAM)


def judge_member(where: str, facts: MemberFacts, expected: Expected) -> Iterator[Finding]:
    yield _trail(where, facts.trails)
    yield from _rules(where, facts, expected)
    yield _undelivered(where, facts.undelivered)
    yield _recorder(where, facts.is_recording)


def _trail(where: str, trails: tuple[Trail, ...] | Unseen) -> Finding:
    if isinstance(trails, Unseen):
        return _unseen(where, "trail", trails)
    if any(trail.is_logging and trail.records_writes for trail in trails):
        name = next(trail.name for trail in trails if trail.is_logging and trail.records_writes)
        return Finding(where, "trail", Light.GREEN, f"{name} records management writes")
    if any(trail.is_logging is not False and trail.records_writes is not False for trail in trails):
        said = f"{trails[0].name} covers this Region, but this account may not read all of its settings"
        return Finding(where, "trail", Light.YELLOW, said, "look at the trail in the organization's management account")
    said = "no trail records management writes here, so EventBridge gets no calls"
    remedy = "create a trail for all Regions that logs management events, reads may be left out"
    return Finding(where, "trail", Light.RED, said, remedy)


def _rules(where: str, facts: MemberFacts, expected: Expected) -> Iterator[Finding]:
    if isinstance(facts.rules, Unseen):
        yield _unseen(where, "rules", facts.rules)
        return
    grants = {} if isinstance(facts.grants, Unseen) else facts.grants
    troubles = [
        (name, trouble)
        for name in expected.names
        for trouble in _troubles(name, facts.rules.get(name), grants, expected, is_seen=facts.grants is grants)
    ]
    for name, trouble in troubles:
        yield Finding(where, "rule", Light.RED, f"{name} {trouble}", _REDEPLOY)
    if not troubles:
        yield Finding(where, "rule", Light.GREEN, f"{len(expected.names)} rules are enabled, current and may send")
    if isinstance(facts.grants, Unseen):
        yield _unseen(where, "role", facts.grants)


def _troubles(
    name: str, rule: Rule | None, grants: Mapping[str, tuple[str, ...]], expected: Expected, *, is_seen: bool
) -> Iterator[str]:
    if rule is None:
        yield "is not there"
        return
    if not rule.is_enabled:
        yield "is disabled"
    if name == CANARY and not rule.schedule:
        yield "has no schedule"
    if name != CANARY and rule.pattern != expected.patterns[name]:
        yield "has another pattern than this version of gatewatch"
    roles = [role for arn, role in rule.targets if arn == expected.bus_arn]
    if not roles:
        yield "does not lead to the hub's bus"
    elif is_seen and not any(expected.bus_arn in grants.get(role, ()) for role in roles):
        yield "has no role that may put events on the hub's bus"


def _undelivered(where: str, count: int | Unseen) -> Finding:
    if isinstance(count, Unseen):
        return _unseen(where, "undelivered", count)
    if count:
        said = f"{count} events could not be sent to the hub"
        remedy = "the attributes ERROR_CODE and ERROR_MESSAGE of the messages say why (docs/operations.md)"
        return Finding(where, "undelivered", Light.RED, said, remedy)
    return Finding(where, "undelivered", Light.GREEN, "everything reached the hub")


def _recorder(where: str, is_recording: bool | Unseen) -> Finding:  # noqa: FBT001  a fact, not a switch
    if isinstance(is_recording, Unseen):
        return _unseen(where, "recorder", is_recording)
    if is_recording:
        return Finding(where, "recorder", Light.GREEN, "AWS Config records")
    remedy = "start a configuration recorder, if compliance is to be watched here"
    return Finding(where, "recorder", Light.YELLOW, "AWS Config does not record", remedy)


def _unseen(where: str, what: str, unseen: Unseen) -> Finding:
    return Finding(where, what, Light.YELLOW, f"could not look: {unseen.reason}", _READ_ROLE)
