"""The ingress Config rule over a member account in moto, and the events with which Config invokes it."""

import json
import logging

import msgspec

from gatewatch.alerts.own_actions import ActionLog
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.ingress import ConflictLimit, EnforcementMode
from gatewatch.config.settings import load_settings
from gatewatch.handlers.config_rule import ConfigRuleHandler
from gatewatch.remediation.config_rule import rds_certificates
from gatewatch.remediation.config_rule.ingress_rule import IngressRule
from gatewatch.remediation.ingress.conflict_guard import ConflictGuard
from gatewatch.remediation.ingress.enforcer import Enforcer
from gatewatch.remediation.ingress.suppression import RuleSuppression
from gatewatch.remediation.ingress.unfinished import UnfinishedChanges
from gatewatch.remediation.snapshots import SnapshotStore
from support import ingress as kit
from support import members
from support.paths import ROOT

CAPTURED = "2026-06-01T11:59:00.000Z"


SETTINGS = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")


class Outbox:
    """Collects messages."""

    def __init__(self):
        self.messages = []

    def put(self, messages):
        self.messages += messages


class Environment:
    """The ingress rule over one member account, enforced or not."""

    def __init__(self, policy, mode=EnforcementMode.ENFORCE, exceptions=()):
        self.member, self.outbox = members.Member(), Outbox()
        table = HubTable(members.table(self.member), members.TABLE)
        policy = msgspec.structs.replace(policy, accounts={members.ACCOUNT: mode})
        settings = msgspec.structs.replace(SETTINGS, ingress=policy, exceptions=exceptions)
        guard = ConflictGuard(table, ConflictLimit(), self.now)
        suppression = RuleSuppression(settings.exceptions, settings.account)
        self.unfinished = UnfinishedChanges(table)
        enforcer = Enforcer(
            SnapshotStore(table),
            self.unfinished,
            guard,
            ActionLog(table),
            suppression,
        )
        rule = IngressRule(settings, self.outbox, lambda _: enforcer, self.now)
        rules = {"ingress": rule.evaluations, "rds-ca": rds_certificates.evaluations}
        self.stage = ConfigRuleHandler(
            rules, lambda _: self.member, logging.getLogger("test"), {"ingress": rule.publish}
        )

    @staticmethod
    def now():
        return kit.NOW.timestamp()

    def changed(self, group_id, **fields):
        """Send the event of a changed group and return the evaluation that follows."""
        self.stage.handle(event(item(self.configuration(group_id), resourceId=group_id, **fields)))
        return self.last

    def configuration(self, group_id):
        """A group in the form of a configuration item: lowerCamel, and IPv4 CIDRs twice."""
        (group,) = self.member.ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
        permissions = []
        for each in group["IpPermissions"]:
            lower = {key[0].lower() + key[1:]: value for key, value in each.items()}
            v4 = [{"cidrIp": one["CidrIp"]} for one in each["IpRanges"]]
            v6 = [{"cidrIpv6": one["CidrIpv6"]} for one in each["Ipv6Ranges"]]
            texts = [one["cidrIp"] for one in v4]
            permissions.append(lower | {"ipv4Ranges": v4, "ipRanges": texts, "ipv6Ranges": v6})
        return {"groupId": group_id, "groupName": group["GroupName"], "ipPermissions": permissions}

    def evaluated_before(self, resource_type, *resource_ids):
        """Let Config have evaluations of these resources."""
        results = [
            {
                "EvaluationResultIdentifier": {
                    "EvaluationResultQualifier": {"ResourceType": resource_type, "ResourceId": each}
                }
            }
            for each in resource_ids
        ]
        self.member.config.meta.events.register(
            "before-call.config-service.GetComplianceDetailsByConfigRule",
            lambda **_: members.response({"EvaluationResults": results}),
        )

    @property
    def last(self):
        each = self.member.evaluations[-1]
        return each["ComplianceType"], each["Annotation"]

    def rules(self, group_id):
        return sorted(kit.rule_text(each.rule) for each in self.member.current_rules(group_id))


def item(configuration, **fields):
    return {
        "messageType": "ConfigurationItemChangeNotification",
        "configurationItem": {
            "configurationItemCaptureTime": CAPTURED,
            "configurationItemStatus": "OK",
            "resourceType": "AWS::EC2::SecurityGroup",
            "configuration": configuration,
        }
        | fields,
    }


def event(invoking, parameters=None, **fields):
    return {
        "version": "1.0",
        "invokingEvent": json.dumps(invoking),
        "ruleParameters": json.dumps(parameters or {}),
        "resultToken": "token",
        "eventLeftScope": False,
        "executionRoleArn": "arn:aws:iam::123456789012:role/aws-service-role/config.amazonaws.com/ForConfigOnly",
        "configRuleArn": f"arn:aws:config:{members.REGION}:{members.ACCOUNT}:config-rule/config-rule-abc123",
        "configRuleName": "gatewatch-ingress",
        "configRuleId": "config-rule-abc123",
        "accountId": members.ACCOUNT,
    } | fields
