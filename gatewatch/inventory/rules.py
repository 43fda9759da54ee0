"""Reads the inbound rules of a Region that are open to the internet, and whether they can be reached."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gatewatch.alerts.reachability.check import check_reachability
from gatewatch.alerts.reachability.queries import read_interface_address, read_network
from gatewatch.alerts.severity.security_group import prefix_list_assessment, rule_assessment, world_by_traffic
from gatewatch.events.changes.ip_permissions import read_described_rule
from gatewatch.inventory.model import OpenItem, ResourceKind
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.network import cidr_peer
from gatewatch.model.security_group import Direction, Group, SecurityGroupRule
from gatewatch.model.severity import Exposure, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from types_boto3_ec2 import EC2Client

    from gatewatch.alerts.reachability.network import Network
    from gatewatch.config.severity import SeverityRules
    from gatewatch.model.severity import Assessment

MIN_SEVERITY = Severity.MEDIUM  # as in digests: web ports are usually public on purpose
_MAX_FILTER_VALUES = 200


def read_rules(ec2: EC2Client, account_id: str) -> dict[str, list[SecurityGroupRule]]:
    """Return all rules of a Region by group id. Raises botocore's errors."""
    by_group: dict[str, list[SecurityGroupRule]] = defaultdict(list)
    for page in ec2.get_paginator("describe_security_group_rules").paginate():
        for fields in page["SecurityGroupRules"]:
            by_group[str(fields.get("GroupId"))].append(read_described_rule(fields, account_id))
    return by_group


def open_group_rules(by_group: Mapping[str, Sequence[SecurityGroupRule]], policy: SeverityRules) -> list[OpenItem]:
    """Return the inbound rules that are open to the whole internet and at least medium."""
    return [
        OpenItem(
            kind=ResourceKind.RULES,
            severity=assessment.severity,
            services=assessment.services,
            group=change.group,
            rule=replace(change.rule, description=None),
        )
        for group_id, rules in by_group.items()
        for change, assessment in _assessed(group_id, rules, policy)
        if _is_open(assessment)
    ]


def _assessed(
    group_id: str, rules: Iterable[SecurityGroupRule], policy: SeverityRules
) -> Iterator[tuple[Change, Assessment]]:
    changes = [
        _change(Family.SECURITY_GROUP, each, group=Group(id=group_id))
        for each in rules
        if each.direction is Direction.INGRESS
    ]
    world = world_by_traffic(changes)
    return ((each, rule_assessment(each, world, policy)) for each in changes)


def _change(family: Family, rule: SecurityGroupRule, **fields: Any) -> Change:
    return Change(family=family, action=Action.AUTHORIZE, outcome=Outcome.APPLIED, rule=rule, **fields)


def _is_open(assessment: Assessment) -> bool:
    return assessment.exposure is Exposure.WORLD and assessment.severity.rank >= MIN_SEVERITY.rank


def open_prefix_lists(ec2: EC2Client, account_id: str, policy: SeverityRules) -> list[OpenItem]:
    """Return the entries of the account's own prefix lists that are the whole internet. Raises botocore's errors."""
    found = []
    own: Any = [{"Name": "owner-id", "Values": [account_id]}]
    for page in ec2.get_paginator("describe_managed_prefix_lists").paginate(Filters=own):
        for each in page["PrefixLists"]:
            found += _open_entries(ec2, each["PrefixListId"], policy)
    return found


def _open_entries(ec2: EC2Client, list_id: str, policy: SeverityRules) -> list[OpenItem]:
    pages = ec2.get_paginator("get_managed_prefix_list_entries").paginate(PrefixListId=list_id)
    peers = [cidr_peer(each["Cidr"]) for page in pages for each in page["Entries"]]
    rules = [SecurityGroupRule(direction=Direction.INGRESS, peer=each) for each in peers if each]
    changes = [_change(Family.PREFIX_LIST, each, resource_id=list_id) for each in rules]
    world = world_by_traffic(changes)
    assessed = ((each, prefix_list_assessment(each, world, policy)) for each in changes)
    return [
        OpenItem(kind=ResourceKind.PREFIX_LISTS, severity=assessment.severity, resource_id=list_id, rule=change.rule)
        for change, assessment in assessed
        if _is_open(assessment)
    ]


def with_groups(ec2: EC2Client, items: Sequence[OpenItem]) -> list[OpenItem]:
    """Return the items with the name and VPC of their groups. Raises botocore's errors."""
    groups = {
        each["GroupId"]: Group(id=each["GroupId"], name=each.get("GroupName"), vpc_id=each.get("VpcId"))
        for chunk in _chunks(_group_ids(items))
        for page in ec2.get_paginator("describe_security_groups").paginate(Filters=_filters("group-id", chunk))
        for each in page["SecurityGroups"]
    }
    return [replace(each, group=groups.get(each.group.id or "", each.group)) for each in items]


def with_reachability(ec2: EC2Client, items: Sequence[OpenItem]) -> list[OpenItem]:
    """Return the items with the answer of the path check. Raises botocore's errors."""
    networks = _networks(ec2, _group_ids(items))
    return [replace(each, reachability=_reachability(each, networks)) for each in items]


def _reachability(item: OpenItem, networks: Mapping[str, Network]) -> Any:
    rule, network = item.rule, networks.get(item.group.id or "")
    if rule is None or rule.peer is None or network is None:
        return None
    return check_reachability(rule.peer, rule.traffic, network)


def _networks(ec2: EC2Client, group_ids: Sequence[str]) -> dict[str, Network]:
    """Return the network of the interfaces of each group, read for all groups together."""
    fields: dict[str, Any] = {}
    for chunk in _chunks(group_ids):
        for page in ec2.get_paginator("describe_network_interfaces").paginate(Filters=_filters("group-id", chunk)):
            fields |= {each["NetworkInterfaceId"]: each for each in page["NetworkInterfaces"]}
    interfaces = {each: read_interface_address(found) for each, found in fields.items()}
    everything = read_network(ec2, list(interfaces.values()))
    return {
        group_id: replace(
            everything,
            interfaces=tuple(interfaces[each] for each, found in fields.items() if group_id in _groups(found)),
        )
        for group_id in group_ids
    }


def _groups(interface: Mapping[str, Any]) -> set[str]:
    return {str(each.get("GroupId")) for each in interface.get("Groups") or ()}


def _group_ids(items: Iterable[OpenItem]) -> list[str]:
    return sorted({each.group.id for each in items if each.group.id})


def _filters(name: str, values: Sequence[str]) -> Any:
    return [{"Name": name, "Values": list(values)}]


def _chunks(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[start : start + _MAX_FILTER_VALUES] for start in range(0, len(values), _MAX_FILTER_VALUES)]
