"""Every AWS call of every function is allowed by the templates, and each of them is refused to every other role."""

from __future__ import annotations

import ast
import importlib
import importlib.util
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import botocore.loaders
import grimp
import pytest
from botocore import xform_name

from gatewatch.aws.hub_rows import RowKind
from support.cloudformation import Stack
from support.iam import ADMINISTRATOR, MISSING, decisions, simulation
from support.paths import EVENTBRIDGE, ROOT

HUB, MEMBER, STRANGER = "999988887777", "111122223333", "555566667777"
ORGANIZATION = "o-abcdefghij"
REGIONS = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}


@dataclass(frozen=True)
class Call:
    """One AWS call as a function makes it. `resource` is formatted with the names of `Deployment.arns`."""

    action: str
    resource: str
    context: dict[str, Any] = field(default_factory=dict, hash=False)
    account: str = HUB

    @property
    def name(self) -> str:
        return f"{self.action} {self.resource} {self.context}"


def rows(*prefixes: str, actions: str, table: str = "Table") -> list[Call]:
    """Calls on rows of a table, by the prefix of their key."""
    return [
        Call(f"dynamodb:{action}", f"{{{table}}}", {"dynamodb__LeadingKeys": [prefix]})
        for prefix in prefixes
        for action in actions.split()
    ]


def logs(function: str) -> list[Call]:
    group = f"arn:{{partition}}:logs:{{region}}:{HUB}:log-group:/aws/lambda/gatewatch-prod-{function}"
    return [Call(f"logs:{action}", f"{group}:log-stream:one") for action in ("CreateLogStream", "PutLogEvents")]


def queue(name: str, actions: str) -> list[Call]:
    return [Call(f"sqs:{action}", f"{{{name}}}") for action in actions.split()]


def in_member(actions: str, resource: str = "*", **context: Any) -> list[Call]:
    return [Call(action, resource, context, MEMBER) for action in actions.split()]


RECEIVE = "ReceiveMessage DeleteMessage GetQueueAttributes"
GROUP = f"arn:{{partition}}:ec2:{{region}}:{MEMBER}:security-group/sg-0aaaaaaaaaaaaaaa1"
RULE = f"arn:{{partition}}:ec2:{{region}}:{MEMBER}:security-group-rule/sgr-0aaaaaaaaaaaaaaa1"
INTERFACE = f"arn:{{partition}}:ec2:{{region}}:{MEMBER}:network-interface/eni-0aaaaaaaaaaaaaaa1"
LOAD_BALANCERS = f"arn:{{partition}}:elasticloadbalancing:{{region}}:{MEMBER}:loadbalancer"
USER = f"arn:{{partition}}:iam::{MEMBER}:user/bob"
STORE = f"arn:{{partition}}:identitystore::{HUB}:identitystore/d-1234567890"
MEMBER_RULE = f"arn:{{partition}}:events:{{region}}:{MEMBER}:rule/gatewatch-iam"


def assume(role: str) -> list[Call]:
    return [Call("sts:AssumeRole", f"arn:{{partition}}:iam::{MEMBER}:role/{role}", account=MEMBER)]


SECRETS_OF_ACTIONS = [
    Call("ssm:GetParameter", f"arn:{{partition}}:ssm:{{region}}:{HUB}:parameter/gatewatch/actions/token"),
    Call(
        "secretsmanager:GetSecretValue",
        f"arn:{{partition}}:secretsmanager:{{region}}:{HUB}:secret:gatewatch/actions/token-AbCdEf",
    ),
    Call("kms:Decrypt", "{SecretsKey}"),
]

# What each function does, read off its code. `test_every_operation_in_the_code_is_in_the_table` compares the two.
CALLS: dict[str, list[Call]] = {
    "alert": [
        *queue("Events", RECEIVE),
        *queue("Outbox", "SendMessage"),
        *queue("EventsDlq", "SendMessage"),
        *rows("canaries#01", "deferred#01", "due#01", actions="UpdateItem"),
        *rows("rule#1", "open-group#1", actions="BatchGetItem BatchWriteItem"),
        *rows("failed-sign-ins#1", "changed-accounts#1", actions="GetItem UpdateItem"),
        *rows("first-call#1", "first-call-since#111122223333", actions="UpdateItem"),
        *rows("own-action#1", "silent-change#1", actions="BatchGetItem"),
        *rows("day#2026-11-20", "exposures", actions="BatchWriteItem", table="ActivityTable"),
        *assume("gatewatch/gatewatch-lookup"),
        *logs("alert"),
    ],
    "deliver": [
        *queue("Outbox", f"{RECEIVE} ChangeMessageVisibility SendMessage"),
        *queue("OutboxDlq", "SendMessage"),
        *rows("delivered#1", "exposures#1", "group#1", "parent#1", "rate#1", actions="GetItem PutItem"),
        *rows("action#1", "snoozed#1", actions="GetItem"),
        *rows("action-message#1", actions="PutItem"),
        *rows("action-due#01", "action-day#1", actions="UpdateItem"),
        Call("sns:Publish", "{Alerts}"),
        Call("events:PutEvents", "{EventBus}"),
        Call("ssm:GetParameter", f"arn:{{partition}}:ssm:{{region}}:{HUB}:parameter/gatewatch/slack/sec-prod"),
        Call(
            "secretsmanager:GetSecretValue",
            f"arn:{{partition}}:secretsmanager:{{region}}:{HUB}:secret:gatewatch/slack-AbCdEf",
        ),
        Call("kms:Decrypt", "{SecretsKey}"),
        *logs("deliver"),
    ],
    "heartbeat": [
        *queue("Outbox", "SendMessage"),
        *rows("canaries#01", "heartbeat#reported", "reminders#1", "deferred#01", actions="BatchGetItem UpdateItem"),
        *rows("due#01", actions="UpdateItem"),
        *rows("heartbeat#reported", "reminders#1", actions="GetItem PutItem"),
        Call("organizations:ListAccounts", "*"),
        *assume("gatewatch/gatewatch-doctor"),
        *logs("heartbeat"),
    ],
    "actions": [
        *queue("Clicks", "SendMessage"),
        *rows("click#1", actions="UpdateItem"),
        *SECRETS_OF_ACTIONS,
        *logs("actions"),
    ],
    "act": [
        *queue("Clicks", RECEIVE),
        *queue("Outbox", "SendMessage"),
        *rows("action-message#1", actions="BatchGetItem"),
        *rows("attached-groups#1", actions="GetItem"),
        *rows("parent#1", actions="GetItem"),
        *rows("action#1", actions="GetItem UpdateItem"),
        *rows("action-due#01", actions="BatchGetItem UpdateItem"),
        *rows("due#01", actions="UpdateItem"),
        *rows("snoozed#1", actions="GetItem PutItem"),
        *rows("snapshot#1", "own-action#1", "conflict#1", actions="GetItem PutItem"),
        *rows("conflict#1", actions="UpdateItem"),
        *SECRETS_OF_ACTIONS,
        *assume("gatewatch/gatewatch-revert"),
        *assume("gatewatch/gatewatch-identity-store"),
        *logs("act"),
    ],
    "sweep": [
        *queue("Sweep", f"{RECEIVE} SendMessage"),
        *queue("Outbox", "SendMessage"),
        *rows("canaries#01", actions="BatchGetItem"),
        *rows(
            "inventory#1",
            "inventory-account#1",
            "inventory-state#sweep",
            actions="BatchGetItem BatchWriteItem GetItem PutItem",
        ),
        *rows("attached-groups#1", actions="BatchGetItem BatchWriteItem"),
        *rows("rule#1", actions="BatchGetItem BatchWriteItem"),
        *rows("silent-change#1", actions="BatchWriteItem"),
        *rows("due#01", actions="UpdateItem"),
        *assume("gatewatch/gatewatch-lookup"),
        *logs("sweep"),
    ],
    "escalate": [
        *queue("Outbox", "SendMessage"),
        *rows("due#01", actions="BatchGetItem UpdateItem"),
        *rows("delivered#1", "exposures#1", actions="GetItem"),
        *logs("escalate"),
    ],
    "digest": [
        *queue("Outbox", "SendMessage"),
        *rows("day#2026-11-20", "exposures", actions="Query", table="ActivityTable"),
        *rows("exposures", actions="UpdateItem", table="ActivityTable"),
        *rows("digest", actions="GetItem PutItem", table="ActivityTable"),
        *rows("canaries#01", "inventory#1", "inventory-account#1", actions="BatchGetItem"),
        Call("cloudwatch:GetMetricData", "*"),
        Call(
            "ses:SendRawEmail",
            f"arn:{{partition}}:ses:{{region}}:{HUB}:identity/example.com",
            {"ses__FromAddress": "gatewatch@example.com"},
        ),
        *logs("digest"),
    ],
    "access_keys": [
        *queue("Outbox", "SendMessage"),
        *queue("AccessKeysDlq", "SendMessage"),
        *rows("access-key#1", "access-keys-unreported#1", "snapshot#1", "own-action#1", actions="GetItem PutItem"),
        *rows("access-key#1", "access-keys-unreported#1", "due#01", actions="UpdateItem"),
        *assume("gatewatch-access-keys"),
        *logs("access_keys"),
    ],
    "config_rule": [
        *queue("Outbox", "SendMessage"),
        *rows("snapshot#1", "unfinished#1", "conflict#1", "own-action#1", actions="GetItem PutItem"),
        *rows("conflict#1", "deferred#01", "due#01", actions="UpdateItem"),
        *assume("gatewatch/gatewatch-remediation"),
        *logs("config-rule"),
    ],
    # Roles in a member account: what the hub does with them there.
    "lookup": in_member(
        "ec2:DescribeNetworkInterfaces ec2:DescribeSecurityGroupRules ec2:DescribeSecurityGroups ec2:DescribeTags "
        "ec2:DescribeRouteTables ec2:DescribeNetworkAcls ec2:DescribeSubnets ec2:DescribeInstanceStatus "
        "ec2:DescribeVpcBlockPublicAccessExclusions ec2:DescribeRegions ec2:DescribeManagedPrefixLists "
        "ec2:GetManagedPrefixListEntries ec2:DescribeSnapshots ec2:DescribeImages rds:DescribeDBInstances "
        "rds:DescribeDBSnapshots rds:DescribeDBClusterSnapshots rds:DescribeDBClusters "
        "elasticloadbalancing:DescribeLoadBalancers ram:GetResourceShareAssociations "
        "s3:ListAllMyBuckets s3:GetBucketPolicyStatus s3:GetBucketAcl s3:GetBucketPublicAccessBlock "
        "s3:GetAccountPublicAccessBlock cloudtrail:LookupEvents"
    ),
    "remediation": [
        *in_member("ec2:AuthorizeSecurityGroupIngress ec2:RevokeSecurityGroupIngress", GROUP),
        *in_member("ec2:ModifySecurityGroupRules", GROUP),
        *in_member("ec2:CreateTags", RULE, ec2__CreateAction="AuthorizeSecurityGroupIngress"),
        *in_member("ec2:DescribeSecurityGroups ec2:DescribeSecurityGroupRules config:PutEvaluations"),
        *in_member("config:GetResourceConfigHistory cloudtrail:LookupEvents"),
        *in_member("rds:DescribeDBInstances", f"arn:{{partition}}:rds:{{region}}:{MEMBER}:db:one"),
        *in_member(
            "config:GetComplianceDetailsByConfigRule",
            f"arn:{{partition}}:config:{{region}}:{MEMBER}:config-rule/config-rule-abc123",
        ),
    ],
    "revert": [
        *in_member("ec2:AuthorizeSecurityGroupIngress ec2:RevokeSecurityGroupIngress", GROUP),
        *in_member("ec2:AuthorizeSecurityGroupEgress ec2:RevokeSecurityGroupEgress", GROUP),
        *in_member("ec2:ModifySecurityGroupRules", GROUP),
        *in_member("ec2:CreateTags", RULE, ec2__CreateAction="AuthorizeSecurityGroupIngress"),
        *in_member("ec2:CreateTags", RULE, ec2__CreateAction="AuthorizeSecurityGroupEgress"),
        *in_member("ec2:DescribeSecurityGroupRules ec2:DescribeSnapshotAttribute ec2:DescribeImageAttribute"),
        *in_member("ec2:GetSnapshotBlockPublicAccessState ec2:GetImageBlockPublicAccessState"),
        *in_member("ec2:DescribeVpcEndpoints ec2:DescribeNetworkInterfaces elasticloadbalancing:DescribeLoadBalancers"),
        *in_member("elasticloadbalancing:SetSecurityGroups", f"{LOAD_BALANCERS}/app/shop/50dc6c495c0c9188"),
        *in_member("elasticloadbalancing:SetSecurityGroups", f"{LOAD_BALANCERS}/net/shop/50dc6c495c0c9188"),
        *in_member("elasticloadbalancing:ApplySecurityGroupsToLoadBalancer", f"{LOAD_BALANCERS}/old-shop"),
        *in_member(
            "ec2:ModifyNetworkInterfaceAttribute",
            INTERFACE,
        ),
        *in_member("ec2:EnableSnapshotBlockPublicAccess ec2:DisableSnapshotBlockPublicAccess"),
        *in_member("ec2:EnableImageBlockPublicAccess ec2:DisableImageBlockPublicAccess"),
        *in_member("ec2:ModifySnapshotAttribute", "arn:{partition}:ec2:{region}::snapshot/snap-0aaaaaaa"),
        *in_member("ec2:ModifyImageAttribute", "arn:{partition}:ec2:{region}::image/ami-0aaaaaaa"),
        *in_member("ec2:ModifyVpcEndpoint", f"arn:{{partition}}:ec2:{{region}}:{MEMBER}:vpc-endpoint/vpce-0aaaaaaa"),
        *in_member("s3:GetAccountPublicAccessBlock s3:PutAccountPublicAccessBlock"),
        *in_member(
            "s3:GetBucketPolicy s3:PutBucketPolicy s3:DeleteBucketPolicy s3:GetBucketAcl s3:PutBucketAcl "
            "s3:GetBucketPublicAccessBlock s3:PutBucketPublicAccessBlock",
            "arn:{partition}:s3:::shop",
            aws__ResourceAccount=MEMBER,
        ),
        *in_member(
            "sqs:GetQueueUrl sqs:GetQueueAttributes sqs:SetQueueAttributes",
            f"arn:{{partition}}:sqs:{{region}}:{MEMBER}:orders",
        ),
        *in_member(
            "sns:GetTopicAttributes sns:SetTopicAttributes", f"arn:{{partition}}:sns:{{region}}:{MEMBER}:orders"
        ),
        *in_member(
            "lambda:GetPolicy lambda:AddPermission lambda:RemovePermission lambda:GetFunctionUrlConfig "
            "lambda:UpdateFunctionUrlConfig",
            f"arn:{{partition}}:lambda:{{region}}:{MEMBER}:function:orders",
        ),
        *in_member("rds:DescribeDBInstances rds:ModifyDBInstance", f"arn:{{partition}}:rds:{{region}}:{MEMBER}:db:one"),
        *in_member(
            "rds:DescribeDBClusters rds:ModifyDBCluster", f"arn:{{partition}}:rds:{{region}}:{MEMBER}:cluster:one"
        ),
        *in_member(
            "rds:DescribeDBSnapshotAttributes rds:ModifyDBSnapshotAttribute",
            f"arn:{{partition}}:rds:{{region}}:{MEMBER}:snapshot:one",
        ),
        *in_member(
            "rds:DescribeDBClusterSnapshotAttributes rds:ModifyDBClusterSnapshotAttribute",
            f"arn:{{partition}}:rds:{{region}}:{MEMBER}:cluster-snapshot:one",
        ),
        *in_member("iam:ListAccessKeys iam:UpdateAccessKey", USER),
    ],
    "identity_store": [
        *in_member("identitystore:GetUserId", STORE),
        *in_member("identitystore:DescribeUser", "arn:{partition}:identitystore:::user/0a1b2c3d"),
    ],
    "key_rotation": [
        *in_member("iam:ListUsers iam:GetAccountSummary iam:GetAccessKeyLastUsed"),
        *in_member("iam:ListAccessKeys iam:UpdateAccessKey iam:DeleteAccessKey", USER),
    ],
    "doctor": [
        *in_member("cloudtrail:DescribeTrails config:DescribeConfigurationRecorders"),
        *in_member("config:DescribeConfigurationRecorderStatus"),
        *in_member(
            "cloudtrail:GetTrailStatus cloudtrail:GetEventSelectors",
            f"arn:{{partition}}:cloudtrail:{{region}}:{MEMBER}:trail/main",
        ),
        *in_member("events:DescribeRule events:ListTargetsByRule", MEMBER_RULE),
        *in_member(
            "sqs:GetQueueUrl sqs:GetQueueAttributes", f"arn:{{partition}}:sqs:{{region}}:{MEMBER}:gatewatch-undelivered"
        ),
        *in_member(
            "iam:GetRole iam:ListRolePolicies iam:GetRolePolicy iam:ListAttachedRolePolicies",
            f"arn:{{partition}}:iam::{MEMBER}:role/gatewatch/gatewatch-member-ForwardRole-1",
        ),
    ],
    "forward": [
        Call("events:PutEvents", "{Bus}", {"events__source": ["aws.ec2"], "events__eventBusInvocation": "true"})
    ],
    "history": [
        Call("s3:ListBucket", "arn:{partition}:s3:::org-trail", {"s3__prefix": "AWSLogs/o-exampleorg1/"}),
        Call("s3:GetObject", "arn:{partition}:s3:::org-trail/AWSLogs/o-exampleorg1/log.json.gz"),
        Call("kms:Decrypt", "{TrailKey}"),
        Call("s3:PutObject", "{Results}/runs/first/batches/00000000.jsonl.gz"),
        Call("kms:GenerateDataKey", "{ResultsKey}"),
        *(
            Call(
                f"logs:{action}",
                f"arn:{{partition}}:logs:{{region}}:{HUB}:log-group:/aws/lambda/gatewatch-history-worker:log-stream:one",
            )
            for action in ("CreateLogStream", "PutLogEvents")
        ),
    ],
    "history_states": [
        Call("lambda:InvokeFunction", "{Worker}"),
        Call("s3:GetObject", "{Results}/runs/first/batches.json"),
        Call("s3:PutObject", "{Results}/runs/first/map/manifest.json"),
        Call("kms:Decrypt", "{ResultsKey}"),
        *(
            Call(f"states:{action}", f"arn:{{partition}}:states:{{region}}:{HUB}:{resource}")
            for action, resource in (
                ("StartExecution", "stateMachine:gatewatch-history"),
                ("DescribeExecution", "execution:gatewatch-history/batches:one"),
                ("StopExecution", "execution:gatewatch-history/batches:one"),
            )
        ),
    ],
}
ROLES = {
    "alert": ("hub", "AlertRole"),
    "deliver": ("hub", "DeliverRole"),
    "heartbeat": ("hub", "HeartbeatRole"),
    "actions": ("hub", "ActionsRole"),
    "act": ("hub", "ActRole"),
    "escalate": ("hub", "EscalateRole"),
    "sweep": ("hub", "SweepRole"),
    "digest": ("hub", "DigestRole"),
    "access_keys": ("hub", "AccessKeysRole"),
    "config_rule": ("function", "Role"),
    "lookup": ("member", "LookupRole"),
    "remediation": ("member", "RemediationRole"),
    "revert": ("revert", "RevertRole"),
    "identity_store": ("identity_store", "IdentityStoreRole"),
    "key_rotation": ("member", "KeyRotationRole"),
    "doctor": ("member", "DoctorRole"),
    "forward": ("member", "ForwardRole"),
    "history": ("history", "WorkerRole"),
    "history_states": ("history", "StateMachineRole"),
}
# Which hub roles the trust policy of a member role admits.
ADMITTED = {
    "lookup": {"alert", "sweep"},
    "remediation": {"config_rule"},
    "key_rotation": {"access_keys"},
    "doctor": {"operator", "heartbeat"},
    "revert": {"operator", "act"},
    "identity_store": {"act"},
}
OPERATOR = f"arn:{{partition}}:iam::{HUB}:role/operator"


# The customer's own key of the Slack secrets: IAM of its account decides, which is what KMS writes by default.
KEY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": HUB}, "Action": "kms:*", "Resource": "*"}],
}
# Calls that two roles may make although only one of them does, each with its reason.
SHARED: dict[str, set[str]] = {
    # policy.yaml may name any secret of gatewatch for a destination.
    "deliver": {call.name for call in SECRETS_OF_ACTIONS},
    # A queue that a call opened may be any of the account; databases are read one by one or all together.
    "revert": {
        *(
            f"sqs:{action} arn:{{partition}}:sqs:{{region}}:{MEMBER}:gatewatch-undelivered {{}}"
            for action in ("GetQueueUrl", "GetQueueAttributes")
        ),
        "rds:DescribeDBInstances * {}",
        "rds:DescribeDBClusters * {}",
    },
    "remediation": {"rds:DescribeDBInstances * {}"},
    # It reads the settings of every bucket and database of the account.
    "lookup": {
        f"rds:DescribeDBInstances arn:{{partition}}:rds:{{region}}:{MEMBER}:db:one {{}}",
        f"rds:DescribeDBClusters arn:{{partition}}:rds:{{region}}:{MEMBER}:cluster:one {{}}",
        *(
            f"s3:{action} arn:{{partition}}:s3:::shop {{'aws__ResourceAccount': '{MEMBER}'}}"
            for action in ("GetBucketAcl", "GetBucketPublicAccessBlock")
        ),
    },
    # Rows of one kind are read one by one or several in a request.
    "act": {"dynamodb:BatchGetItem {Table} {'dynamodb__LeadingKeys': ['attached-groups#1']}"},
    "sweep": {"dynamodb:GetItem {Table} {'dynamodb__LeadingKeys': ['attached-groups#1']}"},
    # Both roles of history write results, and the state machine encrypts what it writes.
    "history": {"s3:PutObject {Results}/runs/first/map/manifest.json {}", "kms:Decrypt {ResultsKey} {}"},
    "history_states": {
        "s3:PutObject {Results}/runs/first/batches/00000000.jsonl.gz {}",
        "kms:GenerateDataKey {ResultsKey} {}",
    },
}


class Deployment:
    """The stacks of the hub, of a member and of the Config rule's function in one partition."""

    def __init__(self, partition: str) -> None:
        self.partition, self.region = partition, REGIONS[partition]
        key = f"arn:{partition}:kms:{self.region}:{HUB}:key/0aaaaaaa-1111-2222-3333-444444444444"
        event_bus = f"arn:{partition}:events:{self.region}:{HUB}:event-bus/security"
        self.hub = self._stack(
            EVENTBRIDGE / "hub.yaml",
            HUB,
            OrganizationId=ORGANIZATION,
            LookupRole="gatewatch/gatewatch-lookup",
            IdentityStoreRoleArn=f"arn:{partition}:iam::{MEMBER}:role/gatewatch/gatewatch-identity-store",
            DigestFrom="gatewatch@example.com",
            EventBuses=event_bus,
            SecretsKeyArn=key,
        )
        config_rule = {"HubRegion": self.region, "CodeBucket": "code-bucket", "CodeKey": "code.zip"}
        self.function = self._stack(ROOT / "compliance" / "function.yaml", HUB, **config_rule)
        self.arns = {
            name: self.hub.arn(name)
            for name in (
                "Events",
                "EventsDlq",
                "Outbox",
                "OutboxDlq",
                "AccessKeysDlq",
                "Clicks",
                "ClicksDlq",
                "Sweep",
                "SweepDlq",
            )
        }
        self.arns |= {name: self.hub.arn(name) for name in ("Table", "ActivityTable", "Alerts", "Operators", "Bus")}
        self.arns |= {"SecretsKey": key, "EventBus": event_bus, "partition": partition, "region": self.region}
        self.member = self._stack(
            EVENTBRIDGE / "member.yaml",
            MEMBER,
            HubBusArn=self.arns["Bus"],
            OrganizationId=ORGANIZATION,
            DoctorRoleArn=OPERATOR.format(partition=partition),
            ForwardingCheckRoleArn=self.hub.arn("HeartbeatRole"),
            RemediationRoleArn=self.function.arn("Role"),
            KeyRotationRoleArn=self.hub.arn("AccessKeysRole"),
            LookupRoleArn=self.hub.arn("AlertRole"),
            SweepRoleArn=self.hub.arn("SweepRole"),
        )
        self.revert = self._stack(
            EVENTBRIDGE / "revert.yaml",
            MEMBER,
            RevertRoleArn=self.hub.arn("ActRole"),
            OperatorRoleArn=OPERATOR.format(partition=partition),
            OrganizationId=ORGANIZATION,
        )
        self.identity_store = self._stack(
            EVENTBRIDGE / "identity_store.yaml",
            MEMBER,
            ActRoleArn=self.hub.arn("ActRole"),
            IdentityStoreId="d-1234567890",
            OrganizationId=ORGANIZATION,
        )
        results_key = key.replace("0aaaaaaa", "2aaaaaaa")
        history = {"CodeBucket": "code-bucket", "CodeKey": "code.zip", "TrailBucket": "org-trail"}
        keys = {"TrailKeyArn": key.replace("0aaaaaaa", "1aaaaaaa"), "ResultsKeyArn": results_key}
        self.history = self._stack(ROOT / "history" / "stack.yaml", HUB, **history, **keys)
        self.arns |= {"TrailKey": keys["TrailKeyArn"], "ResultsKey": results_key, "Worker": self.history.arn("Worker")}
        self.arns |= {"Results": self.history.arn("Results")}
        self.stacks = {"hub": self.hub, "function": self.function, "member": self.member}
        self.stacks |= {"revert": self.revert, "history": self.history, "identity_store": self.identity_store}

    def _stack(self, path: Path, account: str, **parameters: str) -> Stack:
        return Stack(path, account, self.region, self.partition, parameters)

    def arn_of(self, role: str) -> str:
        return OPERATOR.format(partition=self.partition) if role == "operator" else self._of(role).arn(ROLES[role][1])

    def role(self, role: str) -> dict[str, Any]:
        properties: dict[str, Any] = self._of(role).resources[ROLES[role][1]]["Properties"]
        return properties

    def _of(self, role: str) -> Stack:
        return self.stacks[ROLES[role][0]]

    def policies(self, role: str) -> list[dict[str, Any]]:
        return [{"name": each["PolicyName"], "policy": each["PolicyDocument"]} for each in self.role(role)["Policies"]]

    def document(self, resource: str, stack: str = "hub") -> dict[str, Any]:
        properties = self.stacks[stack].resources[resource]["Properties"]
        found: dict[str, Any] = properties.get("PolicyDocument") or properties["KeyPolicy"]
        return found

    def bus_policy(self) -> dict[str, Any]:
        found = [each["Properties"] for each in self.hub.resources.values() if each["Type"].endswith("EventBusPolicy")]
        return {
            "Version": "2012-10-17",
            "Statement": [{"Sid": one["StatementId"], **one["Statement"]} for one in found],
        }

    def request(self, role: str, call: Call) -> dict[str, Any]:
        resource = call.resource.format(**self.arns)
        policy = self.bus_policy() if call.resource == "{Bus}" else None
        policy = KEY_POLICY if call.action.startswith("kms:") else policy
        context = {"aws__PrincipalOrgID": ORGANIZATION, **call.context}
        # A role in the other account may be assumed only where its trust policy says so too; that is judged apart.
        account = HUB if call.action == "sts:AssumeRole" else call.account
        account = MEMBER if role in ADMITTED else account
        return simulation(
            self.arn_of(role),
            call.action,
            resource,
            account=account,
            identity=self.policies(role),
            policy=policy,
            **context,
        )


deployment = cache(Deployment)
SIMULATED = pytest.mark.skipif(bool(MISSING), reason=MISSING)
PARTITIONS = pytest.mark.parametrize("partition", sorted(REGIONS))


@pytest.mark.slow
@SIMULATED
@PARTITIONS
def test_every_call_of_a_function_is_allowed(partition):
    deployed = deployment(partition)
    asked = [(role, call) for role, calls in CALLS.items() for call in calls]
    found = decisions([deployed.request(role, call) for role, call in asked])
    assert [f"{role}: {call.name}" for (role, call), one in zip(asked, found, strict=True) if one != "Allowed"] == []


@pytest.mark.slow
@SIMULATED
@PARTITIONS
def test_every_call_of_another_role_is_refused(partition):
    deployed = deployment(partition)
    every = {call.name: call for calls in CALLS.values() for call in calls}
    own = {role: {call.name for call in calls} | SHARED.get(role, set()) for role, calls in CALLS.items()}
    # Putting events on the hub's bus is granted by the bus to every rule of the organization, not by a role; it is
    # judged below.
    others = {name: call for name, call in every.items() if call.resource != "{Bus}"}
    asked = [(role, call) for role in CALLS for name, call in others.items() if name not in own[role]]
    assert len(asked) > 800
    found = decisions([deployed.request(role, call) for role, call in asked])
    assert [f"{role}: {call.name}" for (role, call), one in zip(asked, found, strict=True) if one == "Allowed"] == []


def principals(deployed: Deployment) -> dict[str, str]:
    """Who may knock at a role, a bus or a queue: the hub's roles, a member's administrator, a stranger."""
    partition = deployed.partition
    return {
        **{role: deployed.arn_of(role) for role in ROLES},
        "operator": deployed.arn_of("operator"),
        "administrator of the hub": f"arn:{partition}:iam::{HUB}:role/administrator",
        "administrator of the member": f"arn:{partition}:iam::{MEMBER}:role/administrator",
        "stranger": f"arn:{partition}:iam::{STRANGER}:role/administrator",
    }


@pytest.mark.slow
@SIMULATED
@PARTITIONS
@pytest.mark.parametrize("organization", [ORGANIZATION, "o-somebodyelse"])
@pytest.mark.parametrize("role", sorted(ADMITTED))
def test_a_role_of_a_member_admits_its_caller_in_the_hub_and_its_organization_only(partition, role, organization):
    deployed = deployment(partition)
    trust = deployed.role(role)["AssumeRolePolicyDocument"]
    found = {
        name: simulation(
            principal,
            "sts:AssumeRole",
            deployed.arn_of(role),
            account=MEMBER,
            identity=ADMINISTRATOR,
            policy=trust,
            aws__PrincipalOrgID=organization,
            aws__PrincipalArn=principal,
        )
        for name, principal in principals(deployed).items()
    }
    allowed = {name for name, one in zip(found, decisions(list(found.values())), strict=True) if one == "Allowed"}
    assert allowed == (ADMITTED[role] if organization == ORGANIZATION else set())


def put_events(deployed: Deployment, principal: str, **context: Any) -> dict[str, Any]:
    return simulation(
        principal,
        "events:PutEvents",
        deployed.arns["Bus"],
        account=HUB,
        identity=ADMINISTRATOR if context.pop("is_administrator", True) else [],
        policy=deployed.bus_policy(),
        **context,
    )


@pytest.mark.slow
@SIMULATED
@PARTITIONS
def test_only_rules_of_the_organization_and_the_hub_itself_put_aws_events_on_the_bus(partition):
    deployed = deployment(partition)
    member, stranger = (principals(deployed)[name] for name in ("forward", "stranger"))
    rule = {"events__source": ["aws.ec2"], "events__eventBusInvocation": "true", "aws__PrincipalOrgID": ORGANIZATION}
    asked = {
        "a rule of a member": put_events(deployed, member, **rule),
        "a rule of a stranger": put_events(deployed, stranger, **{**rule, "aws__PrincipalOrgID": "o-somebodyelse"}),
        "a person of a member": put_events(deployed, member, **{**rule, "events__eventBusInvocation": "false"}),
        "an event of an application": put_events(deployed, member, **{**rule, "events__source": ["my.application"]}),
        "one of two sources": put_events(deployed, member, **{**rule, "events__source": ["aws.ec2", "my.application"]}),
    }
    assert dict(zip(asked, decisions(list(asked.values())), strict=True)) == {
        "a rule of a member": "Allowed",
        "a rule of a stranger": "ImplicitlyDenied",
        "a person of a member": "ImplicitlyDenied",
        "an event of an application": "ImplicitlyDenied",
        "one of two sources": "ImplicitlyDenied",
    }


QUEUES = {
    ("hub", "EventsPolicy", "Events"): "EventsRule",
    ("hub", "EventsDlqPolicy", "EventsDlq"): "EventsRule",
    ("hub", "OutboxPolicy", "Outbox"): None,
    ("hub", "ClicksPolicy", "Clicks"): None,
    ("hub", "ClicksDlqPolicy", "ClicksDlq"): None,
    ("hub", "OutboxDlqPolicy", "OutboxDlq"): None,
    ("hub", "SweepPolicy", "Sweep"): None,
    ("hub", "SweepDlqPolicy", "SweepDlq"): None,
    ("member", "UndeliveredPolicy", "Undelivered"): "SecurityGroupRule",
}


@pytest.mark.slow
@SIMULATED
@PARTITIONS
@pytest.mark.parametrize(("stack", "policy", "name"), sorted(QUEUES))
def test_a_queue_accepts_from_outside_only_its_rule_and_only_over_tls(partition, stack, policy, name):
    deployed = deployment(partition)
    arn, account = deployed.stacks[stack].arn(name), HUB if stack == "hub" else MEMBER
    rule = QUEUES[stack, policy, name]
    source = deployed.stacks[stack].arn(rule) if rule else f"arn:{partition}:events:us-east-1:{account}:rule/any"

    def send(principal: str, **context: Any) -> dict[str, Any]:
        identity = [] if principal.endswith(".com") else ADMINISTRATOR
        document = deployed.document(policy, stack)
        return simulation(
            principal, "sqs:SendMessage", arn, account=account, identity=identity, policy=document, **context
        )

    found = decisions(
        [
            send("events.amazonaws.com", aws__SourceArn=source),
            send("events.amazonaws.com", aws__SourceArn=source.replace(account, STRANGER)),
            send("sns.amazonaws.com", aws__SourceArn=source),
            send(principals(deployed)["stranger"]),
            send(f"arn:{partition}:iam::{account}:role/administrator", aws__SecureTransport="false"),
        ]
    )
    assert found == [
        "Allowed" if rule else "ImplicitlyDenied",
        "ImplicitlyDenied",
        "ImplicitlyDenied",
        "ImplicitlyDenied",
        "ExplicitlyDenied",
    ]


@pytest.mark.slow
@SIMULATED
@PARTITIONS
def test_alarms_of_the_account_reach_the_operators_topic_and_its_key_and_nobody_else_does(partition):
    deployed = deployment(partition)

    def ask(action: str, resource: str, policy: str, principal: str, account: str) -> dict[str, Any]:
        document = deployed.document(policy)
        return simulation(principal, action, resource, account=HUB, policy=document, aws__SourceAccount=account)

    topic, key = deployed.arns["Operators"], deployed.hub.arn("OperatorsKey")
    alarms, stranger = "cloudwatch.amazonaws.com", principals(deployed)["stranger"]
    found = decisions(
        [
            ask("sns:Publish", topic, "OperatorsPolicy", alarms, HUB),
            ask("kms:GenerateDataKey", key, "OperatorsKey", alarms, HUB),
            ask("sns:Publish", topic, "OperatorsPolicy", alarms, STRANGER),
            ask("kms:Decrypt", key, "OperatorsKey", alarms, STRANGER),
            ask("sns:Publish", topic, "OperatorsPolicy", stranger, STRANGER),
            ask("kms:Decrypt", key, "OperatorsKey", stranger, STRANGER),
        ]
    )
    assert found == ["Allowed", "Allowed", *["ImplicitlyDenied"] * 4]


@pytest.mark.slow
@SIMULATED
@pytest.mark.parametrize(
    ("role", "sid", "change"),
    [
        ("alert", "SendMessages", {"Action": "sqs:ReceiveMessage"}),
        ("alert", "RecordCanaries", {"Condition": {}}),
        ("heartbeat", "SendToOutbox", {"Resource": "*"}),
        ("digest", "ReadMetrics", {"Action": ["cloudwatch:GetMetricData", "organizations:ListAccounts"]}),
    ],
    ids=["a right is missing", "rows of others", "any queue", "a right too many"],
)
def test_the_simulator_finds_a_wrong_policy(role, sid, change):
    deployed = Deployment("aws")
    policies = deployed.policies(role)
    (statement,) = [each for policy in policies for each in policy["policy"]["Statement"] if each.get("Sid") == sid]
    statement.update(change)
    every = {call.name: call for calls in CALLS.values() for call in calls if call.resource != "{Bus}"}
    own = {call.name for call in CALLS[role]}
    found = decisions([{**deployed.request(role, call), "identityPolicies": policies} for call in every.values()])
    expected = [name in own for name in every]
    assert [one == "Allowed" for one in found] != expected


# The roles whose calls a function makes: its own, and the one that it assumes in members.
ROLES_OF = {
    "alert": ("alert", "lookup"),
    "deliver": ("deliver",),
    "heartbeat": ("heartbeat", "doctor"),
    "actions": ("actions",),
    "act": ("act", "revert", "identity_store"),
    "escalate": ("escalate",),
    "sweep": ("sweep", "lookup"),
    "digest": ("digest",),
    "access_keys": ("access_keys", "key_rotation"),
    "config_rule": ("config_rule", "remediation"),
    "history": ("history",),
}
# Operations whose IAM action has another name or that need none.
ACTION_OF = {
    "SendMessageBatch": "SendMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "ListObjectsV2": "ListBucket",
    "ListBuckets": "ListAllMyBuckets",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
}
# Operations in modules that a function imports for something else. `get_template` is a method of Jinja as well.
NOT_CALLED = {
    "alert": {"GetTemplate"},
    "deliver": {"AssumeRole", "GetTemplate"},
    "heartbeat": {"GetTemplate"},
    "escalate": {"AssumeRole"},
    "actions": {"AssumeRole"},
    "act": {
        "DescribeSecurityGroups",
        "GetComplianceDetailsByConfigRule",
        "GetResourceConfigHistory",
        "LookupEvents",
        "PutEvaluations",
    },
    "history": {"AssumeRole"},
    "sweep": {"GetTemplate"},
    "digest": {"AssumeRole", "GetTemplate"},
    "config_rule": {"GetTemplate", "Publish"},
    "access_keys": {
        "GetTemplate",
        "DescribeSecurityGroups",
        "DescribeSecurityGroupRules",
        "AuthorizeSecurityGroupIngress",
        "RevokeSecurityGroupIngress",
        "ModifySecurityGroupRules",
    },
}
# Rows that a function imports without using them.
ROWS_NOT_USED = {
    "alert": {"heartbeat"},
    "escalate": {"group", "parent"},
    "heartbeat": {"inventory", "inventory-account", "inventory-state"},
    "sweep": {"heartbeat"},
    "digest": {"heartbeat", "inventory-state"},
    "act": {"action-day", "delivered", "exposures", "group", "unfinished"},
}
GRAPH = grimp.build_graph("gatewatch", "functions", cache_dir=None)


def modules_of(function: str) -> set[str]:
    return GRAPH.find_upstream_modules(f"functions.{function}") | {f"functions.{function}"}


@cache
def operations() -> dict[str, str]:
    """The Python name of every operation of the services that gatewatch calls, with the name that AWS gives it."""
    services = {call.action.partition(":")[0] for calls in CALLS.values() for call in calls} - {"dynamodb", "logs"}
    names = {"elasticloadbalancing": ["elb", "elbv2"], "states": ["stepfunctions"]}
    loader = botocore.loaders.create_loader()
    found = [name for service in services for name in names.get(service, [service])]
    models = [loader.load_service_model(name, "service-2") for name in found]
    return {xform_name(name): name for model in models for name in model["operations"]}


def operations_in(module: str) -> set[str]:
    """Operations that the text of a module names: as methods of a client, or to a paginator."""
    found = importlib.util.find_spec(module)
    tree = ast.parse(Path(str(found.origin)).read_text("utf-8"))
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get_paginator"
    }
    return {operations()[name] for name in names & operations().keys()}


@pytest.mark.parametrize("function", sorted(ROLES_OF))
def test_every_operation_in_the_code_is_in_the_table(function):
    named = {name for module in modules_of(function) for name in operations_in(module)}
    in_code = {ACTION_OF.get(name, name) for name in named}
    table = {call.action.partition(":")[2] for role in ROLES_OF[function] for call in CALLS[role]}
    assert in_code <= table | NOT_CALLED.get(function, set())


@pytest.mark.parametrize("function", sorted(ROLES_OF))
def test_every_kind_of_row_in_the_code_is_in_the_table(function):
    modules = [importlib.import_module(name) for name in modules_of(function) if name.startswith("gatewatch.")]
    in_code = {kind.prefix for module in modules for kind in vars(module).values() if isinstance(kind, RowKind)}
    keys = [call.context["dynamodb__LeadingKeys"][0] for call in CALLS[function] if call.resource == "{Table}"]
    assert in_code - ROWS_NOT_USED.get(function, set()) == {key.partition("#")[0] for key in keys}
