"""From the notification of a call to the plan that takes the call back. Reads the member account and changes nothing.

In doubt there is no plan, and `NotRevertibleError` says why. What is changed comes from the stored event of AWS, in the
form that AWS gives to such names, and from what the account has now.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws.error_codes import error_code
from gatewatch.model.security_group import Direction
from gatewatch.remediation.ingress.access import access_of, permitted_parts
from gatewatch.remediation.revert import access_keys, attachments, policies, rules, s3, shares, switches
from gatewatch.remediation.revert.openings import opened_changes
from gatewatch.remediation.revert.plan import NotRevertibleError, Obstacle, PlannedChange, RevertPlan, SettingKind
from gatewatch.remediation.revert.settings import Setting, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gatewatch.alerts.attached_groups import AttachedGroupStore
    from gatewatch.aws.clients import Aws
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert
    from gatewatch.model.change import Change
    from gatewatch.model.notification import AlertNotification
    from gatewatch.remediation.revert.plan import Entries

SETTINGS: Mapping[SettingKind, Setting] = {
    **rules.SETTINGS,
    **policies.SETTINGS,
    **s3.SETTINGS,
    **shares.SETTINGS,
    **switches.SETTINGS,
    **attachments.SETTINGS,
    **access_keys.SETTINGS,
}

# The settings of a whole account or Region have no name of their own.
_OF_ACCOUNT = frozenset({SettingKind.ACCOUNT_BLOCK, SettingKind.SNAPSHOT_BLOCK, SettingKind.IMAGE_BLOCK})
_DATABASES = frozenset({SettingKind.DATABASE_ACCESS, SettingKind.DATABASE_GROUPS, SettingKind.DATABASE_CLUSTER_GROUPS})
_REGION = re.compile(r"[a-z]{2,6}(?:-[a-z]+){1,3}-\d{1,2}", re.ASCII)


def plan_revert(
    notification: AlertNotification, aws: Aws, settings: Settings, groups: AttachedGroupStore
) -> RevertPlan:
    """Return the plan of a call, from clients of its account and Region.

    Raises `NotRevertibleError` and `HubTableError`.
    """
    alert = notification.alert
    openings = opened_changes(alert)
    try:
        planned = [each for kind, opened in openings.items() for each in _changes(kind, opened, alert, aws, groups)]
    except (ClientError, BotoCoreError) as error:
        raise NotRevertibleError(Obstacle.NOT_READABLE, error_code(error)) from error
    changes = [each for each in planned if each.before != each.after]
    if not changes:
        raise NotRevertibleError(Obstacle.ALREADY_CLOSED)
    for each in changes:
        _refuse_required(each, settings)
    return RevertPlan(
        event_id=alert.call.event_id, account_id=alert.account.id, region=alert.call.region, changes=tuple(changes)
    )


def _changes(
    kind: SettingKind, opened: Iterable[Change], alert: Alert, aws: Aws, groups: AttachedGroupStore
) -> Iterable[PlannedChange]:
    by_resource: dict[str, list[Change]] = {}
    for change in opened:
        by_resource.setdefault(_resource(kind, change, alert, aws), []).append(change)
    setting = SETTINGS[kind]
    for resource, changes in sorted(by_resource.items()):
        target = Target(alert.account.id, alert.call.region, resource)
        if not setting.names(target) or not _REGION.fullmatch(target.region):
            raise NotRevertibleError(Obstacle.INVALID_NAME, resource)
        before = setting.read(aws, target)
        if kind in attachments.ATTACHABLE:
            earlier = _groups_before(alert, kind, resource, groups)
            after = attachments.earlier_groups(before, changes, earlier, resource)
        else:
            after = setting.close(before, changes, target)
        yield PlannedChange(kind, resource, before, after)


def _groups_before(alert: Alert, kind: SettingKind, resource: str, groups: AttachedGroupStore) -> Entries:
    if alert.call.time is None:
        return ()
    attachable, time = attachments.ATTACHABLE[kind], alert.call.time.timestamp()
    return groups.before(alert.account.id, alert.call.region, attachable, resource, time)


def _resource(kind: SettingKind, change: Change, alert: Alert, aws: Aws) -> str:
    if kind is SettingKind.RULE:
        return f"{change.group.id}/{change.rule.rule_id}"
    if kind is SettingKind.ACCESS_KEY:
        return access_keys.key_resource(aws, change, alert.call.time)
    if kind is SettingKind.INTERFACE_GROUPS:
        return attachments.interface_of(aws, change.resource_id or "")
    if kind in _DATABASES:
        return attachments.database_name(change.resource_id or "")
    return alert.account.id if kind in _OF_ACCOUNT else change.resource_id or ""


def _refuse_required(change: PlannedChange, settings: Settings) -> None:
    """A rule that the policy requires would be authorised again by the ingress rule of AWS Config."""
    current = rules.rule_of_entries(change.before) if change.kind is SettingKind.RULE else None
    access = access_of(current.rule) if current else None
    group_id = change.resource.partition("/")[0]
    if current is None or access is None or current.rule.direction is not Direction.INGRESS:
        return
    if any(permitted_parts(access, settings.ingress.required, group_id)):
        raise NotRevertibleError(Obstacle.REQUIRED, change.resource)
