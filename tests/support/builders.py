"""Builders of CloudTrail records with made-up ids."""

import gzip
import json

ACCOUNT, OTHER_ACCOUNT = "111122223333", "444455556666"
GROUP, OTHER_GROUP = "sg-0aaaaaaaaaaaaaaa1", "sg-0bbbbbbbbbbbbbbb2"
PREFIX_LIST, VPC = "pl-0ccccccccccccccc3", "vpc-0ddddddddddddddd4"
RULE = "sgr-0123456789abcdef0"
ALICE = {
    "type": "IAMUser",
    "principalId": "AIDAEXAMPLEEXAMPLE001",
    "arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
    "accountId": ACCOUNT,
    "userName": "alice",
}


def record(name, request=None, response=None, **fields):
    """One CloudTrail record; a keyword replaces a field, and `...` as its value removes it."""
    all_fields = {
        "eventVersion": "1.11",
        "userIdentity": ALICE,
        "eventTime": "2026-01-24T03:45:49Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.18.17",
        "requestParameters": request,
        "responseElements": response,
        "eventID": "1beb5d85-3e0f-4000-b7d7-111111111111",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT,
    } | fields
    return {key: value for key, value in all_fields.items() if value is not ...}


def event(detail, **fields):
    """The EventBridge envelope of a record; source and account are those of the record."""
    service = str(detail.get("eventSource") or "ec2").partition(".")[0]
    return {
        "version": "0",
        "id": "6f87d04b-9f39-4f31-8aa3-111111111111",
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{service}",
        "account": detail.get("recipientAccountId") or ACCOUNT,
        "time": "2026-01-24T03:45:49Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": detail,
    } | fields


def items(*members):
    return {"items": list(members)} if members else {}


def item(protocol="tcp", start=22, end=22, v4=(), v6=(), groups=(), lists=(), **more):
    """One `ip_permission`; CIDRs as text, groups and prefix lists as text or as objects."""

    def each(key, members):
        return items(*({key: member} if isinstance(member, str) else member for member in members))

    ports = {key: port for key, port in (("fromPort", start), ("toPort", end)) if port is not None}
    return {
        "ipProtocol": protocol,
        **ports,
        "groups": each("groupId", groups),
        "ipRanges": each("cidrIp", v4),
        "ipv6Ranges": each("cidrIpv6", v6),
        "prefixListIds": each("prefixListId", lists),
    } | more


def request(*permissions, **fields):
    return {"groupId": GROUP, "ipPermissions": items(*permissions)} | fields


def authorize(*permissions, direction="Ingress", response=None, **fields):
    return record(f"AuthorizeSecurityGroup{direction}", request(*permissions), response, **fields)


def revoke(*permissions, direction="Ingress", response=None, **fields):
    return record(f"RevokeSecurityGroup{direction}", request(*permissions), response, **fields)


def response_rule(rule_id=RULE, protocol="tcp", start=22, end=22, *, egress=False, **peer):
    """A rule as in `securityGroupRuleSet` of a response."""
    return {
        "groupOwnerId": ACCOUNT,
        "groupId": GROUP,
        "securityGroupRuleId": rule_id,
        "isEgress": egress,
        "ipProtocol": protocol,
        "fromPort": start,
        "toPort": end,
    } | peer


def rule_set(*rules, name="securityGroupRuleSet", **fields):
    return {"requestId": "e5c178b5", "_return": True, name: items(*rules)} | fields


def modify(*updates, **fields):
    """ModifySecurityGroupRules in its wrapper: one update is an object, several are an array."""
    tagged = [
        {"SecurityGroupRuleId": rule_id, "tag": number, "SecurityGroupRule": new}
        for number, (rule_id, new) in enumerate(updates, start=1)
    ]
    wrapped = {"GroupId": GROUP, "SecurityGroupRule": tagged[0] if len(tagged) == 1 else tagged}
    response = {"ModifySecurityGroupRulesResponse": {"requestId": "b8d0dcc0", "return": True}}
    return record("ModifySecurityGroupRules", {"ModifySecurityGroupRulesRequest": wrapped}, response, **fields)


def wrapped(name, inside, response=None, **fields):
    return record(name, {f"{name}Request": inside}, response, **fields)


def denied(code="Client.UnauthorizedOperation"):
    return {"errorCode": code, "errorMessage": "no", "responseElements": None}


def text(*documents):
    """JSON Lines."""
    return "".join(json.dumps(each) + "\n" for each in documents)


def gzipped(content):
    return gzip.compress(content.encode() if isinstance(content, str) else content)
