"""What there is in one account and Region: trail, rules, role, queue, recorder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gatewatch.monitoring.doctor.model import MemberFacts, Rule, Trail, Unseen
from gatewatch.monitoring.doctor.query import ask, is_absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from gatewatch.aws.clients import Aws

UNDELIVERED = "gatewatch-undelivered"


def gather_member(aws: Aws, rule_names: Iterable[str]) -> MemberFacts:
    rules = ask(lambda: {name: _rule(aws, name) for name in rule_names})
    roles = (
        set() if isinstance(rules, Unseen) else {role for rule in rules.values() if rule for _, role in rule.targets}
    )
    return MemberFacts(
        trails=ask(lambda: tuple(_trails(aws))),
        rules=rules,
        grants=ask(lambda: {role: tuple(_granted(aws, role)) for role in sorted(roles)}),
        undelivered=ask(lambda: waiting(aws, UNDELIVERED)),
        is_recording=ask(lambda: _is_recording(aws)),
    )


def _trails(aws: Aws) -> Iterator[Trail]:
    """Shadow trails are those of other Regions that cover this one."""
    for trail in aws.cloudtrail.describe_trails(includeShadowTrails=True)["trailList"]:
        name, arn = trail["Name"], trail["TrailARN"]
        yield Trail(name, _unless_refused(_is_logging, aws, arn), _unless_refused(_records_writes, aws, arn))


def _unless_refused(question: Callable[[Aws, str], bool], aws: Aws, trail: str) -> bool | None:
    answer = ask(lambda: question(aws, trail))
    return None if isinstance(answer, Unseen) else answer


def _is_logging(aws: Aws, trail: str) -> bool:
    return aws.cloudtrail.get_trail_status(Name=trail)["IsLogging"]


def _records_writes(aws: Aws, trail: str) -> bool:
    return records_writes(dict(aws.cloudtrail.get_event_selectors(TrailName=trail)))


def records_writes(selectors: Mapping[str, Any]) -> bool:
    """Management events that write: of basic selectors, or of advanced ones (CloudTrail user guide, selectors)."""
    basic = [
        each.get("IncludeManagementEvents", True) and each.get("ReadWriteType", "All") != "ReadOnly"
        for each in selectors.get("EventSelectors") or []
    ]
    advanced = [_takes_writes(each["FieldSelectors"]) for each in selectors.get("AdvancedEventSelectors") or []]
    return any([*basic, *advanced])


def _takes_writes(fields: Iterable[Mapping[str, Any]]) -> bool:
    wanted = {field["Field"]: field.get("Equals", []) for field in fields}
    return wanted.get("eventCategory") == ["Management"] and wanted.get("readOnly") != ["true"]


def _rule(aws: Aws, name: str) -> Rule | None:
    try:
        found = aws.events.describe_rule(Name=name)
    except ClientError as error:
        if is_absent(error):
            return None
        raise
    targets = aws.events.list_targets_by_rule(Rule=name)["Targets"]
    pattern = found.get("EventPattern")
    return Rule(
        is_enabled=found["State"] != "DISABLED",
        pattern=json.loads(pattern) if pattern else None,
        schedule=found.get("ScheduleExpression"),
        targets=tuple((each["Arn"], each.get("RoleArn", "")) for each in targets),
    )


def _granted(aws: Aws, role_arn: str) -> Iterator[str]:
    """The buses that a role may put events on; nothing when the role is gone."""
    role = role_arn.rpartition("/")[2]
    try:
        names = aws.iam.list_role_policies(RoleName=role)["PolicyNames"]
    except ClientError as error:
        if is_absent(error):
            return
        raise
    for name in names:
        document: Any = aws.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        yield from _buses(document if isinstance(document, dict) else json.loads(document))


def _buses(document: Mapping[str, Any]) -> Iterator[str]:
    for statement in _listed(document.get("Statement")):
        allows = statement.get("Effect") == "Allow" and "events:PutEvents" in _listed(statement.get("Action"))
        yield from _listed(statement.get("Resource")) if allows else ()


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def waiting(aws: Aws, queue: str) -> int:
    url = aws.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    answer = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def _is_recording(aws: Aws) -> bool:
    statuses = aws.config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    return any(status.get("recording") for status in statuses)
