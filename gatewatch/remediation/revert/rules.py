"""Security group rules, inbound and outbound: revoke one that was authorised, modify one back to its earlier form.

The entry of a rule is the rule with its tags as JSON; a rule that does not exist has none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.model.change import Action
from gatewatch.model.network import exposure_of_cidr
from gatewatch.model.security_group import CidrPeer, Direction, GroupPeer
from gatewatch.model.typed_decoding import decode_json
from gatewatch.remediation.ingress.access import access_of, is_covered
from gatewatch.remediation.ingress.ec2 import ip_permission, read_current_rule, rule_request
from gatewatch.remediation.ingress.plan import CurrentRule
from gatewatch.remediation.ingress.rule_calls import DUPLICATE, NOT_FOUND
from gatewatch.remediation.revert.plan import Entries, NotRevertibleError, Obstacle, PlannedChange, SettingKind
from gatewatch.remediation.revert.settings import Setting, Target, ignoring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.aws.clients import Aws
    from gatewatch.model.change import Change
    from gatewatch.model.security_group import SecurityGroupRule

_RULE = re.compile(r"sg-[0-9a-f]{8,17}/sgr-[0-9a-f]{8,17}", re.ASCII)


def rule_of_entries(entries: Entries) -> CurrentRule | None:
    return decode_json(entries[0], CurrentRule) if entries else None


def _entries(rule: CurrentRule) -> Entries:
    return (msgspec.json.encode(rule).decode(),)


def _read(aws: Aws, target: Target) -> Entries:
    """By the id of the group, so that the rule is one of this group."""
    group_id, _, rule_id = target.resource.partition("/")
    pages = aws.ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [group_id]}], PaginationConfig={"PageSize": 1000}
    )
    found = (each for page in pages for each in page["SecurityGroupRules"] if each["SecurityGroupRuleId"] == rule_id)
    return next((_entries(read_current_rule(each, target.account_id)) for each in found), ())


def _close(entries: Entries, opened: Sequence[Change], target: Target) -> Entries:
    """Raises `NotRevertibleError` when the rule is not what the call made of it."""
    current, change = rule_of_entries(entries), opened[-1]
    if current is None:
        return ()
    access = access_of(current.rule)
    if (
        access is None
        or access_of(change.rule) != access
        or change.rule.direction not in {None, current.rule.direction}
    ):
        raise NotRevertibleError(Obstacle.CHANGED, target.resource)
    if change.action is Action.AUTHORIZE:
        return ()
    return _entries(msgspec.structs.replace(current, rule=_earlier_rule(current.rule, change.previous, target)))


def _earlier_rule(rule: SecurityGroupRule, previous: SecurityGroupRule | None, target: Target) -> SecurityGroupRule:
    """Return the rule before its modification, which must not let in more of the internet than it does now."""
    earlier, now = access_of(previous) if previous else None, access_of(rule)
    if previous is None or earlier is None or now is None:
        raise NotRevertibleError(Obstacle.EARLIER_UNKNOWN, target.resource)
    if is_covered(now, [earlier]):
        raise NotRevertibleError(Obstacle.OPENS_NOTHING, target.resource)
    if _is_broad(previous) and not is_covered(earlier, [now]):
        raise NotRevertibleError(Obstacle.EARLIER_OPEN, target.resource)
    return msgspec.structs.replace(
        rule, traffic=earlier.traffic, peer=earlier.peer, description=previous.description or rule.description
    )


def _is_broad(rule: SecurityGroupRule) -> bool:
    """A peer whose contents are not known, a prefix list, counts as broad."""
    if isinstance(rule.peer, CidrPeer):
        exposure = exposure_of_cidr(rule.peer.cidr)
        return exposure.is_wide or exposure.is_world
    return not isinstance(rule.peer, GroupPeer)


def _write(aws: Aws, target: Target, change: PlannedChange) -> None:
    group_id, _, rule_id = target.resource.partition("/")
    before, after = rule_of_entries(change.before), rule_of_entries(change.after)
    if after is None and before is not None:
        _revoke(aws, group_id, rule_id, before.rule.direction)
    elif after is not None and before is None:
        _authorize(aws, group_id, after)
    elif after is not None:
        update: Any = {"SecurityGroupRuleId": rule_id, "SecurityGroupRule": rule_request(after.rule)}
        aws.ec2.modify_security_group_rules(GroupId=group_id, SecurityGroupRules=[update])


def _revoke(aws: Aws, group_id: str, rule_id: str, direction: Direction | None) -> None:
    is_egress = direction is Direction.EGRESS
    revoke: Any = aws.ec2.revoke_security_group_egress if is_egress else aws.ec2.revoke_security_group_ingress
    ignoring(NOT_FOUND, lambda: revoke(GroupId=group_id, SecurityGroupRuleIds=[rule_id]))


def _authorize(aws: Aws, group_id: str, rule: CurrentRule) -> None:
    """The new rule has a new id. Tags of AWS itself cannot be set."""
    is_egress = rule.rule.direction is Direction.EGRESS
    authorize: Any = aws.ec2.authorize_security_group_egress if is_egress else aws.ec2.authorize_security_group_ingress
    tags = [{"Key": key, "Value": value} for key, value in rule.tags if not key.startswith("aws:")]
    specification: Any = {"TagSpecifications": [{"ResourceType": "security-group-rule", "Tags": tags}]} if tags else {}
    ignoring(DUPLICATE, lambda: authorize(GroupId=group_id, IpPermissions=[ip_permission(rule.rule)], **specification))


SETTINGS = {
    # Its changes are recognised by the rule, not by the name of the call.
    SettingKind.RULE: Setting(form=_RULE, read=_read, close=_close, write=_write, calls=())
}
