"""Security groups: one change per rule and peer of a call.

Applied calls are read from the rule set of the response (ids, canonical CIDRs, one peer per rule), others from the
request in its nested form, its flat form, or by rule id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.ip_permissions import ReadTraffic, read_single_peer, read_traffic
from gatewatch.events.changes.normalization import Fields, as_list, as_text, first_present
from gatewatch.events.changes.rules_in_call import rule_by_id, rules_in_request, rules_in_response, rules_of_permission
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.security_group import UNKNOWN_TRAFFIC, Direction, Group, SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _authorize(call: ParsedCall) -> Iterable[Change]:
    from_response = rules_in_response(call, "securitygroupruleset")
    if from_response and all(change.understood for change in from_response):
        return from_response
    return _readable(rules_in_request(call), from_response) or [call.not_understood()]


def _readable(from_request: list[Change], from_response: list[Change]) -> list[Change]:
    """The request replaces an unreadable response when it is readable itself."""
    is_readable = bool(from_request) and all(change.understood for change in from_request)
    return from_request if is_readable or not from_response else from_response


def _revoke(call: ParsedCall) -> Iterable[Change]:
    """EC2 accepts a revoke that matches no rule (default VPC) and lists it in `unknownIpPermissionSet`."""
    unknown = [
        change
        for item in as_list(call.response_elements.get("unknownippermissionset"))
        for change in rules_of_permission(call, item, Outcome.NO_OP)
    ]
    revoked = rules_in_response(call, "revokedsecuritygroupruleset")
    if revoked:
        return [*revoked, *unknown]
    requested = rules_in_request(call) or [call.not_understood()]
    nothing_revoked = "revokedsecuritygroupruleset" in call.response_elements
    return _with_unknown(unknown, requested, nothing_revoked=nothing_revoked)


def _with_unknown(unknown: list[Change], requested: list[Change], *, nothing_revoked: bool) -> list[Change]:
    """The requested rules, with those that did not exist marked as no-op."""
    if nothing_revoked:
        return unknown or [_no_op(change) for change in requested]
    missing = {(change.rule.traffic, change.rule.peer): change for change in unknown}
    merged = [missing.pop((change.rule.traffic, change.rule.peer), change) for change in requested]
    return [*merged, *missing.values()]


def _no_op(change: Change) -> Change:
    return Change(
        family=change.family,
        action=change.action,
        outcome=Outcome.NO_OP,
        group=change.group,
        rule=change.rule,
    )


def _modify(call: ParsedCall) -> Iterable[Change]:
    updates = as_list(
        first_present(call.request_parameters, "securitygrouprule", "securitygrouprules", "securitygroupruleset")
    )
    return [_modified(call, update) for update in updates] or [call.not_understood()]


def _modified(call: ParsedCall, update: Any) -> Change:
    """The new form of a rule, possibly partial. The direction is never in the event."""
    update = update if isinstance(update, dict) else {}
    rule_id = as_text(update.get("securitygroupruleid"))
    new = update.get("securitygrouprule")
    if not isinstance(new, dict):
        return call.change(SecurityGroupRule(rule_id=rule_id), understood=False)
    read = read_single_peer(new, call.call.account_id)
    traffic = read_traffic(new) if "ipprotocol" in new else ReadTraffic(UNKNOWN_TRAFFIC, understood=True)
    rule = SecurityGroupRule(
        rule_id=rule_id,
        traffic=traffic.traffic,
        peer=read.peer if read else None,
        description=as_text(new.get("description")),
    )
    if _is_description_only(new):
        return call.change(rule, action=Action.DESCRIBE)
    readable = traffic.understood and (read is None or read.peer is not None)
    return call.change(rule, understood=readable and _changes_access(new))


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


def _changes_access(new: Fields) -> bool:
    return not _ACCESS.isdisjoint(new)


def _describe(call: ParsedCall) -> Iterable[Change]:
    """Descriptions by `ip_permission` or by rule id: text only, no access changes."""
    by_id = as_list(
        first_present(call.request_parameters, "securitygroupruledescription", "securitygroupruledescriptions")
    )
    changes = [_described(call, entry) for entry in by_id]
    return [*rules_in_request(call), *changes] or [call.not_understood()]


def _described(call: ParsedCall, entry: Any) -> Change:
    change = rule_by_id(call, entry)
    description = as_text(entry.get("description")) if isinstance(entry, dict) else None
    rule = SecurityGroupRule(rule_id=change.rule.rule_id, direction=call.spec.direction, description=description)
    return call.change(rule, understood=change.understood)


def _group_itself(call: ParsedCall) -> Iterable[Change]:
    """Create, delete, associate, disassociate: one change about a group named by id or name."""
    group = call.group()
    named = group.id is not None or group.name is not None
    return [call.change() if named else call.not_understood()]


def _default_vpc(call: ParsedCall) -> Iterable[Change]:
    """A default VPC has a default security group that no other event reports."""
    vpc = call.response_elements.get("vpc")
    vpc_id = as_text(vpc.get("vpcid")) if isinstance(vpc, dict) else None
    group = call.group()
    return [call.change(group=Group(id=group.id, name=group.name, vpc_id=vpc_id or group.vpc_id))]


def _spec(
    action: Action, read: Callable[[ParsedCall], Iterable[Change]], direction: Direction | None = None
) -> CallSpec:
    return CallSpec(Family.SECURITY_GROUP, action, read, direction)


_IN, _OUT = Direction.INGRESS, Direction.EGRESS
CALL_SPECS = {
    ("ec2", "AuthorizeSecurityGroupIngress"): _spec(Action.AUTHORIZE, _authorize, _IN),
    ("ec2", "AuthorizeSecurityGroupEgress"): _spec(Action.AUTHORIZE, _authorize, _OUT),
    ("ec2", "RevokeSecurityGroupIngress"): _spec(Action.REVOKE, _revoke, _IN),
    ("ec2", "RevokeSecurityGroupEgress"): _spec(Action.REVOKE, _revoke, _OUT),
    ("ec2", "ModifySecurityGroupRules"): _spec(Action.MODIFY, _modify),
    ("ec2", "UpdateSecurityGroupRuleDescriptionsIngress"): _spec(Action.DESCRIBE, _describe, _IN),
    ("ec2", "UpdateSecurityGroupRuleDescriptionsEgress"): _spec(Action.DESCRIBE, _describe, _OUT),
    ("ec2", "CreateSecurityGroup"): _spec(Action.CREATE, _group_itself),
    ("ec2", "DeleteSecurityGroup"): _spec(Action.DELETE, _group_itself),
    ("ec2", "AssociateSecurityGroupVpc"): _spec(Action.ASSOCIATE, _group_itself),
    ("ec2", "DisassociateSecurityGroupVpc"): _spec(Action.DISASSOCIATE, _group_itself),
    ("ec2", "CreateDefaultVpc"): _spec(Action.CREATE, _default_vpc),
}
