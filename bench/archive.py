"""An invented organization trail: folders, record mix, sizes and compression like a real one.

One record in 200 is of a family that gatewatch reads. Beside the logs are digest and Insight files. Real logs compress
10 to 15 times: the same few callers and hosts occur again and again, ids and keys never.
"""

from __future__ import annotations

import gzip
import json
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from bench import corpus

if TYPE_CHECKING:
    from pathlib import Path

ORGANIZATION = "o-exampleorg1"
_ACCOUNTS = [f"{number:012d}" for number in range(111122223333, 111122223341)]
_REGIONS = ("us-east-1", "eu-west-1", "ap-northeast-2")
_FIRST_DAY = datetime(2025, 12, 1, tzinfo=UTC)
_RELEVANT_OF = 200
# Service, call, share of all records, whether it reads. Management events of a trail are mostly these.
_MIX = (
    ("sts", "AssumeRole", 24, True),
    ("kms", "Decrypt", 17, True),
    ("kms", "GenerateDataKey", 8, True),
    ("ec2", "DescribeInstances", 9, True),
    ("ec2", "DescribeNetworkInterfaces", 6, True),
    ("s3", "GetBucketAcl", 6, True),
    ("logs", "CreateLogStream", 6, False),
    ("ssm", "UpdateInstanceInformation", 6, False),
    ("ecr", "BatchGetImage", 4, True),
    ("dynamodb", "DescribeTable", 3, True),
    ("secretsmanager", "GetSecretValue", 3, True),
    ("elasticloadbalancing", "DescribeTargetHealth", 4, True),
    ("autoscaling", "DescribeAutoScalingGroups", 2, True),
    ("cloudformation", "DescribeStacks", 2, True),
)
_AGENTS = (
    "aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.24.2 md/GOOS#linux md/GOARCH#arm64 api/ec2#1.210.1 m/E,g",
    "Boto3/1.40.12 md/Botocore#1.40.12 ua/2.1 os/linux#6.1.0 md/arch#x86_64 lang/python#3.12.5 cfg/retry-mode#legacy",
    "APN/1.0 HashiCorp/1.0 Terraform/1.12.2 (+https://www.terraform.io) terraform-provider-aws/6.4.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0",
    "kubelet/v1.32 (linux/arm64) karpenter.sh-1.5.0",
)
_TEAMS = ("web", "data", "ml", "platform", "ci")
_ROLES = tuple(f"{team}-{kind}" for team in _TEAMS for kind in ("node", "job", "admin"))


def write_trail(folder: Path, records: int, seed: int = 1) -> int:
    """Write about so many records in log files of 100 to 5,000; return their uncompressed bytes."""
    chance = random.Random(seed)  # noqa: S311  reproducible
    ours = [json.dumps(each) for each in corpus.records() if "eventName" in each]
    written = size = number = 0
    while written < records:
        count = min(int(10 ** chance.uniform(2, 3.7)), records - written)
        size += _write_log(folder, chance, ours, number, count)
        written, number = written + count, number + 1
    _write_beside(folder, chance)
    return size


def _write_log(folder: Path, chance: random.Random, ours: list[str], number: int, count: int) -> int:
    account, region = chance.choice(_ACCOUNTS), chance.choice(_REGIONS)
    at = _FIRST_DAY + timedelta(minutes=5 * number)
    callers = [_caller(chance, account) for _ in range(12)]
    log = [_record(chance, ours, callers, account, region, at) for _ in range(count)]
    text = msgspec.json.encode({"Records": log})
    name = f"{account}_CloudTrail_{region}_{at:%Y%m%dT%H%MZ}_{_token(chance, 16)}.json.gz"
    _write(_day(folder, account, "CloudTrail", region, at) / name, text)
    return len(text)


def _day(folder: Path, account: str, kind: str, region: str, at: datetime) -> Path:
    return folder / "AWSLogs" / ORGANIZATION / account / kind / region / f"{at:%Y/%m/%d}"


def _write(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text, 6))


def _token(chance: random.Random, length: int) -> str:
    return "".join(chance.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=length))


def _uuid(chance: random.Random) -> str:
    text = f"{chance.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _caller(chance: random.Random, account: str) -> dict[str, Any]:
    role, session = chance.choice(_ROLES), f"i-{chance.getrandbits(68):017x}"
    principal = f"AROA{_token(chance, 17)}"
    return {
        "type": "AssumedRole",
        "principalId": f"{principal}:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        "accountId": account,
        "accessKeyId": f"ASIA{_token(chance, 16)}",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": principal,
                "arn": f"arn:aws:iam::{account}:role/{role}",
                "accountId": account,
                "userName": role,
            },
            "attributes": {"creationDate": "2025-12-01T00:00:00Z", "mfaAuthenticated": "false"},
            "ec2RoleDelivery": "2.0",
        },
    }


def _record(
    chance: random.Random, ours: list[str], callers: list[dict[str, Any]], account: str, region: str, at: datetime
) -> dict[str, Any]:
    time = f"{at + timedelta(seconds=chance.randrange(300)):%Y-%m-%dT%H:%M:%SZ}"
    if chance.randrange(_RELEVANT_OF) == 0:
        found: dict[str, Any] = json.loads(chance.choice(ours))
        return found | {"eventID": _uuid(chance), "eventTime": time}
    service, call, _, reads = chance.choices(_MIX, [each[2] for each in _MIX])[0]
    request, response, resources = _content(chance, call, account, region)
    return {
        "eventVersion": "1.11",
        "userIdentity": chance.choice(callers),
        "eventTime": time,
        "eventSource": f"{service}.amazonaws.com",
        "eventName": call,
        "awsRegion": region,
        "sourceIPAddress": f"10.{chance.randrange(8)}.{chance.randrange(4)}.{chance.randrange(250)}",
        "userAgent": chance.choice(_AGENTS),
        "requestParameters": request,
        "responseElements": response,
        "requestID": _uuid(chance),
        "eventID": _uuid(chance),
        "readOnly": reads,
        **({"resources": resources} if resources else {}),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{service}.{region}.amazonaws.com",
        },
    }


def _content(chance: random.Random, call: str, account: str, region: str) -> tuple[Any, Any, list[dict[str, str]]]:
    """Parameters, response and resources of a record."""
    if call == "AssumeRole":
        return _assumed_role(chance, account)
    if call in {"Decrypt", "GenerateDataKey"}:
        key = f"arn:aws:kms:{region}:{account}:key/{_uuid(random.Random(chance.randrange(9)))}"  # noqa: S311
        context = {"aws:ebs:id": f"vol-{chance.getrandbits(68):017x}"}
        parameters = {"encryptionContext": context, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"}
        return parameters, None, [{"accountId": account, "type": "AWS::KMS::Key", "ARN": key}]
    if call.startswith("Describe"):
        ids = [{"instanceId": f"i-{chance.getrandbits(68):017x}"} for _ in range(chance.randrange(1, 3))]
        return {"instancesSet": {"items": ids}, "filterSet": {}, "maxResults": 1000}, None, []
    return {"name": f"/app/{chance.choice(_ROLES)}/{_token(chance, 12)}", "maxResults": 50}, None, []


def _assumed_role(chance: random.Random, account: str) -> tuple[Any, Any, list[dict[str, str]]]:
    role, session = chance.choice(_ROLES), f"session-{chance.randrange(10**9)}"
    arn = f"arn:aws:iam::{account}:role/{role}"
    response = {
        "credentials": {
            "accessKeyId": f"ASIA{_token(chance, 16)}",
            "sessionToken": f"IQoJb3JpZ2luX2Vj{_token(chance, 40)}EXAMPLETOKEN==",
            "expiration": "Dec 1, 2025, 1:00:00 AM",
        },
        "assumedRoleUser": {
            "assumedRoleId": f"AROA{_token(chance, 17)}:{session}",
            "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        },
    }
    parameters = {"roleArn": arn, "roleSessionName": session, "durationSeconds": 3600}
    return parameters, response, [{"accountId": account, "type": "AWS::IAM::Role", "ARN": arn}]


def _write_beside(folder: Path, chance: random.Random) -> None:
    """A digest file and an Insight file, which have no records of API calls."""
    account, region = _ACCOUNTS[0], _REGIONS[0]
    at = _FIRST_DAY
    digest = {"awsAccountId": account, "digestStartTime": f"{at:%Y-%m-%dT%H:%M:%SZ}", "logFiles": []}
    insight = {
        "eventVersion": "1.07",
        "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "awsRegion": region,
        "eventID": _uuid(chance),
        "eventType": "AwsCloudTrailInsight",
        "recipientAccountId": account,
        "insightDetails": {"state": "Start", "eventSource": "ec2.amazonaws.com", "eventName": "RunInstances"},
        "eventCategory": "Insight",
    }
    for kind, content in (("CloudTrail-Digest", digest), ("CloudTrail-Insight", {"Records": [insight]})):
        name = f"{account}_{kind}_{region}_{at:%Y%m%dT%H%MZ}.json.gz"
        _write(_day(folder, account, kind, region, at) / name, msgspec.json.encode(content))
