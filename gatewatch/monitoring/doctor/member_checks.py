"""Check the gathered state of one account and Region. Every result that is not OK has a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.monitoring.doctor.model import (
    CheckResult,
    CheckStatus,
    EventRule,
    ForwardingState,
    MemberState,
    QueryFailed,
    Trail,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_REDEPLOY = "deploy the member stack there again: gatewatch members apply"
DOCTOR_ROLE_REMEDY = "set members.doctor_role in deploy/STAGE.yaml, then gatewatch members apply"
CANARY = "gatewatch-canary"
IAM = "gatewatch-iam"
GLOBAL_RULES = frozenset({IAM, "gatewatch-organization-global"})
# Parameters of member.yaml leave these out; the others are always there.
SWITCHES = {
    "gatewatch-attachment": "ForwardAttachment",
    "gatewatch-detection-records": "ForwardDetection",
    "gatewatch-detection-services": "ForwardDetection",
    "gatewatch-network": "ForwardNetwork",
    "gatewatch-organization": "ForwardOrganization",
    "gatewatch-organization-global": "ForwardOrganization",
    "gatewatch-public-access": "ForwardPublicAccess",
    "gatewatch-resource-policies": "ForwardPublicAccess",
}


class Expected(Struct, frozen=True):
    """`patterns` by rule name; `is_global`: this is the Region of the partition that records IAM events."""

    bus_arn: str
    patterns: Mapping[str, Mapping[str, Any]]
    is_global: bool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in (*self.patterns, CANARY) if self.is_global or name not in GLOBAL_RULES)


def judge_member(where: str, state: MemberState, expected: Expected) -> Iterator[CheckResult]:
    yield _trail(where, state.trails)
    yield from judge_forwarding(where, state, expected)
    yield _undelivered(where, state.undelivered)
    yield _recorder(where, state.is_recording)


def _trail(where: str, trails: tuple[Trail, ...] | QueryFailed) -> CheckResult:
    if isinstance(trails, QueryFailed):
        return _query_failed(where, "trail", trails)
    if any(trail.is_logging and trail.records_writes for trail in trails):
        name = next(trail.name for trail in trails if trail.is_logging and trail.records_writes)
        return CheckResult(where, "trail", CheckStatus.OK, f"{name} records write management events")
    if any(trail.is_logging is not False and trail.records_writes is not False for trail in trails):
        detail = f"{trails[0].name} covers this Region, but this account may not read all of its settings"
        remedy = "check the trail in the organization's management account"
        return CheckResult(where, "trail", CheckStatus.WARNING, detail, remedy)
    detail = "no trail records write management events here, so EventBridge receives no calls"
    remedy = "create a multi-Region trail that logs write management events"
    return CheckResult(where, "trail", CheckStatus.ERROR, detail, remedy)


def judge_forwarding(where: str, state: MemberState | ForwardingState, expected: Expected) -> Iterator[CheckResult]:
    """Compare rules, targets and the roles of the targets with what this version deploys."""
    if isinstance(state.rules, QueryFailed):
        yield _query_failed(where, "rules", state.rules)
        return
    grants = {} if isinstance(state.grants, QueryFailed) else state.grants
    problems = [
        (name, problem)
        for name in expected.names
        for problem in _rule_problems(name, state.rules.get(name), grants, expected, has_grants=state.grants is grants)
    ]
    for name, problem in problems:
        yield _rule_result(where, name, problem, is_missing=state.rules.get(name) is None)
    if not problems:
        yield CheckResult(
            where, "rule", CheckStatus.OK, f"{len(expected.names)} rules are enabled, up to date and allowed to send"
        )
    if isinstance(state.grants, QueryFailed):
        yield _query_failed(where, "role", state.grants)


def _rule_result(where: str, name: str, problem: str, *, is_missing: bool) -> CheckResult:
    """A rule that a parameter leaves out may be missing on purpose."""
    if is_missing and name in SWITCHES:
        detail = f"{name} {problem}: events of the family are not forwarded"
        remedy = f"set {SWITCHES[name]} of member.yaml to true, unless it is off on purpose"
        return CheckResult(where, "rule", CheckStatus.WARNING, detail, remedy)
    return CheckResult(where, "rule", CheckStatus.ERROR, f"{name} {problem}", _REDEPLOY)


def _rule_problems(
    name: str, rule: EventRule | None, grants: Mapping[str, tuple[str, ...]], expected: Expected, *, has_grants: bool
) -> Iterator[str]:
    if rule is None:
        yield "does not exist"
        return
    if not rule.is_enabled:
        yield "is disabled"
    if name == CANARY and not rule.schedule:
        yield "has no schedule"
    if name != CANARY and rule.pattern != expected.patterns[name]:
        yield "has a different pattern than this version of gatewatch"
    roles = [role for arn, role in rule.targets if arn == expected.bus_arn]
    if not roles:
        yield "has no target on the hub's bus"
    elif has_grants and not any(expected.bus_arn in grants.get(role, ()) for role in roles):
        yield "has no role that may put events on the hub's bus"


def _undelivered(where: str, count: int | QueryFailed) -> CheckResult:
    if isinstance(count, QueryFailed):
        return _query_failed(where, "undelivered", count)
    if count:
        detail = f"{count} events could not be sent to the hub"
        remedy = "the message attributes ERROR_CODE and ERROR_MESSAGE have the reason (docs/operations.md)"
        return CheckResult(where, "undelivered", CheckStatus.ERROR, detail, remedy)
    return CheckResult(where, "undelivered", CheckStatus.OK, "no undelivered event")


def _recorder(where: str, is_recording: bool | QueryFailed) -> CheckResult:  # noqa: FBT001  a gathered value, not an option
    if isinstance(is_recording, QueryFailed):
        return _query_failed(where, "recorder", is_recording)
    if is_recording:
        return CheckResult(where, "recorder", CheckStatus.OK, "AWS Config records")
    remedy = "start a configuration recorder, if compliance is to be monitored here"
    return CheckResult(where, "recorder", CheckStatus.WARNING, "AWS Config does not record", remedy)


def _query_failed(where: str, check: str, failed: QueryFailed) -> CheckResult:
    return CheckResult(where, check, CheckStatus.WARNING, f"check failed: {failed.reason}", DOCTOR_ROLE_REMEDY)
