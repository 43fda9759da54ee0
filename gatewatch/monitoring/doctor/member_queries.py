"""Gather the state of one account and Region: trails, rules, roles, queue, Config recorder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gatewatch.events.changes.normalization import lower_keys
from gatewatch.events.changes.trails import records_writes
from gatewatch.monitoring.doctor.model import EventRule, ForwardingState, MemberState, QueryFailed, Trail
from gatewatch.monitoring.doctor.policy_documents import element_list, statements_of
from gatewatch.monitoring.doctor.query import is_not_found, run_query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from gatewatch.aws.clients import Aws

UNDELIVERED = "gatewatch-undelivered"


def gather_forwarding(aws: Aws, rule_names: Iterable[str]) -> ForwardingState:
    rules = run_query(lambda: {name: _rule(aws, name) for name in rule_names})
    roles = (
        set()
        if isinstance(rules, QueryFailed)
        else {role for rule in rules.values() if rule for _, role in rule.targets}
    )
    return ForwardingState(rules, run_query(lambda: {role: _allowed_buses(aws, role) for role in sorted(roles)}))


def gather_member(aws: Aws, rule_names: Iterable[str]) -> MemberState:
    forwarding = gather_forwarding(aws, rule_names)
    return MemberState(
        trails=run_query(lambda: tuple(_trails(aws))),
        rules=forwarding.rules,
        grants=forwarding.grants,
        undelivered=run_query(lambda: queue_depth(aws, UNDELIVERED)),
        is_recording=run_query(lambda: _is_recording(aws)),
    )


def _trails(aws: Aws) -> Iterator[Trail]:
    """Yield the trails of this Region, including shadow trails: multi-Region trails of another home Region."""
    for trail in aws.cloudtrail.describe_trails(includeShadowTrails=True)["trailList"]:
        name, arn = trail["Name"], trail["TrailARN"]
        yield Trail(name, _result_or_none(_is_logging, aws, arn), _result_or_none(_records_writes, aws, arn))


def _result_or_none(query: Callable[[Aws, str], bool], aws: Aws, trail: str) -> bool | None:
    result = run_query(lambda: query(aws, trail))
    return None if isinstance(result, QueryFailed) else result


def _is_logging(aws: Aws, trail: str) -> bool:
    return aws.cloudtrail.get_trail_status(Name=trail)["IsLogging"]


def _records_writes(aws: Aws, trail: str) -> bool:
    return records_writes(lower_keys(dict(aws.cloudtrail.get_event_selectors(TrailName=trail))))


def _rule(aws: Aws, name: str) -> EventRule | None:
    try:
        found = aws.events.describe_rule(Name=name)
    except ClientError as error:
        if is_not_found(error):
            return None
        raise
    targets = aws.events.list_targets_by_rule(Rule=name)["Targets"]
    pattern = found.get("EventPattern")
    return EventRule(
        is_enabled=found["State"] != "DISABLED",
        pattern=json.loads(pattern) if pattern else None,
        schedule=found.get("ScheduleExpression"),
        targets=tuple((each["Arn"], each.get("RoleArn", "")) for each in targets),
    )


def _allowed_buses(aws: Aws, role_arn: str) -> tuple[str, ...]:
    """Return the ARNs of the buses that EventBridge may put events on with a role; none when it does not exist.

    The role that member.yaml makes has inline policies only. Anything that can restrict it counts as a restriction: a
    statement that denies, an attached policy, a permissions boundary, a trust policy without EventBridge.
    """
    name = role_arn.rpartition("/")[2]
    try:
        role: Any = aws.iam.get_role(RoleName=name)["Role"]
    except ClientError as error:
        if is_not_found(error):
            return ()
        raise
    names = aws.iam.list_role_policies(RoleName=name)["PolicyNames"]
    policies: list[Any] = [aws.iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in names]
    statements = [statement for each in policies for statement in statements_of(each)]
    attached = aws.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    is_restricted = attached or "PermissionsBoundary" in role or any(map(_denies, statements))
    if is_restricted or not _trusts_eventbridge(statements_of(role["AssumeRolePolicyDocument"])):
        return ()
    return tuple(bus for each in statements for bus in _buses(each))


def _denies(statement: Mapping[str, Any]) -> bool:
    return statement.get("Effect") != "Allow"


def _trusts_eventbridge(statements: list[Mapping[str, Any]]) -> bool:
    services = [
        service
        for each in statements
        if "sts:AssumeRole" in element_list(each.get("Action")) and isinstance(each.get("Principal"), dict)
        for service in element_list(each["Principal"].get("Service"))
    ]
    return not any(map(_denies, statements)) and "events.amazonaws.com" in services


def _buses(statement: Mapping[str, Any]) -> Iterator[str]:
    """`PutEvents` without a further condition; member.yaml has none."""
    is_plain = not statement.get("Condition") and "events:PutEvents" in element_list(statement.get("Action"))
    yield from element_list(statement.get("Resource")) if is_plain else ()


def queue_depth(aws: Aws, queue: str) -> int:
    url = aws.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    response = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(response["Attributes"]["ApproximateNumberOfMessages"])


def _is_recording(aws: Aws) -> bool:
    statuses = aws.config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    return any(status.get("recording") for status in statuses)
