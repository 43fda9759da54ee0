"""From the notification of a call to the plan that takes the call back. Reads the member account and changes nothing.

In doubt there is no plan, and `NotRevertibleError` says why. What is changed comes from the stored event of AWS, in the
form that AWS gives to such names, and from what the account has now.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws.error_codes import error_code
from gatewatch.events.changes.normalization import undated_name
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.iam import IamFacts, IamOperation
from gatewatch.model.resource import Impact, ResourceFacts
from gatewatch.model.security_group import Direction
from gatewatch.remediation.ingress.access import access_of, permitted_parts
from gatewatch.remediation.revert import access_keys, policies, rules, s3, shares, switches
from gatewatch.remediation.revert.plan import NotRevertibleError, Obstacle, PlannedChange, RevertPlan, SettingKind
from gatewatch.remediation.revert.settings import Setting, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gatewatch.aws.clients import Aws
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert
    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.notification import AlertNotification

SETTINGS: Mapping[SettingKind, Setting] = {
    **rules.SETTINGS,
    **policies.SETTINGS,
    **s3.SETTINGS,
    **shares.SETTINGS,
    **switches.SETTINGS,
    **access_keys.SETTINGS,
}

_KINDS = {
    ("ec2", "AuthorizeSecurityGroupIngress"): SettingKind.RULE,
    ("ec2", "AuthorizeSecurityGroupEgress"): SettingKind.RULE,
    ("ec2", "ModifySecurityGroupRules"): SettingKind.RULE,
    ("ec2", "ModifySnapshotAttribute"): SettingKind.SNAPSHOT_SHARE,
    ("ec2", "ModifyImageAttribute"): SettingKind.IMAGE_SHARE,
    ("ec2", "DisableSnapshotBlockPublicAccess"): SettingKind.SNAPSHOT_BLOCK,
    ("ec2", "DisableImageBlockPublicAccess"): SettingKind.IMAGE_BLOCK,
    ("ec2", "ModifyVpcEndpoint"): SettingKind.ENDPOINT_GROUPS,
    ("s3", "PutBucketPolicy"): SettingKind.BUCKET_POLICY,
    ("s3", "PutBucketAcl"): SettingKind.BUCKET_ACL,
    ("s3", "PutBucketPublicAccessBlock"): SettingKind.BUCKET_BLOCK,
    ("s3", "DeleteBucketPublicAccessBlock"): SettingKind.BUCKET_BLOCK,
    ("s3", "PutAccountPublicAccessBlock"): SettingKind.ACCOUNT_BLOCK,
    ("s3", "DeleteAccountPublicAccessBlock"): SettingKind.ACCOUNT_BLOCK,
    ("sqs", "SetQueueAttributes"): SettingKind.QUEUE_POLICY,
    ("sqs", "AddPermission"): SettingKind.QUEUE_POLICY,
    ("sns", "SetTopicAttributes"): SettingKind.TOPIC_POLICY,
    ("sns", "AddPermission"): SettingKind.TOPIC_POLICY,
    ("lambda", "AddPermission"): SettingKind.FUNCTION_POLICY,
    ("lambda", "CreateFunctionUrlConfig"): SettingKind.FUNCTION_URL,
    ("lambda", "UpdateFunctionUrlConfig"): SettingKind.FUNCTION_URL,
    ("rds", "ModifyDBSnapshotAttribute"): SettingKind.DB_SNAPSHOT_SHARE,
    ("rds", "ModifyDBClusterSnapshotAttribute"): SettingKind.DB_CLUSTER_SNAPSHOT_SHARE,
    ("rds", "CreateDBInstance"): SettingKind.DATABASE_ACCESS,
    ("rds", "ModifyDBInstance"): SettingKind.DATABASE_ACCESS,
    ("iam", "CreateAccessKey"): SettingKind.ACCESS_KEY,
    ("iam", "UpdateAccessKey"): SettingKind.ACCESS_KEY,
}
# The settings of a whole account or Region have no name of their own.
_OF_ACCOUNT = frozenset({SettingKind.ACCOUNT_BLOCK, SettingKind.SNAPSHOT_BLOCK, SettingKind.IMAGE_BLOCK})
_FAMILIES = frozenset({Family.SECURITY_GROUP, Family.PUBLIC_ACCESS, Family.ATTACHMENT, Family.IAM})
_OPENING = frozenset({Impact.SHARED, Impact.NETWORK_PATH, Impact.GUARD_REMOVED, Impact.GROUP_SET, Impact.GROUP_REMOVED})
_KEY_OPENING = frozenset({IamOperation.KEY_CREATED, IamOperation.KEY_ACTIVATED})
_OWN = frozenset({"own_enforcement", "own_undo"})
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_REGION = re.compile(r"[a-z]{2,6}(?:-[a-z]+){1,3}-\d{1,2}", re.ASCII)


def kind_of(call: ApiCall) -> SettingKind | None:
    """Return the kind of setting that a call may have opened and that can be reverted."""
    return _KINDS.get((call.event_source.partition(".")[0], undated_name(call.event_name)))


def opened_changes(alert: Alert) -> tuple[SettingKind, tuple[Change, ...]]:
    """Return what a call opened. Raises `NotRevertibleError` when it is not certain, or nothing."""
    call, changes = alert.call, [each.change for each in alert.changes if each.change.family in _FAMILIES]
    kind = kind_of(call)
    if kind is None or not changes:
        raise NotRevertibleError(Obstacle.NO_KIND, call.event_name)
    if call.conflicts or not _ACCOUNT.fullmatch(alert.account.id) or call.account_id != alert.account.id:
        raise NotRevertibleError(Obstacle.CONFLICTING)
    if alert.omitted:
        raise NotRevertibleError(Obstacle.INCOMPLETE)
    if any(reason.code in _OWN for each in alert.changes for reason in each.assessment.reasons):
        raise NotRevertibleError(Obstacle.OWN_ACTION)
    if any(each.outcome is not Outcome.APPLIED for each in changes):
        raise NotRevertibleError(Obstacle.NOT_APPLIED)
    if not all(each.understood for each in changes):
        raise NotRevertibleError(Obstacle.NOT_UNDERSTOOD)
    opened = tuple(filter(_opens, changes))
    if not opened or all(each.action is Action.DETACH for each in opened):
        raise NotRevertibleError(Obstacle.OPENS_NOTHING)
    return kind, opened


def _opens(change: Change) -> bool:
    if isinstance(change.facts, ResourceFacts):
        return change.facts.effect in _OPENING
    if isinstance(change.facts, IamFacts):
        return change.facts.operation in _KEY_OPENING
    return change.family is Family.SECURITY_GROUP and change.action in {Action.AUTHORIZE, Action.MODIFY}


def plan_revert(notification: AlertNotification, aws: Aws, settings: Settings) -> RevertPlan:
    """Return the plan of a call, from clients of its account and Region. Raises `NotRevertibleError`."""
    alert = notification.alert
    kind, opened = opened_changes(alert)
    try:
        changes = [each for each in _changes(kind, opened, alert, aws) if each.before != each.after]
    except (ClientError, BotoCoreError) as error:
        raise NotRevertibleError(Obstacle.NOT_READABLE, error_code(error)) from error
    if not changes:
        raise NotRevertibleError(Obstacle.ALREADY_CLOSED)
    for each in changes if kind is SettingKind.RULE else ():
        _refuse_required(each, settings)
    return RevertPlan(
        event_id=alert.call.event_id, account_id=alert.account.id, region=alert.call.region, changes=tuple(changes)
    )


def _changes(kind: SettingKind, opened: Iterable[Change], alert: Alert, aws: Aws) -> Iterable[PlannedChange]:
    by_resource: dict[str, list[Change]] = {}
    for change in opened:
        by_resource.setdefault(_resource(kind, change, alert, aws), []).append(change)
    setting = SETTINGS[kind]
    for resource, changes in sorted(by_resource.items()):
        target = Target(alert.account.id, alert.call.region, resource)
        if not setting.names(target) or not _REGION.fullmatch(target.region):
            raise NotRevertibleError(Obstacle.INVALID_NAME, resource)
        before = setting.read(aws, target)
        yield PlannedChange(kind, resource, before, setting.close(before, changes, target))


def _resource(kind: SettingKind, change: Change, alert: Alert, aws: Aws) -> str:
    if kind is SettingKind.RULE:
        return f"{change.group.id}/{change.rule.rule_id}"
    if kind is SettingKind.ACCESS_KEY:
        return access_keys.key_resource(aws, change, alert.call.time)
    return alert.account.id if kind in _OF_ACCOUNT else change.resource_id or ""


def _refuse_required(change: PlannedChange, settings: Settings) -> None:
    """A rule that the policy requires would be authorised again by the ingress rule of AWS Config."""
    current = rules.rule_of_entries(change.before)
    access = access_of(current.rule) if current else None
    group_id = change.resource.partition("/")[0]
    if current is None or access is None or current.rule.direction is not Direction.INGRESS:
        return
    if any(permitted_parts(access, settings.ingress.required, group_id)):
        raise NotRevertibleError(Obstacle.REQUIRED, change.resource)
