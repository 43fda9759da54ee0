"""One security group as EC2 treats it: a quota of rules, no duplicates, and rule types that cannot change."""

import itertools

from botocore.exceptions import ClientError

from gatewatch.remediation.ingress.ec2 import current_rules

GROUP, ACCOUNT = "sg-0123456789abcdef0", "123456789012"
_PEERS = {
    "IpRanges": ("CidrIp", "CidrIpv4"),
    "Ipv6Ranges": ("CidrIpv6", "CidrIpv6"),
    "PrefixListIds": ("PrefixListId", "PrefixListId"),
    "UserIdGroupPairs": ("GroupId", "ReferencedGroupId"),
}
_FIELDS = tuple(field for _, field in _PEERS.values())


class StrictGroup:
    """The calls of an EC2 client that change or describe the rules of one group.

    `refused` maps an operation to the error code that every call of it returns.
    """

    def __init__(self, quota=60):
        self.rules, self.quota, self.refused, self.calls = {}, quota, {}, []
        self._ids = itertools.count()

    def current(self):
        return current_rules(self, GROUP, ACCOUNT)

    def get_paginator(self, _name):
        return self

    def paginate(self, **_):
        return [{"SecurityGroupRules": [dict(each) for each in self.rules.values()]}]

    def authorize_security_group_ingress(self, GroupId, IpPermissions, TagSpecifications=()):  # noqa: ARG002, N803
        self._begin("authorize")
        (permission,) = IpPermissions
        ((key, (peer,)),) = ((key, value) for key, value in permission.items() if key in _PEERS)
        name, field = _PEERS[key]
        rule = {
            "IpProtocol": permission["IpProtocol"],
            "FromPort": permission.get("FromPort", -1),
            "ToPort": permission.get("ToPort", -1),
            field: {"GroupId": peer[name]} if key == "UserIdGroupPairs" else peer[name],
            "Description": peer.get("Description", ""),
            "Tags": [tag for each in TagSpecifications for tag in each["Tags"]],
        }
        if key == "UserIdGroupPairs":
            rule["ReferencedGroupInfo"] = rule.pop(field)
        self._refuse_duplicate(rule)
        if len(self.rules) >= self.quota:
            raise _error("RulesPerSecurityGroupLimitExceeded")
        rule_id = f"sgr-{next(self._ids):017x}"
        self.rules[rule_id] = {"SecurityGroupRuleId": rule_id, "GroupId": GROUP, "IsEgress": False, **rule}
        return {"SecurityGroupRules": [{"SecurityGroupRuleId": rule_id}]}

    def modify_security_group_rules(self, GroupId, SecurityGroupRules):  # noqa: ARG002, N803
        self._begin("modify")
        (change,) = SecurityGroupRules
        rule_id, new = change["SecurityGroupRuleId"], dict(change["SecurityGroupRule"])
        old = self._rule(rule_id)
        if "ReferencedGroupId" in new:
            new["ReferencedGroupInfo"] = {"GroupId": new.pop("ReferencedGroupId")}
        if _type(old) != _type(new):
            raise _error("InvalidParameterValue")
        self._refuse_duplicate(new, but=rule_id)
        self.rules[rule_id] = {key: value for key, value in old.items() if key not in _FIELDS} | new

    def revoke_security_group_ingress(self, GroupId, SecurityGroupRuleIds):  # noqa: ARG002, N803
        self._begin("revoke")
        (rule_id,) = SecurityGroupRuleIds
        self._rule(rule_id)
        del self.rules[rule_id]

    def _begin(self, operation):
        self.calls.append(operation)
        if operation in self.refused:
            raise _error(self.refused[operation])

    def _rule(self, rule_id):
        if rule_id not in self.rules:
            raise _error("InvalidSecurityGroupRuleId.NotFound")
        return self.rules[rule_id]

    def _refuse_duplicate(self, rule, but=None):
        if any(_content(each) == _content(rule) for each_id, each in self.rules.items() if each_id != but):
            raise _error("InvalidPermission.Duplicate")


def _type(rule):
    return next(field for field in (*_FIELDS, "ReferencedGroupInfo") if rule.get(field))


def _content(rule):
    return rule["IpProtocol"], rule["FromPort"], rule["ToPort"], _type(rule), str(rule[_type(rule)])


def _error(code):
    return ClientError({"Error": {"Code": code, "Message": code}}, "Operation")
