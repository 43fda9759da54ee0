"""Every form in which CloudTrail records a change of a security group, an attachment or a prefix list."""

import pytest

WORLD, WORLD6, OFFICE = "0.0.0.0/0", "::/0", "198.51.100.7/32"
TCP22 = {"protocol": "tcp", "from_port": 22, "to_port": 22, "icmp_type": None, "icmp_code": None}
NO_PORTS = {"from_port": None, "to_port": None, "icmp_type": None, "icmp_code": None}
APPLIED = {"family": "security_group", "action": "authorize", "outcome": "applied", "understood": True}

# Name, record, and the expected rows in order.
SHAPES = {
    "A1 nested IPv4": (
        lambda b: b.authorize(b.item(v4=[OFFICE])),
        [APPLIED | TCP22 | {"peer": OFFICE, "peer_kind": "ipv4", "direction": "ingress", "description": None}],
    ),
    "A2 the description belongs to the range": (
        lambda b: b.authorize(b.item(v4=[{"cidrIp": OFFICE, "description": "the office"}, WORLD])),
        [{"peer": OFFICE, "description": "the office"}, {"peer": WORLD, "description": None}],
    ),
    "A3 IPv6 only": (
        lambda b: b.authorize(b.item(v6=[{"cidrIpv6": WORLD6, "description": "open"}])),
        [TCP22 | {"peer": WORLD6, "peer_kind": "ipv6", "description": "open", "severity": "critical"}],
    ),
    "A4 IPv4 and IPv6 in one item": (
        lambda b: b.authorize(b.item(v4=[WORLD], v6=[WORLD6])),
        [{"peer": WORLD}, {"peer": WORLD6}],
    ),
    "A5 IPv4 and IPv6 as two items": (
        lambda b: b.authorize(b.item(v6=[WORLD6]), b.item(v4=[WORLD])),
        [{"peer": WORLD6}, {"peer": WORLD}],
    ),
    "A6 several items": (
        lambda b: b.authorize(b.item(v4=[WORLD]), b.item("udp", 53, 53, v4=[OFFICE]), b.item(v6=[WORLD6])),
        [TCP22, {"protocol": "udp", "from_port": 53, "to_port": 53, "peer": OFFICE}, {"peer": WORLD6}],
    ),
    "A7 a group as source": (
        lambda b: b.authorize(b.item("tcp", 0, 65535, groups=[b.OTHER_GROUP])),
        [{"peer_kind": "security_group", "peer": "sg-0bbbbbbbbbbbbbbb2", "from_port": 0, "to_port": 65535}],
    ),
    "A8 a named group and a named source": (
        lambda b: b.record(
            "AuthorizeSecurityGroupIngress",
            {
                "groupName": "web-1ABC",
                "ipPermissions": b.items(
                    b.item("tcp", 80, 80, groups=[{"userId": "amazon-elb", "groupName": "amazon-elb-sg"}])
                ),
            },
        ),
        [{"group_id": None, "group_name": "web-1ABC", "peer": "amazon-elb/amazon-elb-sg"}],
    ),
    "A8 the answer knows the id of a named group": (
        lambda b: b.record(
            "AuthorizeSecurityGroupIngress",
            {"groupName": "web-1ABC", "ipPermissions": b.items(b.item(v4=[WORLD]))},
            b.rule_set(b.response_rule(cidrIpv4=WORLD)),
        ),
        [{"group_id": "sg-0aaaaaaaaaaaaaaa1", "group_name": "web-1ABC", "rule_id": "sgr-0123456789abcdef0"}],
    ),
    "A9 flat": (
        lambda b: b.record(
            "AuthorizeSecurityGroupIngress",
            b.request(ipProtocol="tcp", fromPort=22, toPort=22, cidrIp=WORLD),
        ),
        [APPLIED | TCP22 | {"peer": WORLD, "severity": "critical"}],
    ),
    "A10 no ipv6Ranges key at all": (
        lambda b: b.authorize(
            {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": b.items({"cidrIp": WORLD})}
        ),
        [TCP22 | {"peer": WORLD}],
    ),
    "A11 all traffic, ports absent": (
        lambda b: b.authorize(b.item("-1", None, None, v4=[WORLD], v6=[WORLD6])),
        [NO_PORTS | {"protocol": "all", "peer": WORLD}, NO_PORTS | {"protocol": "all", "peer": WORLD6}],
    ),
    "A11 all traffic, -1/-1": (
        lambda b: b.authorize(b.item("-1", -1, -1, v4=[WORLD])),
        [NO_PORTS | {"protocol": "all", "severity": "critical"}],
    ),
    "A11 all traffic, 0/0": (
        lambda b: b.authorize(b.item("-1", 0, 0, v4=[WORLD])),
        [NO_PORTS | {"protocol": "all", "severity": "critical"}],
    ),
    "A11 all traffic, 0/65535": (
        lambda b: b.authorize(b.item("-1", 0, 65535, v4=[WORLD])),
        [NO_PORTS | {"protocol": "all", "severity": "critical"}],
    ),
    "A12 icmp of all types": (
        lambda b: b.authorize(b.item("icmp", -1, -1, v4=[OFFICE])),
        [{"protocol": "icmp", "from_port": None, "to_port": None, "icmp_type": -1, "icmp_code": -1}],
    ),
    "A12 icmp echo is no range from 8 to 0": (
        lambda b: b.authorize(b.item("icmp", 8, 0, v4=[OFFICE])),
        [{"protocol": "icmp", "from_port": None, "icmp_type": 8, "icmp_code": 0, "understood": True}],
    ),
    "icmp without type means all": (
        lambda b: b.authorize(b.item("icmp", None, None, v4=[OFFICE])),
        [{"icmp_type": -1, "icmp_code": -1, "understood": True}],
    ),
    "A13 a protocol by its number": (
        lambda b: b.authorize(b.item("6", v4=[WORLD]), b.item("17", 161, 161, v4=[WORLD]), b.item(6, v4=[WORLD])),
        [TCP22, {"protocol": "udp"}, TCP22],
    ),
    "A14 tcp port 0 is a port, not all of them": (
        lambda b: b.authorize(b.item("tcp", 0, 0, v4=[WORLD])),
        [{"from_port": 0, "to_port": 0, "severity": "high"}],
    ),
    "A15 host bits": (
        lambda b: b.authorize(b.item(v4=["8.8.8.8/0"], v6=["2600:1f00::1/24"])),
        [{"peer": WORLD, "severity": "critical"}, {"peer": "2600:1f00::/24"}],
    ),
    "A16 a prefix list": (
        lambda b: b.authorize(b.item(lists=[{"prefixListId": b.PREFIX_LIST, "description": "office"}])),
        [{"peer_kind": "prefix_list", "peer": "pl-0ccccccccccccccc3", "description": "office"}],
    ),
    "A17 a group of another account": (
        lambda b: b.authorize(
            b.item(
                groups=[
                    {"userId": b.OTHER_ACCOUNT, "groupId": b.OTHER_GROUP, "vpcId": b.VPC, "description": "peer"},
                    {"userId": b.ACCOUNT, "groupId": b.OTHER_GROUP},
                ]
            )
        ),
        [
            {"peer": "444455556666/sg-0bbbbbbbbbbbbbbb2", "description": "peer", "vpc_id": None},
            {"peer": "sg-0bbbbbbbbbbbbbbb2"},
        ],
    ),
    "A18 icmpv6 and other protocols": (
        lambda b: b.authorize(
            b.item("58", -1, -1, v6=[WORLD6]), b.item("icmpv6", 128, 0, v6=[WORLD6]), b.item("50", 0, 0, v4=[OFFICE])
        ),
        [
            {"protocol": "icmpv6", "icmp_type": -1, "icmp_code": -1},
            {"protocol": "icmpv6", "icmp_type": 128, "icmp_code": 0},
            NO_PORTS | {"protocol": "50", "understood": True},
        ],
    ),
    "A19 tags on the rules are no rules": (
        lambda b: b.record(
            "AuthorizeSecurityGroupIngress",
            b.request(
                b.item(v4=[WORLD]),
                tagSpecificationSet=b.items(
                    {"resourceType": "security-group-rule", "tags": [{"key": "a", "value": "b"}]}
                ),
            ),
        ),
        [TCP22 | {"understood": True}],
    ),
    "A20 flat with a source group": (
        lambda b: b.record(
            "AuthorizeSecurityGroupIngress",
            b.request(sourceSecurityGroupName="web", sourceSecurityGroupOwnerId="444455556666"),
        ),
        [NO_PORTS | {"protocol": "all", "peer": "444455556666/web", "peer_kind": "security_group"}],
    ),
    "A20 a name without an owner belongs to the account of the event": (
        lambda b: b.record("AuthorizeSecurityGroupIngress", b.request(sourceSecurityGroupName="web")),
        [{"protocol": "all", "peer": "111122223333/web", "severity": "low", "understood": True}],
    ),
    "A20 flat without ports": (
        lambda b: b.record("AuthorizeSecurityGroupIngress", b.request(ipProtocol="tcp", cidrIp=WORLD)),
        [{"from_port": 0, "to_port": 65535, "severity": "critical", "understood": True}],
    ),
    "A21 id and name, several ranges": (
        lambda b: b.record(
            "AuthorizeSecurityGroupIngress", b.request(b.item(v4=[OFFICE, "10.0.0.0/8", WORLD]), groupName="web")
        ),
        [{"peer": OFFICE, "group_name": "web"}, {"peer": "10.0.0.0/8"}, {"peer": WORLD}],
    ),
    "all four kinds of peer come in their order": (
        lambda b: b.authorize(b.item(lists=[b.PREFIX_LIST], groups=[b.OTHER_GROUP], v6=[WORLD6], v4=[WORLD])),
        [{"peer_kind": "ipv4"}, {"peer_kind": "ipv6"}, {"peer_kind": "security_group"}, {"peer_kind": "prefix_list"}],
    ),
    "numbers as text": (
        lambda b: b.authorize(b.item("tcp", "22", "22", v4=[WORLD])),
        [TCP22 | {"understood": True}],
    ),
    "ports that a table made floats": (
        lambda b: b.authorize(b.item("tcp", 22.0, 22.0, v4=[WORLD])),
        [TCP22 | {"understood": True}],
    ),
    "egress": (
        lambda b: b.authorize(b.item("-1", None, None, v4=[WORLD]), direction="Egress"),
        [APPLIED | {"direction": "egress", "severity": "low"}],
    ),
    "the answer is the truth: ids, canonical CIDRs, descriptions, -1 without ports": (
        lambda b: b.authorize(
            b.item("-1", 0, 0, v4=[{"cidrIp": "10.1.2.3/8", "description": "lan"}], v6=[WORLD6]),
            response=b.rule_set(
                b.response_rule("sgr-01", "-1", -1, -1, cidrIpv4="10.0.0.0/8", description="lan"),
                b.response_rule("sgr-02", "-1", -1, -1, cidrIpv6=WORLD6),
            ),
        ),
        [
            NO_PORTS | {"rule_id": "sgr-01", "peer": "10.0.0.0/8", "description": "lan", "protocol": "all"},
            NO_PORTS | {"rule_id": "sgr-02", "peer": WORLD6, "description": None},
        ],
    ),
    "the answer names groups and prefix lists": (
        lambda b: b.authorize(
            b.item(groups=[b.OTHER_GROUP], lists=[b.PREFIX_LIST]),
            response=b.rule_set(
                b.response_rule("sgr-01", referencedGroupInfo={"groupId": b.OTHER_GROUP, "userId": b.ACCOUNT}),
                b.response_rule("sgr-02", referencedGroupInfo={"groupId": b.OTHER_GROUP, "userId": b.OTHER_ACCOUNT}),
                b.response_rule("sgr-03", prefixListId=b.PREFIX_LIST),
            ),
        ),
        [
            {"peer": "sg-0bbbbbbbbbbbbbbb2"},
            {"peer": "444455556666/sg-0bbbbbbbbbbbbbbb2"},
            {"peer": "pl-0ccccccccccccccc3", "peer_kind": "prefix_list"},
        ],
    ),
    "an answer filled up with nulls": (
        lambda b: b.authorize(
            b.item(v6=[WORLD6]),
            response=b.rule_set(b.response_rule(cidrIpv4=None, cidrIpv6=WORLD6, prefixListId=None, egress=None)),
            direction="Egress",
        ),
        [TCP22 | {"peer": WORLD6, "direction": "egress", "understood": True}],
    ),
    "an answer that says only yes, even as text": (
        lambda b: b.authorize(b.item(v4=[OFFICE]), response={"_return": "True"}),
        [APPLIED | {"peer": OFFICE}],
    ),
    "revoke, nested": (
        lambda b: b.revoke(b.item("6", v4=[WORLD]), response={"_return": True}),
        [TCP22 | {"action": "revoke", "outcome": "applied", "severity": "info", "peer": WORLD}],
    ),
    "revoke, flat": (
        lambda b: b.record(
            "RevokeSecurityGroupEgress", b.request(ipProtocol="tcp", fromPort=22, toPort=22, cidrIp=WORLD)
        ),
        [TCP22 | {"action": "revoke", "direction": "egress", "peer": WORLD}],
    ),
    "revoke with its answer": (
        lambda b: b.revoke(
            b.item("-1", 0, 0, v4=[WORLD]),
            response=b.rule_set(b.response_rule(protocol="-1", cidrIpv4=WORLD), name="revokedSecurityGroupRuleSet"),
        ),
        [{"outcome": "applied", "rule_id": "sgr-0123456789abcdef0", "protocol": "all", "peer": WORLD}],
    ),
    "R1 revoke by rule id": (
        lambda b: b.record(
            "RevokeSecurityGroupIngress",
            b.request(securityGroupRuleIds=b.items({"securityGroupRuleId": b.RULE}, {"securityGroupRuleId": "sgr-02"})),
        ),
        [
            {"rule_id": "sgr-0123456789abcdef0", "peer": None, "understood": True, "severity": "info"},
            {"rule_id": "sgr-02", "direction": "ingress", "group_id": "sg-0aaaaaaaaaaaaaaa1"},
        ],
    ),
    "R1 revoke by a bare list of rule ids, without ipPermissions": (
        lambda b: b.record("RevokeSecurityGroupIngress", {"groupId": b.GROUP, "securityGroupRuleIds": [b.RULE]}),
        [{"rule_id": "sgr-0123456789abcdef0", "understood": True}],
    ),
    "a revoke that matched nothing": (
        lambda b: b.revoke(
            b.item(v4=[OFFICE]),
            response=b.rule_set(
                name="revokedSecurityGroupRuleSet", unknownIpPermissionSet=b.items(b.item(v4=[OFFICE]))
            ),
        ),
        [TCP22 | {"outcome": "no_op", "severity": "info", "peer": OFFICE}],
    ),
    "a revoke that matched nothing, of the time before answers listed rules": (
        lambda b: b.revoke(
            b.item(v4=[OFFICE, WORLD]),
            response={"_return": True, "unknownIpPermissionSet": b.items(b.item(v4=[OFFICE]))},
        ),
        [{"peer": OFFICE, "outcome": "no_op"}, {"peer": WORLD, "outcome": "applied"}],
    ),
    "a revoke that was partly applied": (
        lambda b: b.revoke(
            b.item(v4=[OFFICE, WORLD]),
            response=b.rule_set(
                b.response_rule(cidrIpv4=WORLD),
                name="revokedSecurityGroupRuleSet",
                unknownIpPermissionSet=b.items(b.item(v4=[OFFICE])),
            ),
        ),
        [{"peer": WORLD, "outcome": "applied"}, {"peer": OFFICE, "outcome": "no_op"}],
    ),
    "M1 modify one rule": (
        lambda b: b.modify((b.RULE, {"CidrIpv4": WORLD, "FromPort": 443, "ToPort": 443, "IpProtocol": "tcp"})),
        [
            {
                "action": "modify",
                "direction": None,
                "group_id": "sg-0aaaaaaaaaaaaaaa1",
                "rule_id": "sgr-0123456789abcdef0",
                "from_port": 443,
                "peer": WORLD,
                "previous": None,
                "severity": "low",
                "understood": True,
            }
        ],
    ),
    "M2 modify several rules, a protocol that became a number": (
        lambda b: b.modify(
            ("sgr-01", {"IpProtocol": -1, "FromPort": -1, "ToPort": -1, "CidrIpv4": WORLD, "Description": "all"}),
            ("sgr-02", {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv6": WORLD6}),
            ("sgr-03", {"IpProtocol": 6, "FromPort": 22, "ToPort": 22, "ReferencedGroupId": "sg-0bbbbbbbbbbbbbbb2"}),
            ("sgr-04", {"IpProtocol": 6, "FromPort": "22", "ToPort": 22, "PrefixListId": "pl-0ccccccccccccccc3"}),
        ),
        [
            NO_PORTS | {"rule_id": "sgr-01", "protocol": "all", "description": "all", "severity": "critical"},
            TCP22 | {"rule_id": "sgr-02", "peer": WORLD6, "severity": "critical"},
            TCP22 | {"rule_id": "sgr-03", "peer_kind": "security_group", "severity": "low"},
            TCP22 | {"rule_id": "sgr-04", "peer_kind": "prefix_list", "severity": "medium"},
        ],
    ),
    "modify, only a CIDR known": (
        lambda b: b.modify((b.RULE, {"CidrIpv4": WORLD})),
        [{"action": "modify", "protocol": None, "peer": WORLD, "severity": "critical", "understood": True}],
    ),
    "modify, only the description": (
        lambda b: b.modify((b.RULE, {"Description": 443})),
        [{"action": "describe", "description": "443", "severity": "info", "understood": True}],
    ),
    "a description that became a boolean": (
        lambda b: b.modify((b.RULE, {"IpProtocol": "tcp", "CidrIpv4": OFFICE, "Description": True})),
        [{"action": "modify", "description": "true"}],
    ),
    "descriptions by permission, lists of one": (
        lambda b: b.wrapped(
            "UpdateSecurityGroupRuleDescriptionsIngress",
            {
                "GroupId": b.GROUP,
                "IpPermissions": {
                    "tag": 1,
                    "IpProtocol": "tcp",
                    "FromPort": 22,
                    "ToPort": 22,
                    "IpRanges": {"tag": 1, "CidrIp": WORLD, "Description": "temporary"},
                },
            },
        ),
        [TCP22 | {"action": "describe", "peer": WORLD, "description": "temporary", "severity": "info"}],
    ),
    "descriptions by permission, longer lists": (
        lambda b: b.wrapped(
            "UpdateSecurityGroupRuleDescriptionsEgress",
            {
                "GroupId": b.GROUP,
                "IpPermissions": [
                    {
                        "tag": 1,
                        "IpProtocol": -1,
                        "IpRanges": [{"tag": 1, "CidrIp": WORLD}, {"tag": 2, "CidrIp": OFFICE}],
                    },
                    {"tag": 2, "IpProtocol": 6, "Ipv6Ranges": {"tag": 1, "CidrIpv6": WORLD6, "Description": True}},
                ],
            },
        ),
        [
            {"direction": "egress", "protocol": "all", "peer": WORLD},
            {"peer": OFFICE},
            {"protocol": "tcp", "peer": WORLD6, "description": "true"},
        ],
    ),
    "descriptions by id": (
        lambda b: b.wrapped(
            "UpdateSecurityGroupRuleDescriptionsIngress",
            {
                "GroupId": b.GROUP,
                "SecurityGroupRuleDescription": [
                    {"tag": 1, "SecurityGroupRuleId": "sgr-01", "Description": "one"},
                    {"tag": 2, "SecurityGroupRuleId": "sgr-02", "Description": 2},
                ],
            },
        ),
        [
            {"action": "describe", "rule_id": "sgr-01", "description": "one", "understood": True},
            {"rule_id": "sgr-02", "description": "2", "direction": "ingress"},
        ],
    ),
    "create": (
        lambda b: b.record(
            "CreateSecurityGroup",
            {"groupName": "web", "groupDescription": "web servers", "vpcId": b.VPC},
            {"requestId": "0298451a", "_return": True, "groupId": b.GROUP},
        ),
        [
            {
                "action": "create",
                "group_id": "sg-0aaaaaaaaaaaaaaa1",
                "group_name": "web",
                "vpc_id": "vpc-0ddddddddddddddd4",
                "severity": "info",
                "direction": None,
                "understood": True,
            }
        ],
    ),
    "create, refused: there is no id": (
        lambda b: b.record("CreateSecurityGroup", {"groupName": "web", "groupDescription": "x"}, **b.denied()),
        [{"outcome": "denied", "group_id": None, "group_name": "web", "severity": "low", "understood": True}],
    ),
    "delete by id": (
        lambda b: b.record("DeleteSecurityGroup", {"groupId": b.GROUP}, {"_return": True}),
        [{"action": "delete", "group_id": "sg-0aaaaaaaaaaaaaaa1", "severity": "info"}],
    ),
    "delete by name": (
        lambda b: b.record("DeleteSecurityGroup", {"groupName": "web"}, {"_return": True}),
        [{"action": "delete", "group_id": None, "group_name": "web", "understood": True}],
    ),
    "associate": (
        lambda b: b.wrapped("AssociateSecurityGroupVpc", {"GroupId": b.GROUP, "VpcId": b.VPC}),
        [{"action": "associate", "vpc_id": "vpc-0ddddddddddddddd4", "severity": "low"}],
    ),
    "disassociate": (
        lambda b: b.wrapped("DisassociateSecurityGroupVpc", {"GroupId": b.GROUP, "VpcId": b.VPC}),
        [{"action": "disassociate", "vpc_id": "vpc-0ddddddddddddddd4", "severity": "info"}],
    ),
    "default VPC": (
        lambda b: b.wrapped(
            "CreateDefaultVpc", "", {"CreateDefaultVpcResponse": {"vpc": {"vpcId": b.VPC, "isDefault": True}}}
        ),
        [{"action": "create", "vpc_id": "vpc-0ddddddddddddddd4", "severity": "info", "understood": True}],
    ),
    "default VPC, refused": (
        lambda b: b.wrapped("CreateDefaultVpc", "", **b.denied()),
        [{"outcome": "denied", "severity": "low", "vpc_id": None, "understood": True}],
    ),
    "groups set on an interface": (
        lambda b: b.record(
            "ModifyNetworkInterfaceAttribute",
            {
                "networkInterfaceId": "eni-0123456789abcdef0",
                "groupSet": b.items({"groupId": b.GROUP}, {"groupId": b.OTHER_GROUP}),
            },
        ),
        [
            {"family": "attachment", "action": "attach", "group_id": "sg-0aaaaaaaaaaaaaaa1", "severity": "low"},
            {"group_id": "sg-0bbbbbbbbbbbbbbb2", "resource_id": "eni-0123456789abcdef0"},
        ],
    ),
    "groups set on an instance": (
        lambda b: b.record(
            "ModifyInstanceAttribute", {"instanceId": "i-0123456789abcdef0", "groupSet": b.items({"groupId": b.GROUP})}
        ),
        [{"family": "attachment", "group_id": "sg-0aaaaaaaaaaaaaaa1", "resource_id": "i-0123456789abcdef0"}],
    ),
    "attachments without groups are none of our business": (
        lambda b: b.record(
            "ModifyNetworkInterfaceAttribute", {"networkInterfaceId": "eni-01", "sourceDestCheck": False}
        ),
        [],
    ),
    "instance attributes are none of our business": (
        lambda b: b.record("ModifyInstanceAttribute", {"instanceId": "i-01", "instanceType": {"value": "t2.xlarge"}}),
        [],
    ),
    "prefix list, wrapped, one entry as an object": (
        lambda b: b.wrapped(
            "ModifyManagedPrefixList",
            {"PrefixListId": b.PREFIX_LIST, "AddEntry": {"tag": 1, "Cidr": "8.8.8.8/0", "Description": 7}},
        ),
        [
            {
                "family": "prefix_list",
                "action": "modify",
                "peer": WORLD,
                "peer_kind": "ipv4",
                "description": "7",
                "severity": "high",
                "resource_id": "pl-0ccccccccccccccc3",
                "understood": True,
            }
        ],
    ),
    "prefix list, wrapped, arrays": (
        lambda b: b.wrapped(
            "ModifyManagedPrefixList",
            {
                "PrefixListId": b.PREFIX_LIST,
                "AddEntry": [{"tag": 1, "Cidr": "8.0.0.0/8"}, {"tag": 2, "Cidr": "10.0.0.0/8"}],
                "RemoveEntry": [{"tag": 1, "Cidr": WORLD}],
            },
        ),
        [
            {"action": "modify", "peer": "8.0.0.0/8", "severity": "medium"},
            {"action": "modify", "peer": "10.0.0.0/8", "severity": "low"},
            {"action": "revoke", "peer": WORLD, "severity": "info"},
        ],
    ),
    "prefix list, classic": (
        lambda b: b.record(
            "ModifyManagedPrefixList",
            {"prefixListId": b.PREFIX_LIST, "addEntrySet": b.items({"cidr": WORLD}), "removeEntrySet": {}},
        ),
        [{"action": "modify", "peer": WORLD, "severity": "high"}],
    ),
    "prefix list, created with entries": (
        lambda b: b.wrapped(
            "CreateManagedPrefixList",
            {
                "PrefixListName": "office",
                "MaxEntries": 5,
                "Entry": [{"tag": 1, "Cidr": WORLD}, {"tag": 2, "Cidr": OFFICE}],
            },
            {"CreateManagedPrefixListResponse": {"prefixList": {"prefixListId": "pl-0ccccccccccccccc3"}}},
        ),
        [
            {"peer": WORLD, "severity": "high", "resource_id": "pl-0ccccccccccccccc3"},
            {"peer": OFFICE, "severity": "low"},
        ],
    ),
    "prefix list, deleted": (
        lambda b: b.wrapped("DeleteManagedPrefixList", {"PrefixListId": b.PREFIX_LIST}),
        [{"action": "delete", "peer": None, "severity": "info", "understood": True}],
    ),
    "denied": (
        lambda b: b.authorize(b.item(v4=[WORLD]), **b.denied()),
        [TCP22 | {"action": "authorize", "outcome": "denied", "severity": "high", "understood": True}],
    ),
    "denied, in the spelling of other services": (
        lambda b: b.authorize(b.item(v4=[OFFICE]), **b.denied("AccessDenied")),
        [{"outcome": "denied", "severity": "low"}],
    ),
    "failed": (
        lambda b: b.authorize(b.item(v4=[WORLD]), **b.denied("Client.InvalidPermission.Duplicate")),
        [TCP22 | {"outcome": "failed", "severity": "info"}],
    ),
    "failed on the side of the server": (
        lambda b: b.authorize(b.item(v4=[WORLD]), **b.denied("Server.InternalError")),
        [{"outcome": "failed", "severity": "info"}],
    ),
    "dry run": (
        lambda b: b.authorize(b.item(v4=[WORLD]), **b.denied("Client.DryRunOperation")),
        [{"outcome": "dry_run", "severity": "info"}],
    ),
    "a refused dry run is refused": (
        lambda b: b.record("AuthorizeSecurityGroupIngress", b.request(b.item(v4=[WORLD]), dryRun=True), **b.denied()),
        [{"outcome": "denied"}],
    ),
    "the answer of a call that was not applied is not read": (
        lambda b: b.authorize(b.item(v4=[WORLD]), **b.denied() | {"responseElements": b.rule_set(b.response_rule())}),
        [{"outcome": "denied", "peer": WORLD, "rule_id": None}],
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_each_form_gives_exactly_the_expected_rows(name, build, rows, shows):
    make, expected = SHAPES[name]
    actual = rows(make(build))
    assert len(actual) == len(expected)
    for row, part in zip(actual, expected, strict=True):
        shows(row, **part)


NOTHING = {"null": None, "omitted": {"omitted": True}, "empty": {}, "text": "", "a list": []}


@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize("name", ["AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"])
def test_an_applied_authorize_without_parameters_is_high_and_not_understood(name, nothing, build, row, shows):
    shows(row(build.record(name, NOTHING[nothing])), understood=False, severity="high", outcome="applied")


def test_an_applied_modify_without_parameters_is_high_and_not_understood(build, row, shows):
    made = build.wrapped("ModifySecurityGroupRules", "")
    shows(row(made), understood=False, severity="high", action="modify")


@pytest.mark.parametrize(
    ("name", "code", "severity"),
    [
        ("AuthorizeSecurityGroupIngress", "Client.UnauthorizedOperation", "medium"),
        ("AuthorizeSecurityGroupEgress", "Client.UnauthorizedOperation", "medium"),
        ("ModifySecurityGroupRules", "Client.UnauthorizedOperation", "medium"),
        ("RevokeSecurityGroupIngress", "Client.UnauthorizedOperation", "low"),
        ("CreateSecurityGroup", "Client.UnauthorizedOperation", "low"),
        ("DeleteSecurityGroup", "Client.UnauthorizedOperation", "low"),
        ("AuthorizeSecurityGroupIngress", "Client.InvalidParameterValue", "info"),
        ("ModifySecurityGroupRules", "Client.InvalidParameterValue", "info"),
    ],
)
def test_a_refused_call_with_null_parameters_is_one_understood_change(name, code, severity, build, row, shows):
    shows(row(build.record(name, None, **build.denied(code))), understood=True, severity=severity, peer=None)


@pytest.mark.parametrize(
    "broken",
    [
        {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22},
        {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "nonsense"}]}},
        {"ipProtocol": "tcp", "fromPort": "ssh", "toPort": 22, "ipRanges": {"items": [{"cidrIp": WORLD}]}},
        {"ipProtocol": "tcp", "fromPort": 70000, "toPort": 70001, "ipRanges": {"items": [{"cidrIp": WORLD}]}},
        {"ipProtocol": "bogus", "ipRanges": {"items": [{"cidrIp": WORLD}]}},
        {"ipProtocol": "tcp", "newPeers": {"items": [{"kind": "unheard of"}]}},
        "text",
        7,
    ],
)
def test_an_unreadable_item_gives_a_row_beside_a_readable_one(broken, build, rows, shows):
    first, second = rows(build.authorize(broken, build.item(v4=[OFFICE])))
    shows(first, understood=False, severity="high", outcome="applied", group_id=build.GROUP)
    shows(second, understood=True, peer=OFFICE)


def test_a_failed_call_of_unknown_form_is_info(build, row, shows):
    made = build.authorize({"ipProtocol": "bogus"}, **build.denied("Client.InvalidParameterValue"))
    shows(row(made), understood=False, outcome="failed", severity="info")


def test_an_unreadable_response_does_not_hide_the_request(build, row, shows):
    made = build.authorize(build.item(v4=[WORLD]), response=build.rule_set({"unheard": "of"}))
    shows(row(made), understood=True, peer=WORLD, severity="critical")


def test_a_wrapped_request_may_be_spelt_in_any_case(build, row, shows):
    inside = {"groupid": build.GROUP, "securitygrouprule": {"securitygroupruleid": build.RULE}}
    inside["securitygrouprule"]["securitygrouprule"] = {"ipprotocol": "tcp", "cidripv4": WORLD}
    made = build.record("ModifySecurityGroupRules", {"modifysecuritygrouprulesrequest": inside})
    shows(row(made), peer=WORLD, understood=True, rule_id=build.RULE)


def test_a_description_edit_by_permission_in_the_classic_form_is_read_too(build, row, shows):
    name = "UpdateSecurityGroupRuleDescriptionsIngress"
    made = build.record(name, build.request(build.item(v4=[{"cidrIp": OFFICE, "description": "x"}])))
    shows(row(made), action="describe", description="x", severity="info", understood=True)


def test_one_thousand_rules_give_one_thousand_rows(build, rows):
    peers = [f"10.{high}.{low}.0/24" for high in range(4) for low in range(250)]
    assert [row["peer"] for row in rows(build.authorize(build.item(v4=peers)))] == peers


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("rds.amazonaws.com", "StartDBInstance"),
        ("rds.amazonaws.com", "AuthorizeSecurityGroupIngress"),
        ("ec2.amazonaws.com", "DescribeSecurityGroups"),
        ("s3.amazonaws.com", "PutObject"),
    ],
)
def test_calls_of_no_supported_family_give_no_row(source, name, build, rows):
    assert rows(build.record(name, {}, eventSource=source)) == []


def test_a_record_without_event_source_is_recognized_by_its_name(build, row, shows):
    shows(row(build.authorize(build.item(v4=[WORLD]), eventSource=...)), severity="critical", understood=True)


def test_deeply_nested_parameters_do_not_raise(build, row, shows):
    deep = {}
    for _ in range(300):
        deep = {"deeper": deep}
    made = build.record("AuthorizeSecurityGroupIngress", build.request(build.item(v4=[WORLD]), junk=deep))
    shows(row(made), peer=WORLD, understood=True)


@pytest.mark.parametrize("enabled", [True, False, "true"])
def test_a_prefix_list_that_an_ipam_resolver_writes_is_low_with_a_reason(build, row, shows, enabled):
    request = {"PrefixListId": build.PREFIX_LIST, "IpamPrefixListResolverSyncEnabled": enabled}
    found = row(build.wrapped("ModifyManagedPrefixList", request))
    shows(found, family="prefix_list", action="modify", severity="low", resource_id=build.PREFIX_LIST)
    assert found["reasons"]


RESOLVER, TARGET = "ipam-plr-0123456789abcdef0", "ipam-plr-target-0123456789abcdef0"


def created(name, **fields):
    return {f"{name}Response": {name.removeprefix("Create")[0].lower() + name.removeprefix("Create")[1:]: fields}}


@pytest.mark.parametrize("key", ["Rule", "Rules"])
def test_a_static_rule_of_a_resolver_is_judged_as_an_entry_of_a_prefix_list(build, rows, shows, key):
    name = "CreateIpamPrefixListResolver"
    selected = [{"RuleType": "static-cidr", "StaticCidr": WORLD}, {"RuleType": "ipam-pool-cidr"}]
    response = created(name, ipamPrefixListResolverId=RESOLVER)
    entry, unknown = rows(build.wrapped(name, {"IpamId": "ipam-1", key: selected}, response))
    plain = rows(build.wrapped("CreateManagedPrefixList", {"PrefixListName": "n", "Entry": {"Cidr": WORLD}}))[0]
    shows(entry, family="prefix_list", action="create", peer=WORLD, resource_id=RESOLVER, severity=plain["severity"])
    assert entry["reasons"] == plain["reasons"]
    shows(unknown, severity="low", resource_id=RESOLVER, peer=RESOLVER)
    assert unknown["reasons"]


def test_other_rules_of_a_resolver_are_low_with_a_reason_and_its_description_is_info(build, row, shows):
    name = "ModifyIpamPrefixListResolver"
    changed = {"IpamPrefixListResolverId": RESOLVER, "Rule": {"RuleType": "ipam-resource-cidr", "ResourceType": "vpc"}}
    found = row(build.wrapped(name, changed))
    shows(found, family="prefix_list", action="modify", severity="low", resource_id=RESOLVER)
    assert found["reasons"]
    text = row(build.wrapped(name, {"IpamPrefixListResolverId": RESOLVER, "Description": "x"}))
    shows(text, severity="info", resource_id=RESOLVER, understood=True)


def test_a_prefix_list_that_is_handed_to_a_resolver_is_low_with_a_reason(build, row, shows):
    name = "CreateIpamPrefixListResolverTarget"
    handed = {"IpamPrefixListResolverId": RESOLVER, "PrefixListId": build.PREFIX_LIST, "PrefixListRegion": "eu-west-1"}
    found = row(build.wrapped(name, handed, created(name, ipamPrefixListResolverTargetId=TARGET)))
    shows(found, family="prefix_list", action="modify", severity="low", resource_id=build.PREFIX_LIST)
    assert found["reasons"]
    shows(
        row(build.wrapped("ModifyIpamPrefixListResolverTarget", {"IpamPrefixListResolverTargetId": TARGET})),
        severity="low",
        resource_id=TARGET,
    )


@pytest.mark.parametrize(
    "name",
    [f"{verb}IpamPrefixListResolver{suffix}" for verb in ("Create", "Modify") for suffix in ("", "Target")],
)
@pytest.mark.parametrize("request_", [None, {}, {"Rule": 7}, {"Rule": [None, {"StaticCidr": "x"}]}])
def test_a_resolver_call_without_what_is_expected_gives_rows_all_the_same(build, rows, name, request_):
    assert rows(build.wrapped(name, request_))
