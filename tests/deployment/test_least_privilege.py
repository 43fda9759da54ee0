"""IAM and resource policies of the templates: every wildcard has a documented reason, every role only what it needs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load

from support.paths import ROOT

# Those of a person who deploys are evaluated by tests/deployment/test_deployer_permissions.py.
TEMPLATES = {
    path.stem: load(str(path)) for path in sorted((ROOT / "eventbridge").glob("*.yaml")) if path.stem != "deployer"
}

# (template, resource, statement id) -> the wildcards, and the reason for them.
EXPLAINED = {
    ("hub", "OrganizationBusPolicy", "organization"): ("Principal *", "the condition names the organization"),
    ("hub", "OperatorsKey", "AllowAccountAdministration"): (
        "Action kms:* | Resource *",
        "in a key policy * means this key; without the account nobody could change the key",
    ),
    ("hub", "OperatorsKey", "AllowAlarmsOfThisAccount"): ("Resource *", "in a key policy * means this key"),
    ("hub", "AlertRole", "WriteLogs"): ("Resource …-alert:*", "the streams of one log group, named by Lambda"),
    ("hub", "DeliverRole", "WriteLogs"): ("Resource …-deliver:*", "the streams of one log group, named by Lambda"),
    ("hub", "HeartbeatRole", "WriteLogs"): ("Resource …-heartbeat:*", "the streams of one log group"),
    **{
        ("hub", role, sid): (wildcard, "the signing secret and the bot token of the Slack app, named in policy.yaml")
        for role in ("ActionsRole", "ActRole")
        for sid, wildcard in {
            "ReadParametersOfActions": "Resource …parameter/gatewatch/actions/*",
            "ReadSecretsOfActions": "Resource …secret:gatewatch/actions/*",
        }.items()
    },
    ("hub", "ActionsRole", "WriteLogs"): ("Resource …-actions:*", "the streams of one log group"),
    ("hub", "ActRole", "WriteLogs"): ("Resource …-act:*", "the streams of one log group"),
    ("hub", "ActRole", "AssumeRevertRole"): (
        "Resource …::*:role/gatewatch/gatewatch-revert",
        "accounts.yaml names the accounts; eventbridge/revert.yaml creates the role, and the role trusts the hub only",
    ),
    ("hub", "DeliverRole", "ReadParameters"): (
        "Resource …parameter/gatewatch/*",
        "policy.yaml names the parameters; all of them are secrets of gatewatch",
    ),
    ("hub", "DeliverRole", "ReadSecrets"): (
        "Resource …secret:gatewatch/*",
        "policy.yaml names the secrets, and Secrets Manager appends six characters to each name",
    ),
    ("hub", "HeartbeatRole", "AssumeDoctorRole"): (
        "Resource …::*:role/gatewatch/gatewatch-doctor",
        "canaries name the accounts; member.yaml creates the role, which can only read, and it trusts the hub only",
    ),
    ("hub", "HeartbeatRole", "ListAccounts"): (
        "Resource *",
        "ListAccounts supports no resource ARN",
    ),
    ("hub", "SweepRole", "AssumeLookupRole"): (
        "Resource …::*:role/${LookupRole}",
        "accounts.yaml names the accounts; member.yaml creates the role, which only reads and trusts the hub only",
    ),
    ("hub", "SweepRole", "WriteLogs"): ("Resource …-sweep:*", "the streams of one log group"),
    ("hub", "EscalateRole", "WriteLogs"): ("Resource …-escalate:*", "the streams of one log group"),
    ("hub", "DigestRole", "ReadMetrics"): (
        "Resource *",
        "GetMetricData supports no resource ARN; it returns numbers only",
    ),
    ("hub", "DigestRole", "SendDigestEmail"): (
        "Resource …:identity/*",
        "the verified identity may be the address or its domain; the condition limits the sender",
    ),
    ("hub", "DigestRole", "WriteLogs"): ("Resource …-digest:*", "the streams of one log group"),
    ("hub", "AccessKeysRole", "AssumeKeyRotationRole"): (
        "Resource …::*:role/gatewatch-access-keys",
        "accounts.yaml names the accounts; member.yaml creates the role, and the role trusts the hub only",
    ),
    ("hub", "AccessKeysRole", "WriteLogs"): ("Resource …-access_keys:*", "the streams of one log group"),
    ("hub", "AlertRole", "AssumeLookupRole"): (
        "Resource …::*:role/${LookupRole}",
        "accounts.yaml names the accounts; member.yaml creates the role, and the role trusts the hub only",
    ),
    ("member", "LookupRole", "ReadWhatIsOpen"): (
        "Resource *",
        "EC2 Describe calls support no resource ARN, and what is open may be any bucket or database",
    ),
    ("member", "DoctorRole", "Trails"): (
        "Resource *",
        "the trail of an organization is in another account, under any name",
    ),
    ("member", "DoctorRole", "Rules"): ("Resource …rule/gatewatch-*", "the rules of member.yaml in every Region"),
    ("member", "DoctorRole", "Undelivered"): (
        "Resource …:gatewatch-undelivered",
        "one queue per Region; the role exists once per account",
    ),
    ("member", "DoctorRole", "GatewatchRoles"): (
        "Resource …role/gatewatch/*",
        "the path of the roles of member.yaml, one per Region, named by CloudFormation",
    ),
    ("member", "DoctorRole", "Recorders"): ("Resource *", "these actions support no resource ARN"),
    ("member", "RemediationRole", "ReadSecurityGroups"): (
        "Resource *",
        "Describe calls of EC2 and Elastic Load Balancing support no resource ARN",
    ),
    ("member", "RemediationRole", "ChangeIngressRules"): (
        "Resource …security-group/* | Resource …security-group-rule/*",
        "any group may need remediation; policy.yaml lists the exempt ones",
    ),
    ("member", "RemediationRole", "PutEvaluations"): ("Resource *", "PutEvaluations supports no resource ARN"),
    ("member", "RemediationRole", "TagNewRules"): (
        "Resource …security-group-rule/*",
        "the id of a new rule is not known; the condition limits it to creation",
    ),
    ("member", "RemediationRole", "LookUpHistory"): (
        "Resource *",
        "not all of the three actions support a resource ARN",
    ),
    ("member", "RemediationRole", "ImportFindings"): (
        "Resource …/default",
        "the default product of the account, in every Region",
    ),
    ("member", "RemediationRole", "ReadFindings"): (
        "Resource …hub/default",
        "the hub of the account, in every Region",
    ),
    ("member", "RemediationRole", "ReadOwnEvaluations"): (
        "Resource …config-rule/*",
        "AWS chooses the ids of Config rules",
    ),
    ("member", "KeyRotationRole", "ListUsers"): ("Resource *", "the users are not known before they are listed"),
    ("member", "KeyRotationRole", "DeactivateAndDeleteKeys"): (
        "Resource …:user/*",
        "any user may have an old key; policy.yaml lists the exempt ones",
    ),
    **{
        ("revert", "RevertRole", name): (
            found,
            "any resource of the account may be opened by a call; only one that a stored event names is changed",
        )
        for name, found in {
            "ChangeRules": "Resource …security-group/* | Resource …security-group-rule/*",
            "TagRestoredRules": "Resource …security-group-rule/*",
            "ChangeShares": "Resource …image/* | Resource …snapshot/*",
            "ChangeEndpoints": "Resource …security-group/* | Resource …vpc-endpoint/*",
            "ChangeInterfaces": "Resource …network-interface/* | Resource …security-group/*",
            "ChangeLoadBalancers": "Resource …loadbalancer/*",
            "ChangeBuckets": "Resource …s3:::*",
            "ChangeQueues": "Resource …:*",
            "ChangeTopics": "Resource …:*",
            "ChangeFunctions": "Resource …function:*",
            "ChangeDatabases": "Resource …cluster:* | Resource …cluster-snapshot:* | Resource …db:* | "
            "Resource …snapshot:*",
            "ChangeAccessKeys": "Resource …user/*",
        }.items()
    },
    ("identity_store", "IdentityStoreRole", "FindUsers"): (
        "Resource …identitystore::*:identitystore/${IdentityStoreId} | Resource …:::user/*",
        "the store is named; whose account it is, and which users it has, is not known",
    ),
    ("revert", "RevertRole", "ReadNetwork"): (
        "Resource *",
        "Describe calls of EC2 and Elastic Load Balancing support no resource ARN",
    ),
    ("revert", "RevertRole", "ChangeBlocks"): ("Resource *", "the switches of an account have no resource ARN"),
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def documents(properties: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the policy documents of a resource, from whichever property has them."""
    named = [
        properties[key] for key in ("PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument") if key in properties
    ]
    inline = [policy["PolicyDocument"] for policy in properties.get("Policies", []) if isinstance(policy, dict)]
    return [*named, *inline]


def statements(template: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Events::EventBusPolicy":
            found.append((name, {"Sid": properties["StatementId"], **properties["Statement"]}))
        found += [(name, plain(each)) for policy in documents(properties) for each in policy["Statement"]]
    return found


def plain(statement: dict[str, Any]) -> dict[str, Any]:
    """Return the statement of an Fn::If as if its condition were true."""
    return statement["Fn::If"][1] if "Fn::If" in statement else statement


def text(value: Any) -> str:
    """Return a string, or the strings inside an intrinsic function."""
    if isinstance(value, dict):
        return " ".join(text(each) for inner in value.values() for each in as_list(inner))
    return str(value)


def wildcards(statement: dict[str, Any]) -> list[str]:
    """Return the wildcards of an Allow statement; those of a Deny are harmless."""
    if statement["Effect"] == "Deny":
        return []
    keys = ("Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal")
    pairs = [(key, text(each)) for key in keys if key in statement for each in as_list(statement[key])]
    return [f"{key} {value}" for key, value in pairs if "*" in value or key.startswith("Not")]


FOUND = {
    (template, resource, statement.get("Sid", "")): wildcards(statement)
    for template, document in TEMPLATES.items()
    for resource, statement in statements(document)
    if wildcards(statement)
}


def test_templates_with_policies_were_read():
    assert {"hub", "member"} <= TEMPLATES.keys()
    assert len(statements(TEMPLATES["hub"])) > 20


def test_every_wildcard_has_a_reason_and_every_reason_a_wildcard():
    assert sorted(FOUND) == sorted(EXPLAINED)


@pytest.mark.parametrize("where", sorted(EXPLAINED), ids="/".join)
def test_a_wildcard_is_the_documented_one(where):
    expected, reason = EXPLAINED[where]
    found = FOUND.get(where, [])
    assert reason
    assert len(found) == len(expected.split(" | "))
    for wildcard, explained in zip(found, expected.split(" | "), strict=True):
        key, _, tail = explained.partition(" ")
        assert wildcard.startswith(f"{key} ")
        assert wildcard.endswith(tail.removeprefix("…"))
        assert tail.startswith("…") or wildcard == explained


@pytest.mark.parametrize(
    ("statement", "wildcard"),
    [
        ({"Effect": "Allow", "Action": "sqs:*", "Resource": "arn"}, "Action sqs:*"),
        ({"Effect": "Allow", "Action": ["sqs:SendMessage", "*"], "Resource": "arn"}, "Action *"),
        ({"Effect": "Allow", "Action": "a:B", "Resource": {"Fn::Sub": "arn:${A}:*"}}, "Resource arn:${A}:*"),
        ({"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "arn"}, "NotAction iam:PassRole"),
        ({"Effect": "Allow", "Action": "a:B", "Resource": "arn", "Principal": {"AWS": "*"}}, "Principal *"),
    ],
)
def test_wildcards_of_an_allow_statement_are_found(statement, wildcard):
    assert wildcards(statement) == [wildcard]


def test_wildcards_of_a_deny_statement_are_ignored():
    assert wildcards({"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}) == []


# The permissions of each function without wildcards, complete.
MAY = {
    "AlertRole": {
        "sqs:ReceiveMessage Events",
        "sqs:DeleteMessage Events",
        "sqs:GetQueueAttributes Events",
        "sqs:SendMessage Outbox",
        "sqs:SendMessage EventsDlq",
        "dynamodb:GetItem Table",
        "dynamodb:UpdateItem Table",
        "dynamodb:BatchGetItem Table",
        "dynamodb:BatchWriteItem Table",
        "dynamodb:BatchWriteItem ActivityTable",
    },
    "DeliverRole": {
        "sqs:ReceiveMessage Outbox",
        "sqs:DeleteMessage Outbox",
        "sqs:ChangeMessageVisibility Outbox",
        "sqs:GetQueueAttributes Outbox",
        "sqs:SendMessage Outbox",
        "sqs:SendMessage OutboxDlq",
        "dynamodb:GetItem Table",
        "dynamodb:PutItem Table",
        "dynamodb:UpdateItem Table",
        "events:PutEvents EventBuses",
        "sns:Publish Alerts",
        "kms:Decrypt SecretsKeyArn",
    },
    "HeartbeatRole": {
        "sqs:SendMessage Outbox",
        "dynamodb:BatchGetItem Table",
        "dynamodb:GetItem Table",
        "dynamodb:PutItem Table",
        "dynamodb:UpdateItem Table",
    },
    "ActionsRole": {
        "sqs:SendMessage Clicks",
        "dynamodb:UpdateItem Table",
        "kms:Decrypt SecretsKeyArn",
    },
    "ActRole": {
        "sqs:ReceiveMessage Clicks",
        "sqs:DeleteMessage Clicks",
        "sqs:GetQueueAttributes Clicks",
        "sqs:SendMessage Outbox",
        "dynamodb:BatchGetItem Table",
        "dynamodb:GetItem Table",
        "dynamodb:PutItem Table",
        "dynamodb:UpdateItem Table",
        "sts:AssumeRole IdentityStoreRoleArn",
        "kms:Decrypt SecretsKeyArn",
    },
    "EscalateRole": {
        "sqs:SendMessage Outbox",
        "dynamodb:BatchGetItem Table",
        "dynamodb:UpdateItem Table",
        "dynamodb:GetItem Table",
    },
    "DigestRole": {
        "sqs:SendMessage Outbox",
        "dynamodb:Query ActivityTable",
        "dynamodb:UpdateItem ActivityTable",
        "dynamodb:GetItem ActivityTable",
        "dynamodb:PutItem ActivityTable",
        "dynamodb:BatchGetItem Table",
    },
    "AccessKeysRole": {
        "sqs:SendMessage Outbox",
        "sqs:SendMessage AccessKeysDlq",
        "dynamodb:GetItem Table",
        "dynamodb:PutItem Table",
        "dynamodb:UpdateItem Table",
    },
}


@pytest.mark.parametrize("role", MAY)
def test_a_function_has_exactly_these_permissions(role):
    allowed = [statement for name, statement in statements(TEMPLATES["hub"]) if name == role]
    named = {
        f"{action} {text(resource).removesuffix(' Arn')}"
        for statement in allowed
        if "Resource" in statement and not wildcards(statement)
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }
    assert named == MAY[role]


@pytest.mark.parametrize("role", MAY)
def test_the_role_of_a_function_trusts_lambda_only_and_has_no_managed_policy(role):
    properties = TEMPLATES["hub"]["Resources"][role]["Properties"]
    (trust,) = properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert "ManagedPolicyArns" not in properties


def test_only_the_deliver_role_can_write_the_ledger():
    keys_of_functions = ("access-key", "access-keys-unreported", "snapshot", "own-action", "silent-change")
    own = {
        f"{each}#*"
        for each in (
            "canaries",
            "heartbeat",
            "reminders",
            "deferred",
            "due",
            "rule",
            "open-group",
            "failed-sign-ins",
            "changed-accounts",
            "first-call",
            "first-call-since",
            "click",
            "action",
            "action-due",
            "conflict",
            "snoozed",
            "due",
            *keys_of_functions,
        )
    }
    inventory = {"canaries#*", "inventory#*", "inventory-account#*"}
    readable = {"delivered#*", "exposures#*", "parent#*", "action-message#*", "attached-groups#*", *inventory}
    for role in MAY.keys() - {"DeliverRole"}:
        for name, statement in statements(TEMPLATES["hub"]):
            if (
                name == role
                and "dynamodb" in text(statement.get("Action"))
                and text(statement["Resource"]) == "Table Arn"
            ):
                keys = set(as_list(statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]))
                may_only_read = set(as_list(statement["Action"])) <= {"dynamodb:GetItem", "dynamodb:BatchGetItem"}
                assert keys <= own or (may_only_read and keys <= readable)


WRITTEN_BY_OTHERS = {"action-day#*", "deferred#*", "due#*", "action#*", "action-message#*"}


def test_the_deliver_role_records_messages_of_alerts_and_cannot_write_what_people_did():
    found = {each.get("Sid"): each for name, each in statements(TEMPLATES["hub"]) if name == "DeliverRole"}
    reads, writes = found["ReadActions"], found["RecordMessagesOfAlerts"]
    assert (reads["Action"], writes["Action"]) == ("dynamodb:GetItem", "dynamodb:PutItem")
    assert "action#*" not in text(writes)


def test_the_deliver_role_is_limited_to_the_rows_of_delivery():
    sources = (ROOT / "gatewatch" / "delivery").glob("*.py")
    prefixes = {name for each in sources for name in re.findall(r'f?"([a-z-]+)#|prefix="([a-z-]+)"', each.read_text())}
    rows = {f"{first or second}#*" for first, second in prefixes} - WRITTEN_BY_OTHERS
    (state,) = (each for _, each in statements(TEMPLATES["hub"]) if each.get("Sid") == "ReadAndWriteDeliveryState")
    assert set(state["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]) == rows


def test_the_alert_role_can_read_own_actions_but_not_write_them():
    may = [each for name, each in statements(TEMPLATES["hub"]) if name == "AlertRole" and "own-action#*" in text(each)]
    assert [each["Action"] for each in may] == ["dynamodb:BatchGetItem"]


def test_the_access_keys_role_writes_rows_of_keys_snapshots_and_own_actions_only():
    (known,) = (each for _, each in statements(TEMPLATES["hub"]) if each.get("Sid") == "ReadAndWriteKeyState")
    keys = {"access-key#*", "access-keys-unreported#*", "snapshot#*", "own-action#*"}
    assert set(known["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]) == keys
