"""Performs the calls of the scenario in the EC2 of the member accounts, so that their state agrees with the events.

Calls that change no rule and no prefix list are only published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from types_boto3_ec2 import EC2Client

_API_NAMES = {"groups": "UserIdGroupPairs"}


def perform_in_ec2(ec2: EC2Client, record: Mapping[str, Any]) -> dict[str, str]:
    """Perform a call with the ids of the embedded AWS; return the ids that its new rules got, by those of the record.

    A call that failed, or matched nothing, changes nothing.
    """
    call = _CALLS.get(record["eventName"])
    response = record.get("responseElements") or {}
    if call is None or record.get("errorCode") or "unknownIpPermissionSet" in response:
        return {}
    return call(ec2, record)


def _authorize(ec2: EC2Client, record: Mapping[str, Any]) -> dict[str, str]:
    request = record["requestParameters"]
    group_id = request["groupId"]
    ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=_api_value(request["ipPermissions"]))
    of_group: Any = [{"Name": "group-id", "Values": [group_id]}]
    found = ec2.describe_security_group_rules(Filters=of_group)["SecurityGroupRules"]
    new = {_shape(dict(each)): each["SecurityGroupRuleId"] for each in found if not each["IsEgress"]}
    recorded = record["responseElements"]["securityGroupRuleSet"]["items"]
    return {each["securityGroupRuleId"]: new[_shape(_api_value(each))] for each in recorded}


def _shape(rule: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells the rules of a group apart."""
    source = rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule["ReferencedGroupInfo"]["GroupId"]
    return rule["IpProtocol"], rule["FromPort"], rule["ToPort"], source


def _revoke(ec2: EC2Client, record: Mapping[str, Any]) -> dict[str, str]:
    request = record["requestParameters"]
    rules = [each["securityGroupRuleId"] for each in request["securityGroupRuleIds"]["items"]]
    ec2.revoke_security_group_ingress(GroupId=request["groupId"], SecurityGroupRuleIds=rules)
    return {}


def _modify(ec2: EC2Client, record: Mapping[str, Any]) -> dict[str, str]:
    request = record["requestParameters"]["ModifySecurityGroupRulesRequest"]
    update: Any = _without_tag(request["SecurityGroupRule"])
    ec2.modify_security_group_rules(GroupId=request["GroupId"], SecurityGroupRules=[update])
    return {}


def _describe(ec2: EC2Client, record: Mapping[str, Any]) -> dict[str, str]:
    request = record["requestParameters"]["UpdateSecurityGroupRuleDescriptionsIngressRequest"]
    permission: Any = _without_tag(request["IpPermissions"])
    permission["IpRanges"] = [_without_tag(permission["IpRanges"])]
    ec2.update_security_group_rule_descriptions_ingress(GroupId=request["GroupId"], IpPermissions=[permission])
    return {}


def _modify_prefix_list(ec2: EC2Client, record: Mapping[str, Any]) -> dict[str, str]:
    request = record["requestParameters"]["ModifyManagedPrefixListRequest"]
    list_id, added = request["PrefixListId"], request["AddEntry"]
    (found,) = ec2.describe_managed_prefix_lists(PrefixListIds=[list_id])["PrefixLists"]
    ec2.modify_managed_prefix_list(
        PrefixListId=list_id,
        CurrentVersion=found["Version"],
        AddEntries=[{"Cidr": added["Cidr"], "Description": added["Description"]}],
        RemoveEntries=[{"Cidr": request["RemoveEntry"]["Cidr"]}],
    )
    return {}


def _delete(ec2: EC2Client, record: Mapping[str, Any]) -> dict[str, str]:
    ec2.delete_security_group(GroupId=record["requestParameters"]["groupId"])
    return {}


_CALLS: dict[str, Callable[[EC2Client, Mapping[str, Any]], dict[str, str]]] = {
    "AuthorizeSecurityGroupIngress": _authorize,
    "RevokeSecurityGroupIngress": _revoke,
    "ModifySecurityGroupRules": _modify,
    "UpdateSecurityGroupRuleDescriptionsIngress": _describe,
    "ModifyManagedPrefixList": _modify_prefix_list,
    "DeleteSecurityGroup": _delete,
}


def _without_tag(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """A list of a record with one element, whose position is its `tag`."""
    return {name: value for name, value in recorded.items() if name != "tag"}


def _api_value(recorded: Any) -> Any:
    """A value of a record as the API takes it: `{"items": […]}` and `{}` are lists, names begin with a capital."""
    if not isinstance(recorded, dict):
        return recorded
    if not recorded or "items" in recorded:
        return [_api_value(each) for each in recorded.get("items", ())]
    return {_API_NAMES.get(name, name[0].upper() + name[1:]): _api_value(value) for name, value in recorded.items()}
