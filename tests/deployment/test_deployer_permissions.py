"""eventbridge/deployer.yaml allows what a deployment calls, and refuses the same calls on other resources."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from cfnlint.decode.cfn_yaml import load

from support.cloudformation import Stack
from support.iam import MISSING, decisions, simulation
from support.paths import EVENTBRIDGE, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT, REGION = "999988887777", "us-east-1"
PERSON = f"arn:aws:iam::{ACCOUNT}:role/deployer"
SIMULATED = pytest.mark.skipif(bool(MISSING), reason=MISSING)
Request = tuple[str, str, tuple[tuple[str, str], ...]]

ROLE = "CreateRole DeleteRole GetRole PutRolePolicy DeleteRolePolicy UpdateAssumeRolePolicy TagRole"
TAGGED = (("aws__ResourceTag/application", "gatewatch"),)
# A function, its log group, its event source mapping and the deployment bucket, as osls deploys them.
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:gatewatch-prod-alert"
BUCKET = "arn:aws:s3:::gatewatch-prod-serverlessdeploymentbucket-1a2b3c4d5e6f"
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{{}}/0aaaaaaa-1111-2222-3333-444444444444"
LAMBDA = (
    "CreateFunction GetFunction UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction AddPermission TagResource"
)
LOGS = "CreateLogGroup PutRetentionPolicy DeleteLogGroup"
LOG_GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/gatewatch-prod-alert"
ALERT_ROLE = f"arn:aws:iam::{ACCOUNT}:role/gatewatch-prod-AlertRole-1A2B"
CREATE_BUCKET = "CreateBucket PutBucketPolicy PutEncryptionConfiguration PutBucketPublicAccessBlock ListBucket"
# What CloudFormation calls with the credentials of the caller to create, change and delete a resource of each type
# (the handlers' permissions in the registry of CloudFormation), and the resource: {arn}, or by a property.
CALLS: dict[str, tuple[str, str, str]] = {
    "AWS::CloudWatch::Alarm": (
        "cloudwatch",
        "PutMetricAlarm DeleteAlarms DescribeAlarms",
        "cloudwatch:{region}:{account}:alarm:{AlarmName}",
    ),
    "AWS::CloudWatch::Dashboard": (
        "cloudwatch",
        "PutDashboard GetDashboard DeleteDashboards",
        "cloudwatch::{account}:dashboard/{DashboardName}",
    ),
    "AWS::Config::ConfigRule": ("config", "PutConfigRule DescribeConfigRules DeleteConfigRule", "*"),
    "AWS::Config::RemediationConfiguration": (
        "config",
        "PutRemediationConfigurations DescribeRemediationConfigurations DeleteRemediationConfiguration",
        "*",
    ),
    "AWS::DynamoDB::Table": (
        "dynamodb",
        "CreateTable DescribeTable UpdateTable DeleteTable UpdateTimeToLive UpdateContinuousBackups TagResource",
        "{arn}",
    ),
    "AWS::Events::Archive": (
        "events",
        "CreateArchive DescribeArchive UpdateArchive DeleteArchive",
        "events:{region}:{account}:archive/{ArchiveName}",
    ),
    "AWS::Events::EventBus": ("events", "CreateEventBus DescribeEventBus DeleteEventBus TagResource", "{arn}"),
    "AWS::Events::EventBusPolicy": ("events", "PutPermission RemovePermission", "*"),
    "AWS::Events::Rule": (
        "events",
        "PutRule PutTargets DescribeRule ListTargetsByRule RemoveTargets DeleteRule TagResource",
        "{arn}",
    ),
    "AWS::IAM::Role": ("iam", ROLE, "{arn}"),
    "AWS::KMS::Key": ("kms", "DescribeKey PutKeyPolicy EnableKeyRotation ScheduleKeyDeletion", "{arn}"),
    "AWS::SNS::Subscription": ("sns", "Subscribe", "sns:{region}:{account}:gatewatch-prod-alerts"),
    "AWS::SNS::Topic": ("sns", "CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic TagResource", "{arn}"),
    "AWS::SNS::TopicPolicy": ("sns", "SetTopicAttributes", "sns:{region}:{account}:gatewatch-prod-alerts"),
    "AWS::SQS::Queue": ("sqs", "CreateQueue GetQueueAttributes SetQueueAttributes DeleteQueue TagQueue", "{arn}"),
    "AWS::SQS::QueuePolicy": ("sqs", "SetQueueAttributes", "sqs:{region}:{account}:gatewatch-prod-events"),
    "AWS::SSM::Document": (
        "ssm",
        "CreateDocument UpdateDocument UpdateDocumentDefaultVersion DeleteDocument AddTagsToResource",
        "ssm:{region}:{account}:document/{Name}",
    ),
    "AWS::Config::ConfigurationRecorder": (
        "config",
        "PutConfigurationRecorder StartConfigurationRecorder DeleteConfigurationRecorder",
        "*",
    ),
    "AWS::Config::DeliveryChannel": (
        "config",
        "PutDeliveryChannel DescribeDeliveryChannels DeleteDeliveryChannel",
        "*",
    ),
    "AWS::Config::OrganizationConfigRule": (
        "config",
        "PutOrganizationConfigRule DescribeOrganizationConfigRules DeleteOrganizationConfigRule",
        "*",
    ),
    "AWS::Config::OrganizationConformancePack": (
        "config",
        "PutOrganizationConformancePack DescribeOrganizationConformancePacks DeleteOrganizationConformancePack",
        "*",
    ),
    "AWS::Config::ConfigurationAggregator": (
        "config",
        "PutConfigurationAggregator DescribeConfigurationAggregators DeleteConfigurationAggregator",
        "*",
    ),
    "AWS::Config::AggregationAuthorization": (
        "config",
        "PutAggregationAuthorization DeleteAggregationAuthorization",
        "*",
    ),
    "AWS::Lambda::Function": ("lambda", LAMBDA, "{arn}"),
    "AWS::Lambda::Permission": ("lambda", "AddPermission RemovePermission", FUNCTION.removeprefix("arn:aws:")),
    "AWS::Logs::LogGroup": (
        "logs",
        "CreateLogGroup PutRetentionPolicy DeleteLogGroup",
        LOG_GROUP.removeprefix("arn:aws:"),
    ),
    "AWS::S3::Bucket": (
        "s3",
        "CreateBucket PutBucketVersioning PutEncryptionConfiguration PutBucketPublicAccessBlock",
        "s3:::gatewatch-recorder-history-1a2b3c",
    ),
    "AWS::S3::BucketPolicy": ("s3", "PutBucketPolicy DeleteBucketPolicy", "s3:::gatewatch-recorder-history-1a2b3c"),
    "AWS::Chatbot::SlackChannelConfiguration": (
        "chatbot",
        "CreateSlackChannelConfiguration UpdateSlackChannelConfiguration DeleteSlackChannelConfiguration",
        "*",
    ),
}
OF_A_MEMBER = ("rules", "recorder")
OF_THE_MONITORING_ACCOUNT = ("function", "ingress", "organization", "aggregator")
TEMPLATES = {
    "hub.yaml": EVENTBRIDGE / "hub.yaml",
    "member.yaml": EVENTBRIDGE / "member.yaml",
    **{f"{name}.yaml": ROOT / "compliance" / f"{name}.yaml" for name in (*OF_A_MEMBER, *OF_THE_MONITORING_ACCOUNT)},
}
STACK_CALLS = (
    "CreateStack CreateChangeSet DescribeChangeSet ExecuteChangeSet DeleteChangeSet UpdateStack DescribeStacks "
    "DescribeStackEvents DescribeStackResource DescribeStackResources ListStackResources GetTemplate DeleteStack"
)
STACK_SET_CALLS = (
    "UpdateStackSet DescribeStackSet DescribeStackSetOperation ListStackInstances CreateStackInstances "
    "DeleteStackInstances DeleteStackSet"
)
STACK_SET = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stackset/gatewatch-member:0aaaaaaa"


def calls(service: str, actions: str, resource: str, *context: tuple[str, str]) -> list[Request]:
    return [(f"{service}:{action}", resource, context) for action in actions.split()]


OF_MEMBERS = calls("cloudformation", STACK_CALLS, STACK.format("gatewatch-member"))
OF_THE_HUB = [
    *calls("cloudformation", STACK_CALLS, STACK.format("gatewatch-prod")),
    *calls("cloudformation", "ValidateTemplate CreateStackSet", "*"),
    *calls("cloudformation", STACK_SET_CALLS, STACK_SET),
    *calls("lambda", LAMBDA, FUNCTION),
    *calls("lambda", "CreateEventSourceMapping DeleteEventSourceMapping", "*", ("lambda__FunctionArn", FUNCTION)),
    *calls("iam", "PassRole", ALERT_ROLE, ("iam__PassedToService", "lambda.amazonaws.com")),
    *calls("logs", LOGS, LOG_GROUP),
    *calls("s3", CREATE_BUCKET, BUCKET),
    *calls("s3", "PutObject GetObject DeleteObject", f"{BUCKET}/serverless/gatewatch/prod/code.zip"),
    *calls("kms", "CreateKey", "*", ("aws__RequestTag/application", "gatewatch")),
    *calls("ssm", "PutParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/gatewatch/slack/sec-all"),
    *calls("ecr", "DescribeRepositories", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/serverless-gatewatch-prod"),
]


@cache
def stack(name: str) -> Stack:
    bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/gatewatch-prod"
    roles = ("DoctorRoleArn", "RemediationRoleArn", "KeyRotationRoleArn", "LookupRoleArn")
    chat = {"ChatWorkspaceId": "T1", "ChatChannelId": "C1"}
    given = {
        "hub.yaml": {"MailTo": "a@example.com", "MemberAccounts": "111122223333", **chat},
        "member.yaml": {"HubBusArn": bus, **dict.fromkeys(roles, ALERT_ROLE)},
        "function.yaml": {"HubRegion": REGION, "CodeBucket": "code", "CodeKey": "code.zip"},
        "organization.yaml": {"FunctionArn": FUNCTION},
        "ingress.yaml": {"FunctionArn": FUNCTION},
    }
    return Stack(TEMPLATES[name], ACCOUNT, REGION, "aws", given.get(name, {}))


def requests(name: str) -> Iterator[Request]:
    """Yield the calls that a deployment of a template makes on its resources."""
    found = stack(name)
    for logical_id, type_, properties in resources(TEMPLATES[name]):
        service, actions, form = CALLS[type_]
        if form == "{arn}":
            # Roles without a name get that of the stack.
            arn = found.arn(logical_id).replace(f"gatewatch-{logical_id}", f"gatewatch-prod-{logical_id}")
        else:
            wanted = {key: each for key, each in properties.items() if f"{{{key}}}" in form}
            texts = {key: found.resolve(each) for key, each in wanted.items()}
            arn = form if form == "*" else "arn:aws:" + form.format(region=REGION, account=ACCOUNT, **texts)
        yield from calls(service, actions, arn, *(TAGGED if service == "kms" else ()))


@cache
def policies(hub: str) -> tuple[dict[str, Any], ...]:
    found = Stack(EVENTBRIDGE / "deployer.yaml", ACCOUNT, REGION, "aws", {"Hub": hub}).resources.values()
    properties = [each["Properties"] for each in found]
    return tuple({"name": each["ManagedPolicyName"], "policy": each["PolicyDocument"]} for each in properties)


@cache
def key_policy() -> dict[str, Any]:
    """Return the policy of the hub's key: without one, IAM allows nothing on a key."""
    found: dict[str, Any] = stack("hub.yaml").resources["OperatorsKey"]["Properties"]["KeyPolicy"]
    return found


def answers(asked: list[Request], hub: str = "true") -> list[str]:
    return decisions(
        [
            simulation(
                PERSON,
                action,
                resource,
                account=ACCOUNT,
                identity=policies(hub),
                policy=key_policy() if ":key/" in resource else None,
                **dict(context),
            )
            for action, resource, context in asked
        ]
    )


def test_every_type_of_resource_is_in_the_table():
    types = {type_ for path in TEMPLATES.values() for _, type_, _ in resources(path)}
    assert types == CALLS.keys()


def resources(path: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield logical id, type and properties of each resource; of a loop, those of its body."""
    for logical_id, resource in load(str(path))["Resources"].items():
        body = resource[2] if logical_id.startswith("Fn::ForEach") else {logical_id: resource}
        for name, each in body.items():
            yield name, each["Type"], each.get("Properties", {})


@pytest.mark.slow
@SIMULATED
@pytest.mark.parametrize(
    ("name", "hub"),
    [
        ("hub.yaml", "true"),
        ("member.yaml", "false"),
        *((f"{name}.yaml", "false") for name in OF_A_MEMBER),
        *((f"{name}.yaml", "true") for name in OF_THE_MONITORING_ACCOUNT),
    ],
)
def test_the_resources_of_a_template_may_be_deployed(name, hub):
    asked = list(dict.fromkeys([*requests(name), *(OF_THE_HUB if hub == "true" else OF_MEMBERS)]))
    refused = [one for one, answer in zip(asked, answers(asked, hub), strict=True) if answer != "Allowed"]
    assert refused == []


def of_somebody_else(action: str, resource: str, context: tuple[tuple[str, str], ...]) -> Request:
    def replaced(text: str) -> str:
        return text.replace("gatewatch", "other")

    return action, replaced(resource), tuple((key, replaced(value)) for key, value in context)


@pytest.mark.slow
@SIMULATED
def test_the_same_calls_on_resources_of_others_are_refused():
    every = [*requests("hub.yaml"), *requests("member.yaml"), *OF_THE_HUB]
    asked = list(dict.fromkeys(of_somebody_else(*each) for each in every))
    allowed = {one[0] for one, answer in zip(asked, answers(asked), strict=True) if answer == "Allowed"}
    without_resources = {action for action, resource, context in every if resource == "*" and not context}
    assert allowed == without_resources


@pytest.mark.slow
@SIMULATED
def test_roles_are_passed_to_the_services_of_gatewatch_only():
    (answer,) = answers(calls("iam", "PassRole", ALERT_ROLE, ("iam__PassedToService", "ec2.amazonaws.com")))
    assert answer == "ImplicitlyDenied"


@pytest.mark.parametrize("hub", ["true", "false"])
def test_a_policy_fits_into_the_quota_of_iam(hub):
    sizes = [len(json.dumps(each["policy"], separators=(",", ":"))) for each in policies(hub)]
    assert (len(sizes), max(sizes) <= 6144) == (3 if hub == "true" else 1, True)
