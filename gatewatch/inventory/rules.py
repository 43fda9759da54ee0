"""Reads the inbound rules of a Region that are open to the internet, and whether they can be reached."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from gatewatch.alerts.reachability.check import UNKNOWN_INTERFACES, check_reachability
from gatewatch.alerts.reachability.queries import managed_resources, read_interface_address, read_network
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

    from gatewatch.alerts.reachability.network import Interface, Network
    from gatewatch.config.severity import SeverityRules
    from gatewatch.model.reachability import Reachability
    from gatewatch.model.severity import Assessment

MIN_SEVERITY = Severity.MEDIUM  # as in digests: web ports are usually public on purpose
_MAX_FILTER_VALUES = 200
_RULE_PAGE = 1000  # without a page size EC2 returns all rules of a Region in one response (API reference)
_LIST_PAGE = 100


class GroupRules(Struct, frozen=True):
    """The rules of a group. `owner_id`: the account that shares the group, empty for the account's own group."""

    owner_id: str
    rules: list[SecurityGroupRule]


def read_rules(ec2: EC2Client, account_id: str) -> dict[str, GroupRules]:
    """Return all rules of a Region by group id. Raises botocore's errors."""
    by_group: dict[str, GroupRules] = {}
    for fields in _listed(ec2.get_paginator("describe_security_group_rules"), "SecurityGroupRules", _RULE_PAGE):
        owner = str(fields.get("GroupOwnerId") or account_id)
        of_group = GroupRules(owner if owner != account_id else "", [])
        by_group.setdefault(str(fields.get("GroupId")), of_group).rules.append(read_described_rule(fields, account_id))
    return by_group


def _listed(paginator: Any, key: str, page_size: int, **request: Any) -> Iterator[Any]:
    for page in paginator.paginate(PaginationConfig={"PageSize": page_size}, **request):
        yield from page.get(key) or ()


def open_group_rules(by_group: Mapping[str, GroupRules], policy: SeverityRules) -> list[OpenItem]:
    """Return the inbound rules that are open to the whole internet and at least medium."""
    return [
        OpenItem(
            kind=ResourceKind.RULES,
            severity=assessment.severity,
            services=assessment.services,
            group=change.group,
            owner_id=of_group.owner_id,
            rule=replace(change.rule, description=None),
        )
        for group_id, of_group in by_group.items()
        for change, assessment in _assessed(group_id, of_group.rules, policy)
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
    own = _filters("owner-id", [account_id])
    for each in _listed(ec2.get_paginator("describe_managed_prefix_lists"), "PrefixLists", _LIST_PAGE, Filters=own):
        found += _open_entries(ec2, each["PrefixListId"], policy)
    return found


def _open_entries(ec2: EC2Client, list_id: str, policy: SeverityRules) -> list[OpenItem]:
    entries = _listed(ec2.get_paginator("get_managed_prefix_list_entries"), "Entries", _LIST_PAGE, PrefixListId=list_id)
    peers = [cidr_peer(each["Cidr"]) for each in entries]
    rules = [SecurityGroupRule(direction=Direction.INGRESS, peer=each) for each in peers if each]
    changes = [_change(Family.PREFIX_LIST, each, resource_id=list_id) for each in rules]
    world = world_by_traffic(changes)
    assessed = ((each, prefix_list_assessment(each, world, policy)) for each in changes)
    return [
        OpenItem(kind=ResourceKind.PREFIX_LISTS, severity=assessment.severity, resource_id=list_id, rule=change.rule)
        for change, assessment in assessed
        if _is_open(assessment)
    ]


def with_network(
    ec2: EC2Client, items: Sequence[OpenItem], shared: Mapping[str, Sequence[str]] | None
) -> list[OpenItem]:
    """Return the items with name and VPC of their groups, and with reachability. Raises botocore's errors.

    `shared`: the groups that the account shares, with whom; None when it is not known.
    """
    group_ids = _group_ids(items)
    groups = {
        each["GroupId"]: Group(id=each["GroupId"], name=each.get("GroupName"), vpc_id=each.get("VpcId"))
        for chunk in _chunks(group_ids)
        for each in _listed(
            ec2.get_paginator("describe_security_groups"),
            "SecurityGroups",
            _RULE_PAGE,
            Filters=_filters("group-id", chunk),
        )
    }
    networks = _networks(ec2, group_ids)
    return [
        replace(
            each,
            group=groups.get(each.group.id or "", each.group),
            shared_with=tuple((shared or {}).get(each.group.id or "", ())),
            reachability=_reachability(each, networks, shared),
        )
        for each in items
    ]


def without_network(items: Sequence[OpenItem]) -> list[OpenItem]:
    """Return the items with the answer that their interfaces are not known."""
    return [replace(each, reachability=UNKNOWN_INTERFACES) for each in items]


def _reachability(
    item: OpenItem, networks: Mapping[str, Network], shared: Mapping[str, object] | None
) -> Reachability | None:
    rule, network = item.rule, networks.get(item.group.id or "")
    if rule is None or rule.peer is None or network is None:
        return None
    return check_reachability(rule.peer, rule.traffic, replace(network, is_shared=_is_shared(item, shared)))


def _is_shared(item: OpenItem, shared: Mapping[str, object] | None) -> bool | None:
    """Return None when it is not known. Its owner, and others, use the group that another account shares."""
    if item.owner_id:
        return True
    return None if shared is None else item.group.id in shared


def _networks(ec2: EC2Client, group_ids: Sequence[str]) -> dict[str, Network]:
    """Return the network of the interfaces of each group, read for all groups together."""
    fields: dict[str, Any] = {}
    for chunk in _chunks(group_ids):
        request = {"Filters": _filters("group-id", chunk), **managed_resources(ec2, "DescribeNetworkInterfaces")}
        for each in _listed(
            ec2.get_paginator("describe_network_interfaces"), "NetworkInterfaces", _RULE_PAGE, **request
        ):
            fields[each["NetworkInterfaceId"]] = each
    interfaces = {each: read_interface_address(found) for each, found in fields.items()}
    everything = read_network(ec2, list(interfaces.values()))
    by_group: dict[str, list[Interface]] = defaultdict(list)
    for each, found in fields.items():
        for group_id in _groups(found):
            by_group[group_id].append(interfaces[each])
    return {each: replace(everything, interfaces=tuple(by_group[each])) for each in group_ids}


def _groups(interface: Mapping[str, Any]) -> set[str]:
    return {str(each.get("GroupId")) for each in interface.get("Groups") or ()}


def _group_ids(items: Iterable[OpenItem]) -> list[str]:
    return sorted({each.group.id for each in items if each.group.id})


def _filters(name: str, values: Sequence[str]) -> Any:
    return [{"Name": name, "Values": list(values)}]


def _chunks(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[start : start + _MAX_FILTER_VALUES] for start in range(0, len(values), _MAX_FILTER_VALUES)]
