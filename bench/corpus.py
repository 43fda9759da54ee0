"""Input of the measurements: the events of the golden files, a call with many rules, security groups."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]


def events() -> list[bytes]:
    """Return every golden event as compact JSON."""
    found = sorted((ROOT / "tests" / "golden").glob("*/event.json"))
    return [msgspec.json.encode(msgspec.json.decode(path.read_bytes())) for path in found]


def records() -> list[dict[str, Any]]:
    decoded = [msgspec.json.decode(text) for text in events()]
    return [event.get("detail", event) for event in decoded if isinstance(event, dict)]


def call_with_rules(count: int) -> bytes:
    """Return an AuthorizeSecurityGroupIngress record whose response has `count` rules."""
    items = [
        {
            "groupOwnerId": "111122223333",
            "groupId": "sg-0aaaaaaaaaaaaaaa1",
            "securityGroupRuleId": f"sgr-{number:017x}",
            "isEgress": False,
            "ipProtocol": "tcp",
            "fromPort": 1024 + number,
            "toPort": 1024 + number,
            "cidrIpv4": f"10.{number // 250}.{number % 250}.0/24",
            "description": f"service {number}",
        }
        for number in range(count)
    ]
    record = _call("AuthorizeSecurityGroupIngress", "ec2.amazonaws.com", f"bench-{count}")
    record["requestParameters"] = {"groupId": "sg-0aaaaaaaaaaaaaaa1", "ipPermissions": {}}
    record["responseElements"] = {"_return": True, "securityGroupRuleSet": {"items": items}}
    return msgspec.json.encode(record)


def security_groups(count: int) -> bytes:
    """Return DescribeSecurityGroups output: ten permissions a group, most of them allowed by policy.yaml."""
    chance = random.Random(1)  # noqa: S311  reproducible
    groups = [
        {
            "GroupId": f"sg-{number:017x}",
            "GroupName": f"group-{number}",
            "Description": "bench",
            "OwnerId": "111122223333",
            "VpcId": "vpc-0aaaaaaaaaaaaaaa1",
            "Tags": [],
            "IpPermissions": [_permission(chance, number, rule) for rule in range(10)],
            "IpPermissionsEgress": [],
        }
        for number in range(count)
    ]
    return msgspec.json.format(msgspec.json.encode({"SecurityGroups": groups}), indent=4)


def _permission(chance: random.Random, group: int, rule: int) -> dict[str, Any]:
    port = chance.choice([22, 80, 443, 3306, 8080, chance.randrange(65535)])
    is_open = group % 5 == rule == 0
    cidr = "0.0.0.0/0" if is_open else f"10.{group % 250}.{rule}.0/24"
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": min(port + chance.randrange(50), 65535),
        "UserIdGroupPairs": [],
        "IpRanges": [{"CidrIp": cidr, "Description": f"rule {rule}"}],
        "Ipv6Ranges": [{"CidrIpv6": "::/0"}] if rule % 5 == 0 else [],
        "PrefixListIds": [],
    }


def _call(name: str, source: str, event_id: str) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLEEXAMPLE01:deploy",
            "arn": "arn:aws:sts::111122223333:assumed-role/ci/deploy",
            "accountId": "111122223333",
            "accessKeyId": "ASIAEXAMPLEEXAMPLE01",
            "sessionContext": {"attributes": {"mfaAuthenticated": "false", "creationDate": "2026-01-24T03:00:00Z"}},
        },
        "eventTime": "2026-01-24T03:45:49Z",
        "eventSource": source,
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-sdk-go-v2/1.36.3 os/linux lang/go#1.24.2 md/GOOS#linux md/GOARCH#arm64",
        "requestParameters": {"bucketName": "data", "key": f"2026/{event_id}/part-00000.parquet", "x-id": name},
        "responseElements": None,
        "additionalEventData": {"SignatureVersion": "SigV4", "CipherSuite": "ECDHE-RSA-AES128-GCM-SHA256"},
        "requestID": event_id,
        "eventID": event_id,
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    }
