"""Which calls are reverted, and what one of them opened. Reads the alert only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gatewatch.events.changes.normalization import undated_name
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.iam import IamFacts, IamOperation
from gatewatch.model.resource import Impact, ResourceFacts
from gatewatch.remediation.revert.plan import NotRevertibleError, Obstacle, SettingKind

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert
    from gatewatch.model.api_call import ApiCall

_KINDS = {
    ("ec2", "AuthorizeSecurityGroupIngress"): SettingKind.RULE,
    ("ec2", "AuthorizeSecurityGroupEgress"): SettingKind.RULE,
    ("ec2", "ModifySecurityGroupRules"): SettingKind.RULE,
    ("ec2", "ModifySnapshotAttribute"): SettingKind.SNAPSHOT_SHARE,
    ("ec2", "ModifyImageAttribute"): SettingKind.IMAGE_SHARE,
    ("ec2", "DisableSnapshotBlockPublicAccess"): SettingKind.SNAPSHOT_BLOCK,
    ("ec2", "DisableImageBlockPublicAccess"): SettingKind.IMAGE_BLOCK,
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
# What a call attached groups to. Most of these calls change other settings as well.
_GROUP_KINDS = {
    ("ec2", "ModifyNetworkInterfaceAttribute"): SettingKind.INTERFACE_GROUPS,
    ("ec2", "ModifyInstanceAttribute"): SettingKind.INTERFACE_GROUPS,
    ("ec2", "ModifyVpcEndpoint"): SettingKind.ENDPOINT_GROUPS,
    ("elasticloadbalancing", "SetSecurityGroups"): SettingKind.LOAD_BALANCER_GROUPS,
    ("elasticloadbalancing", "ApplySecurityGroupsToLoadBalancer"): SettingKind.CLASSIC_LOAD_BALANCER_GROUPS,
    ("rds", "ModifyDBInstance"): SettingKind.DATABASE_GROUPS,
    ("rds", "ModifyDBCluster"): SettingKind.DATABASE_CLUSTER_GROUPS,
}
_FAMILIES = frozenset({Family.SECURITY_GROUP, Family.PUBLIC_ACCESS, Family.ATTACHMENT, Family.IAM})
_OPENING = frozenset({Impact.SHARED, Impact.NETWORK_PATH, Impact.GUARD_REMOVED, Impact.GROUP_SET, Impact.GROUP_REMOVED})
_KEY_OPENING = frozenset({IamOperation.KEY_CREATED, IamOperation.KEY_ACTIVATED})
_OWN = frozenset({"own_enforcement", "own_undo"})
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)


def kind_of(call: ApiCall, change: Change) -> SettingKind | None:
    """Return the kind of setting that a change is about; None for one that is not reverted."""
    key = call.event_source.partition(".")[0], undated_name(call.event_name)
    return (_GROUP_KINDS if change.family is Family.ATTACHMENT else _KINDS).get(key)


def opened_changes(alert: Alert) -> dict[SettingKind, tuple[Change, ...]]:
    """Return what a call opened, in the order in which it is closed.

    Raises `NotRevertibleError` when it is not certain, or nothing. The groups that a resource was created with are not
    among it.
    """
    call, changes = alert.call, [each.change for each in alert.changes if each.change.family in _FAMILIES]
    if not any(kind_of(call, each) for each in changes):
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
    opened = tuple(each for each in changes if _opens(each) and not _is_new(call, each))
    if not opened or all(each.action is Action.DETACH for each in opened):
        raise NotRevertibleError(Obstacle.OPENS_NOTHING)
    kinds = {kind_of(call, each) for each in opened}
    if None in kinds:  # part of the call would stay
        raise NotRevertibleError(Obstacle.NO_KIND, call.event_name)
    return {
        kind: tuple(each for each in opened if kind_of(call, each) is kind) for kind in SettingKind if kind in kinds
    }


def _opens(change: Change) -> bool:
    if isinstance(change.facts, ResourceFacts):
        return change.facts.effect in _OPENING
    if isinstance(change.facts, IamFacts):
        return change.facts.operation in _KEY_OPENING
    if change.family is Family.ATTACHMENT:
        return change.action is Action.ATTACH
    return change.family is Family.SECURITY_GROUP and change.action in {Action.AUTHORIZE, Action.MODIFY}


def _is_new(call: ApiCall, change: Change) -> bool:
    """Whether groups belong to a resource that the call created, so that there are no earlier ones."""
    return change.family is Family.ATTACHMENT and call.event_name.startswith("Create")


def can_be_reverted(alert: Alert) -> bool:
    """Whether a plan can be made, as far as the alert itself shows."""
    try:
        opened_changes(alert)
    except NotRevertibleError:
        return False
    return True
