"""Resource policies of buckets, queues, topics and functions: statements that let in others are removed.

The entries of a policy are its other elements as one JSON object, then its statements. A bucket's statement is found by
the digest that the alert has of it, one that a call added under an id by this id; it must still let in one of those
whom the alert names.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.iam_policy import as_tuple
from gatewatch.events.changes.resource_policy import UnreadablePolicyError, grants_of, statement_digest
from gatewatch.model.resource import ResourceFacts
from gatewatch.remediation.revert.plan import Entries, NotRevertibleError, Obstacle, PlannedChange, SettingKind
from gatewatch.remediation.revert.s3 import BUCKET, bucket_parameters
from gatewatch.remediation.revert.settings import Setting, Target, canonical, or_nothing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.aws.clients import Aws
    from gatewatch.model.change import Change

_ARN = r"arn:aws[a-z-]*"
_QUEUE = re.compile(
    r"https://(?:sqs\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?|(?:[a-z0-9-]+\.)?queue\.amazonaws\.com)"
    r"/(?P<account>\d{12})/(?P<name>[A-Za-z0-9_-]{1,80}(?:\.fifo)?)",
    re.ASCII,
)
_TOPIC = re.compile(_ARN + r":sns:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):[A-Za-z0-9_-]{1,256}(?:\.fifo)?", re.ASCII)
FUNCTION = re.compile(
    r"(?:" + _ARN + r":lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):function:)?[A-Za-z0-9_-]{1,64}", re.ASCII
)


def entries_of(document: str | None) -> Entries:
    """Return the entries of a policy; none without one."""
    if not document:
        return ()
    fields = json.loads(document)
    statements = as_tuple(fields.pop("Statement", ()))
    return canonical(fields), *map(canonical, statements)


def document_of(entries: Entries) -> str:
    """Return the policy of entries; empty without any."""
    if not entries:
        return ""
    return canonical({**json.loads(entries[0]), "Statement": [json.loads(each) for each in entries[1:]]})


def without_opened_statements(entries: Entries, opened: Sequence[Change], target: Target) -> Entries:
    """Leave out the statements that the changes name and that still let in one of their peers."""
    facts = [each.facts for each in opened if isinstance(each.facts, ResourceFacts)]
    ids = {each.grant_id for each in facts if each.grant_id}
    digests = {digest for each in facts if not each.grant_id for digest in each.statements}
    peers = {each.rule.peer for each in opened}

    def is_opened(entry: str) -> bool:
        statement = json.loads(entry)
        is_named = statement_digest(statement) in digests or statement.get("Sid") in ids
        return is_named and any(each in peers for each in _peers(statement, target.account_id))

    kept = tuple(each for each in entries[1:] if not is_opened(each))
    return (entries[0], *kept) if kept else ()


def _peers(statement: dict[str, Any], account_id: str) -> list[Any]:
    try:
        return [each.peer for each in grants_of({"Statement": [statement]}, account_id)]
    except UnreadablePolicyError:
        return []


def _read_bucket(aws: Aws, target: Target) -> Entries:
    read = aws.s3.get_bucket_policy
    return entries_of(or_nothing(lambda: read(**bucket_parameters(target)), "NoSuchBucketPolicy").get("Policy"))


def _write_bucket(aws: Aws, target: Target, change: PlannedChange) -> None:
    where = bucket_parameters(target)
    if change.after:
        aws.s3.put_bucket_policy(**where, Policy=document_of(change.after))
    else:
        aws.s3.delete_bucket_policy(**where)


def _queue_url(aws: Aws, target: Target) -> str:
    """The URL that Amazon SQS itself gives for the name: an event's is never called."""
    match = _QUEUE.fullmatch(target.resource)
    return aws.sqs.get_queue_url(QueueName=match["name"] if match else "")["QueueUrl"]


def _read_queue(aws: Aws, target: Target) -> Entries:
    response = aws.sqs.get_queue_attributes(QueueUrl=_queue_url(aws, target), AttributeNames=["Policy"])
    return entries_of(response.get("Attributes", {}).get("Policy"))


def _write_queue(aws: Aws, target: Target, change: PlannedChange) -> None:
    aws.sqs.set_queue_attributes(QueueUrl=_queue_url(aws, target), Attributes={"Policy": document_of(change.after)})


def _read_topic(aws: Aws, target: Target) -> Entries:
    return entries_of(aws.sns.get_topic_attributes(TopicArn=target.resource)["Attributes"].get("Policy"))


def _write_topic(aws: Aws, target: Target, change: PlannedChange) -> None:
    aws.sns.set_topic_attributes(
        TopicArn=target.resource, AttributeName="Policy", AttributeValue=document_of(change.after)
    )


def _close_topic(entries: Entries, opened: Sequence[Change], target: Target) -> Entries:
    """A topic always has a policy, so its last statement stays."""
    after = without_opened_statements(entries, opened, target)
    if entries and not after:
        raise NotRevertibleError(Obstacle.NO_UNDO, target.resource)
    return after


def _read_function(aws: Aws, target: Target) -> Entries:
    read = aws.lambda_.get_policy
    response = or_nothing(lambda: read(FunctionName=target.resource), "ResourceNotFoundException")
    return entries_of(response.get("Policy"))


def _close_function(entries: Entries, opened: Sequence[Change], target: Target) -> Entries:
    after = without_opened_statements(entries, opened, target)
    removed = [json.loads(each) for each in entries[1:] if each not in after]
    if any(_permission_of(each) is None for each in removed):
        raise NotRevertibleError(Obstacle.NO_UNDO, target.resource)
    return after


def _write_function(aws: Aws, target: Target, change: PlannedChange) -> None:
    """Statement by statement: Lambda has no call that replaces the policy of a function in every Region."""
    for entry in change.removed[0 if change.after else 1 :]:
        aws.lambda_.remove_permission(FunctionName=target.resource, StatementId=json.loads(entry)["Sid"])
    for entry in change.added[0 if change.before else 1 :]:
        permission = _permission_of(json.loads(entry)) or {}
        aws.lambda_.add_permission(FunctionName=target.resource, **permission)


_PARAMETERS = {
    "aws:sourcearn": "SourceArn",
    "aws:sourceaccount": "SourceAccount",
    "aws:principalorgid": "PrincipalOrgID",
    "lambda:functionurlauthtype": "FunctionUrlAuthType",
    "lambda:eventsourcetoken": "EventSourceToken",
}
_VIA_URL = "lambda:invokedviafunctionurl"


def _permission_of(statement: dict[str, Any]) -> dict[str, Any] | None:
    """Return the parameters of AddPermission that make a statement; None where there are none for it."""
    principal = statement.get("Principal")
    names = list(principal.values()) if isinstance(principal, dict) else [principal]
    tests = [pair for each in (statement.get("Condition") or {}).values() for pair in each.items()]
    conditions = {str(key).lower(): value for key, value in tests}
    values = [*names, statement.get("Action"), statement.get("Sid"), *conditions.values()]
    is_known = statement.get("Effect") == "Allow" and set(conditions) <= {*_PARAMETERS, _VIA_URL}
    if len(names) != 1 or not is_known or not all(isinstance(each, str) for each in values):
        return None
    more: dict[str, Any] = {_PARAMETERS[key]: value for key, value in conditions.items() if key != _VIA_URL}
    if _VIA_URL in conditions:
        more["InvokedViaFunctionUrl"] = conditions[_VIA_URL] == "true"
    return {"StatementId": statement["Sid"], "Action": statement["Action"], "Principal": names[0], **more}


SETTINGS = {
    SettingKind.BUCKET_POLICY: Setting(
        form=BUCKET,
        read=_read_bucket,
        close=without_opened_statements,
        write=_write_bucket,
        calls=("PutBucketPolicy", "DeleteBucketPolicy"),
    ),
    SettingKind.QUEUE_POLICY: Setting(
        form=_QUEUE,
        read=_read_queue,
        close=without_opened_statements,
        write=_write_queue,
        calls=("SetQueueAttributes",),
    ),
    SettingKind.TOPIC_POLICY: Setting(
        form=_TOPIC, read=_read_topic, close=_close_topic, write=_write_topic, calls=("SetTopicAttributes",)
    ),
    SettingKind.FUNCTION_POLICY: Setting(
        form=FUNCTION,
        read=_read_function,
        close=_close_function,
        write=_write_function,
        calls=("RemovePermission", "AddPermission"),
    ),
}
