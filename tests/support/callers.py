"""Calls of callers at a time: people of Identity Center, sessions of roles, IAM users."""

import json
from datetime import UTC, datetime, timedelta

from gatewatch.events.decoding import decode
from support import builders

START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
SSO_PATH = "aws-reserved/sso.amazonaws.com/eu-west-1/"


def session(role, name, account=builders.ACCOUNT, path=""):
    issuer = {"type": "Role", "arn": f"arn:aws:iam::{account}:role/{path}{role}", "userName": role}
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{name}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
        "accountId": account,
        "accessKeyId": "ASIAEXAMPLEEXAMPLE01",
        "sessionContext": {"sessionIssuer": issuer},
    }


def person(name="alice@example.com", permission_set="Admin", suffix="0123456789abcdef", account=builders.ACCOUNT):
    return session(f"AWSReservedSSO_{permission_set}_{suffix}", name, account, SSO_PATH)


def call(identity=None, days=0.0, account=builders.ACCOUNT, build=builders.authorize, cidr="192.0.2.7/32", **fields):
    """An applied call of a group that opens SSH to one address; days count from START."""
    at = (START + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    shared = {"userIdentity": identity or person(account=account), "eventTime": at, "recipientAccountId": account}
    record = build(builders.item(v4=(cidr,)), response={"_return": True}, **{**shared, **fields})
    (decoded,) = decode(json.loads(json.dumps(record)))
    return decoded


def sharing(account):
    """A snapshot is shared with an account."""
    request = {"snapshotId": "snap-1", "createVolumePermission": {"add": {"items": [{"userId": account}]}}}
    kind = {"attributeType": "CREATE_VOLUME_PERMISSION"}
    return call(eventName="ModifySnapshotAttribute", requestParameters={**request, **kind})


def trusting(account):
    """An account may assume a role."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": account}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    fields = {"eventSource": "iam.amazonaws.com", "eventName": "UpdateAssumeRolePolicy", "awsRegion": "us-east-1"}
    return call(requestParameters={"roleName": "export", "policyDocument": document}, **fields)
