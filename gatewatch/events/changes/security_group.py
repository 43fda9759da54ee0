"""Security groups: every rule × every peer of every call that touches one.

For applied calls the rule set of the answer is the truth (ids, canonical CIDRs, one peer per rule);
otherwise the request is, in its nested form, its flat form, or by rule id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import Kind, ReadCall
from gatewatch.events.changes.ip_permissions import ReadTraffic, read_single_peer, read_traffic
from gatewatch.events.changes.normalization import Fields, first, listed, text
from gatewatch.events.changes.rules_in_call import rule_by_id, rules_answered, rules_asked, rules_of_permission
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.security_group import UNKNOWN_TRAFFIC, Direction, Group, SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _authorize(call: ReadCall) -> Iterable[Change]:
    answered = rules_answered(call, "securitygroupruleset")
    if answered and all(change.understood for change in answered):
        return answered
    asked = rules_asked(call)
    return _readable(asked, answered) or [call.not_understood()]


def _readable(asked: list[Change], answered: list[Change]) -> list[Change]:
    """An answer that cannot be read does not hide a request that can."""
    return asked if not answered or (asked and all(change.understood for change in asked)) else answered


def _revoke(call: ReadCall) -> Iterable[Change]:
    """AWS says yes to a revoke that matched nothing (default VPC) and lists it in `unknownIpPermissionSet`."""
    unknown = [
        change
        for item in listed(call.answered.get("unknownippermissionset"))
        for change in rules_of_permission(call, item, Outcome.NO_OP)
    ]
    revoked = rules_answered(call, "revokedsecuritygroupruleset")
    if revoked:
        return [*revoked, *unknown]
    asked = rules_asked(call) or [call.not_understood()]
    nothing_revoked = "revokedsecuritygroupruleset" in call.answered
    return _without(unknown, asked, nothing_revoked=nothing_revoked)


def _without(unknown: list[Change], asked: list[Change], *, nothing_revoked: bool) -> list[Change]:
    """The rules that were asked for, those that did not exist told apart."""
    if nothing_revoked:
        return unknown or [_no_op(change) for change in asked]
    missing = {(change.rule.traffic, change.rule.peer): change for change in unknown}
    merged = [missing.pop((change.rule.traffic, change.rule.peer), change) for change in asked]
    return [*merged, *missing.values()]


def _no_op(change: Change) -> Change:
    return Change(
        family=change.family,
        action=change.action,
        outcome=Outcome.NO_OP,
        group=change.group,
        rule=change.rule,
    )


def _modify(call: ReadCall) -> Iterable[Change]:
    updates = listed(first(call.asked, "securitygrouprule", "securitygrouprules", "securitygroupruleset"))
    return [_modified(call, update) for update in updates] or [call.not_understood()]


def _modified(call: ReadCall, update: Any) -> Change:
    """The new form of a rule. It may name only a part; the direction is never in the event."""
    update = update if isinstance(update, dict) else {}
    rule_id = text(update.get("securitygroupruleid"))
    new = update.get("securitygrouprule")
    if not isinstance(new, dict):
        return call.change(SecurityGroupRule(rule_id=rule_id), understood=False)
    read = read_single_peer(new, call.call.account_id)
    traffic = read_traffic(new) if "ipprotocol" in new else ReadTraffic(UNKNOWN_TRAFFIC, understood=True)
    rule = SecurityGroupRule(
        rule_id=rule_id,
        traffic=traffic.traffic,
        peer=read.peer if read else None,
        description=text(new.get("description")),
    )
    if _is_description_only(new):
        return call.change(rule, action=Action.DESCRIBE)
    readable = traffic.understood and (read is None or read.peer is not None)
    return call.change(rule, understood=readable and _says_something(new))


_NOT_ACCESS = frozenset({"description", "tag"})
_ACCESS = frozenset(
    {
        "ipprotocol",
        "cidripv4",
        "cidripv6",
        "cidrip",
        "prefixlistid",
        "referencedgroupid",
        "referencedgroupinfo",
    }
)


def _is_description_only(new: Fields) -> bool:
    return "description" in new and _NOT_ACCESS.issuperset(new)


def _says_something(new: Fields) -> bool:
    return not _ACCESS.isdisjoint(new)


def _describe(call: ReadCall) -> Iterable[Change]:
    """Descriptions by `ip_permission` or by rule id: text only, no access changes."""
    by_id = listed(first(call.asked, "securitygroupruledescription", "securitygroupruledescriptions"))
    changes = [_described(call, entry) for entry in by_id]
    return [*rules_asked(call), *changes] or [call.not_understood()]


def _described(call: ReadCall, entry: Any) -> Change:
    change = rule_by_id(call, entry)
    description = text(entry.get("description")) if isinstance(entry, dict) else None
    rule = SecurityGroupRule(rule_id=change.rule.rule_id, direction=call.kind.direction, description=description)
    return call.change(rule, understood=change.understood)


def _group_itself(call: ReadCall) -> Iterable[Change]:
    """Create, delete, associate, disassociate: one change about a group, which must be named somehow."""
    group = call.group()
    named = group.id is not None or group.name is not None
    return [call.change() if named else call.not_understood()]


def _default_vpc(call: ReadCall) -> Iterable[Change]:
    """A default VPC brings a default security group that no other event tells of."""
    vpc = call.answered.get("vpc")
    vpc_id = text(vpc.get("vpcid")) if isinstance(vpc, dict) else None
    group = call.group()
    return [call.change(group=Group(id=group.id, name=group.name, vpc_id=vpc_id or group.vpc_id))]


def _kind(action: Action, read: Callable[[ReadCall], Iterable[Change]], direction: Direction | None = None) -> Kind:
    return Kind(Family.SECURITY_GROUP, action, read, direction)


_IN, _OUT = Direction.INGRESS, Direction.EGRESS
KINDS = {
    ("ec2", "AuthorizeSecurityGroupIngress"): _kind(Action.AUTHORIZE, _authorize, _IN),
    ("ec2", "AuthorizeSecurityGroupEgress"): _kind(Action.AUTHORIZE, _authorize, _OUT),
    ("ec2", "RevokeSecurityGroupIngress"): _kind(Action.REVOKE, _revoke, _IN),
    ("ec2", "RevokeSecurityGroupEgress"): _kind(Action.REVOKE, _revoke, _OUT),
    ("ec2", "ModifySecurityGroupRules"): _kind(Action.MODIFY, _modify),
    ("ec2", "UpdateSecurityGroupRuleDescriptionsIngress"): _kind(Action.DESCRIBE, _describe, _IN),
    ("ec2", "UpdateSecurityGroupRuleDescriptionsEgress"): _kind(Action.DESCRIBE, _describe, _OUT),
    ("ec2", "CreateSecurityGroup"): _kind(Action.CREATE, _group_itself),
    ("ec2", "DeleteSecurityGroup"): _kind(Action.DELETE, _group_itself),
    ("ec2", "AssociateSecurityGroupVpc"): _kind(Action.ASSOCIATE, _group_itself),
    ("ec2", "DisassociateSecurityGroupVpc"): _kind(Action.DISASSOCIATE, _group_itself),
    ("ec2", "CreateDefaultVpc"): _kind(Action.CREATE, _default_vpc),
}
