"""No wildcard without a reason: every policy of every template is read, and each `*` must stand on the list below."""

from __future__ import annotations

from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load

from support.paths import ROOT

TEMPLATES = {path.stem: load(str(path)) for path in sorted((ROOT / "eventbridge").glob("*.yaml"))}

# (template, resource, statement) -> the wildcard, and why it must be one.
EXPLAINED = {
    ("hub", "OrganizationMaySend", "organization"): ("Principal *", "the condition names the organization"),
    ("hub", "OperatorsKey", "AccountAdministers"): (
        "Action kms:* | Resource *",
        "in a key's policy * is this key; without its account nobody could ever change the key",
    ),
    ("hub", "OperatorsKey", "AlarmsOfThisAccount"): ("Resource *", "in a key's policy * is this key"),
    ("hub", "AlertRole", "WriteItsLog"): ("Resource …-alert:*", "the streams of one log group; Lambda names them"),
    ("hub", "DeliverRole", "WriteItsLog"): ("Resource …-deliver:*", "the streams of one log group; Lambda names them"),
    ("hub", "HeartbeatRole", "WriteItsLog"): ("Resource …-heartbeat:*", "the streams of one log group"),
    ("hub", "DeliverRole", "ReadParameters"): (
        "Resource …parameter/gatewatch/*",
        "policy.yaml names the parameters; all of them are secrets of gatewatch",
    ),
    ("hub", "DeliverRole", "ReadSecrets"): (
        "Resource …secret:gatewatch/*",
        "policy.yaml names the secrets, and Secrets Manager adds six letters to each name",
    ),
    ("hub", "HeartbeatRole", "KnowTheOrganization"): (
        "Resource *",
        "Organizations takes no resource for ListAccounts",
    ),
    ("hub", "DigestRole", "KnowWhatIsMissing"): (
        "Resource *",
        "CloudWatch takes no resource for GetMetricData; numbers are all it tells",
    ),
    ("hub", "DigestRole", "MailTheDigest"): (
        "Resource …:identity/*",
        "the address or its domain may be what is verified; the condition holds it to one sender",
    ),
    ("hub", "DigestRole", "WriteItsLog"): ("Resource …-digest:*", "the streams of one log group"),
    ("hub", "AccessKeysRole", "VisitMembers"): (
        "Resource …::*:role/gatewatch-access-keys",
        "accounts.yaml names the accounts; a role of this name is only where member.yaml made it, and trusts the hub",
    ),
    ("hub", "AccessKeysRole", "WriteItsLog"): ("Resource …-access_keys:*", "the streams of one log group"),
    ("hub", "AlertRole", "AskMembers"): (
        "Resource …::*:role/${ReadRole}",
        "any account may be the one; the role is only where member.yaml made it, and trusts the hub",
    ),
    ("member", "SurveyRole", "SeeWhatAGroupGuards"): ("Resource *", "EC2 takes no resource for a Describe"),
    ("member", "ReadRole", "Trails"): ("Resource *", "an organization's trail is in another account, under any name"),
    ("member", "ReadRole", "Rules"): ("Resource …rule/gatewatch-*", "the rules of member.yaml, in every Region"),
    ("member", "ReadRole", "Undelivered"): (
        "Resource …:gatewatch-undelivered",
        "one queue in every Region; the role is made once an account",
    ),
    ("member", "ReadRole", "RolesOfTheRoad"): (
        "Resource …role/gatewatch/*",
        "the path under which member.yaml makes its roles, one a Region, named by CloudFormation",
    ),
    ("member", "ReadRole", "Recorders"): ("Resource *", "Config takes no resource for these two"),
    ("member", "RemediationRole", "SeeGroups"): ("Resource *", "EC2 takes no resource for a Describe"),
    ("member", "RemediationRole", "PutRulesBack"): (
        "Resource …security-group/* | Resource …security-group-rule/*",
        "any group may be the one that somebody opened; policy.yaml says which are exempt",
    ),
    ("member", "RemediationRole", "TellConfig"): ("Resource *", "Config takes no resource for PutEvaluations"),
    ("member", "RemediationRole", "KeepTags"): (
        "Resource …security-group-rule/*",
        "the id of a rule is not known before it is made; the condition holds it to that moment",
    ),
    ("member", "RemediationRole", "Ask"): ("Resource *", "none of the three takes a resource in every form"),
    ("member", "RemediationRole", "KnowItsOwnWord"): (
        "Resource …config-rule/*",
        "the id of a Config rule is AWS's choice, one a Region",
    ),
    ("member", "KeeperRole", "SeeWhoHasKeys"): ("Resource *", "IAM knows no user before it has listed them"),
    ("member", "KeeperRole", "RetireKeys"): (
        "Resource …:user/*",
        "any user may have a key that is too old; policy.yaml says who is exempt",
    ),
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def documents(properties: dict[str, Any]) -> list[dict[str, Any]]:
    """The policies of a resource, whichever of its properties holds them."""
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
    """A statement that a condition may leave out is read as if it were there."""
    return statement["Fn::If"][1] if "Fn::If" in statement else statement


def text(value: Any) -> str:
    """A string, or what stands in an intrinsic function."""
    if isinstance(value, dict):
        return " ".join(text(each) for inner in value.values() for each in as_list(inner))
    return str(value)


def wildcards(statement: dict[str, Any]) -> list[str]:
    """Denials are left out: the more they cover, the better."""
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


def test_every_wildcard_is_explained_and_every_explanation_needed():
    assert sorted(FOUND) == sorted(EXPLAINED)


@pytest.mark.parametrize("where", sorted(EXPLAINED), ids="/".join)
def test_a_wildcard_is_the_one_that_is_explained(where):
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
def test_a_wildcard_is_seen(statement, wildcard):
    assert wildcards(statement) == [wildcard]


def test_a_denial_may_cover_everything():
    assert wildcards({"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}) == []


# What each function may do, and nothing besides.
MAY = {
    "AlertRole": {
        "sqs:ReceiveMessage Events",
        "sqs:DeleteMessage Events",
        "sqs:GetQueueAttributes Events",
        "sqs:SendMessage Outbox",
        "sqs:SendMessage EventsDead",
        "dynamodb:GetItem Table",
        "dynamodb:UpdateItem Table",
        "dynamodb:BatchGetItem Table",
        "dynamodb:BatchWriteItem Table",
        "dynamodb:BatchWriteItem Book",
    },
    "DeliverRole": {
        "sqs:ReceiveMessage Outbox",
        "sqs:DeleteMessage Outbox",
        "sqs:ChangeMessageVisibility Outbox",
        "sqs:GetQueueAttributes Outbox",
        "sqs:SendMessage Outbox",
        "sqs:SendMessage OutboxDead",
        "dynamodb:GetItem Table",
        "dynamodb:PutItem Table",
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
    "DigestRole": {
        "sqs:SendMessage Outbox",
        "dynamodb:Query Book",
        "dynamodb:UpdateItem Book",
        "dynamodb:GetItem Book",
        "dynamodb:PutItem Book",
    },
    "AccessKeysRole": {
        "sqs:SendMessage Outbox",
        "sqs:SendMessage AccessKeysDead",
        "dynamodb:GetItem Table",
        "dynamodb:PutItem Table",
        "dynamodb:UpdateItem Table",
    },
}


@pytest.mark.parametrize("role", MAY)
def test_a_function_may_do_its_work_and_nothing_besides(role):
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
def test_a_role_of_a_function_is_taken_by_lambda_only_and_has_no_managed_policy(role):
    properties = TEMPLATES["hub"]["Resources"][role]["Properties"]
    (trust,) = properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert "ManagedPolicyArns" not in properties


def test_nobody_but_who_delivers_can_make_an_alert_look_delivered():
    names = ("seen", "heartbeat", "held", "rule", "failures", "access-key", "access-keys-untold", "preimage", "deed")
    own = {f"{each}#*" for each in names}
    for role in MAY.keys() - {"DeliverRole"}:
        for name, statement in statements(TEMPLATES["hub"]):
            if name == role and "dynamodb" in text(statement.get("Action")) and "Table" in text(statement["Resource"]):
                keys = as_list(statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
                assert set(keys) <= own


def test_who_alerts_reads_what_gatewatch_did_and_cannot_make_it_up():
    may = [each for name, each in statements(TEMPLATES["hub"]) if name == "AlertRole" and "deed#*" in text(each)]
    assert [each["Action"] for each in may] == ["dynamodb:BatchGetItem"]


def test_who_looks_after_keys_writes_the_rows_of_keys_and_of_what_stood_before_only():
    (known,) = (each for _, each in statements(TEMPLATES["hub"]) if each.get("Sid") == "KnowWhatWasDone")
    keys = {"access-key#*", "access-keys-untold#*", "preimage#*", "deed#*"}
    assert set(known["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]) == keys
