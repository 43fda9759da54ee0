from __future__ import annotations

import json
import logging
from datetime import UTC, date, datetime
from types import SimpleNamespace

import msgspec
import pytest
from moto import mock_aws

from gatewatch.alerts.own_actions import DeedBook, TableDeeds, deed_of
from gatewatch.config.ingress import ExemptGroup, Fight, Mode
from gatewatch.config.settings import load_settings
from gatewatch.config.suppression_rules import Effect, ExceptionMatch, PolicyException
from gatewatch.errors import UndecodableError
from gatewatch.handlers.config_rule import ConfigRuleStage
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.exposure import RuleRef
from gatewatch.model.security_group import Direction, Group, SecurityGroupRule
from gatewatch.remediation.config_rule import rds_certificates as rds_ca
from gatewatch.remediation.config_rule.evaluation import EvaluationError, fitting
from gatewatch.remediation.config_rule.ingress_rule import IngressRule
from gatewatch.remediation.ingress.conflict_guard import Guard
from gatewatch.remediation.ingress.enforcer import Enforcer
from gatewatch.remediation.ingress.suppression import Excepting
from gatewatch.remediation.preimages import PreImages
from gatewatch.rendering.slack import load_templates
from gatewatch.rendering.slack_validation import problems
from support import ingress as kit
from support import members
from support.paths import ROOT

WEB, SSH = "tcp 443 from 0.0.0.0/0", "tcp 22 from 0.0.0.0/0"
CAPTURED = "2026-06-01T11:59:00.000Z"
TEMPLATES = load_templates(ROOT / "templates", ("en", "ko", "ja"))
SETTINGS = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")


class Outbox:
    """Keeps what was put."""

    def __init__(self):
        self.messages = []

    def put(self, messages):
        self.messages += messages


class House:
    """The rule over one member account, enforced or not."""

    def __init__(self, policy, mode=Mode.ENFORCE, exceptions=()):
        self.member, self.outbox = members.Member(), Outbox()
        dynamodb = members.table(self.member)
        policy = msgspec.structs.replace(policy, accounts={members.ACCOUNT: mode})
        settings = msgspec.structs.replace(SETTINGS, ingress=policy, exceptions=exceptions)
        guard = Guard(dynamodb, members.TABLE, Fight(), self.now)
        excepting = Excepting(settings.exceptions, settings.account)
        enforcer = Enforcer(PreImages(dynamodb, members.TABLE), guard, DeedBook(dynamodb, members.TABLE), excepting)
        rule = IngressRule(settings, TEMPLATES, self.outbox, lambda _: enforcer, self.now)
        rules = {"ingress": rule.evaluations, "rds-ca": rds_ca.evaluations}
        self.stage = ConfigRuleStage(rules, lambda _: self.member, logging.getLogger("test"))

    @staticmethod
    def now():
        return kit.NOW.timestamp()

    def changed(self, group_id, **fields):
        """What Config sends when a group has changed; the one evaluation that follows."""
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

    @property
    def last(self):
        each = self.member.evaluations[-1]
        return each["ComplianceType"], each["Annotation"]

    def rules(self, group_id):
        return sorted(kit.said(each.rule) for each in self.member.standing(group_id))


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


SCHEDULED = {"messageType": "ScheduledNotification", "notificationCreationTime": CAPTURED}


@pytest.fixture
def cloud():
    with mock_aws():
        yield


@pytest.mark.usefixtures("cloud")
class TestReporting:
    def test_a_group_with_only_what_is_allowed_is_compliant(self):
        house = House(kit.ingress([WEB]), Mode.REPORT)
        assert house.changed(house.member.group(kit.rule(WEB)))[0] == "COMPLIANT"

    def test_the_annotation_names_what_is_amiss_and_nothing_is_touched(self):
        house = House(kit.ingress([WEB], ["tcp 8443 from 10.0.0.0/8"]), Mode.REPORT)
        group_id = house.member.group(kit.rule(SSH))
        expected = "Not allowed: tcp 22 from 0.0.0.0/0. Missing: tcp 8443 from 10.0.0.0/8."
        assert house.changed(group_id) == ("NON_COMPLIANT", expected)
        assert house.rules(group_id) == [SSH]
        assert house.outbox.messages == []

    def test_a_cidr_that_the_item_has_twice_is_one_rule(self):
        house = House(kit.ingress([WEB]), Mode.REPORT)
        assert house.changed(house.member.group(kit.rule(SSH)))[1] == "Not allowed: tcp 22 from 0.0.0.0/0."

    def test_the_evaluation_carries_the_time_of_the_item(self):
        house = House(kit.ingress([WEB]), Mode.REPORT)
        house.changed(house.member.group())
        assert house.member.batches[-1]["ResultToken"] == "token"
        captured = datetime.fromtimestamp(house.member.evaluations[-1]["OrderingTimestamp"], UTC)
        assert captured == datetime.fromisoformat(CAPTURED)

    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            (
                {"configurationItemStatus": "ResourceDeleted"},
                "The group is gone, or no longer in the scope of the rule.",
            ),
            ({"resourceType": "AWS::S3::Bucket"}, "The rule is about security groups, not AWS::S3::Bucket."),
        ],
    )
    def test_what_is_deleted_or_something_else_is_not_applicable(self, fields, why):
        house = House(kit.ingress([WEB]))
        assert house.changed(house.member.group(kit.rule(SSH)), **fields) == ("NOT_APPLICABLE", why)

    def test_a_resource_that_left_the_scope_is_not_applicable(self):
        house = House(kit.ingress([WEB]))
        house.stage.handle(event(item({}, resourceId="sg-1"), eventLeftScope=True))
        assert house.last[0] == "NOT_APPLICABLE"

    def test_an_empty_policy_judges_nobody(self):
        house = House(kit.ingress())
        assert house.changed(house.member.group(kit.rule(SSH)))[0] == "NOT_APPLICABLE"

    def test_an_oversized_item_is_fetched(self):
        house = House(kit.ingress([WEB]), Mode.REPORT)
        group_id = house.member.group(kit.rule(SSH))
        full = {
            "resourceType": "AWS::EC2::SecurityGroup",
            "resourceId": group_id,
            "configurationItemStatus": "OK",
            "configurationItemCaptureTime": datetime(2026, 6, 1, tzinfo=UTC),
            "configuration": json.dumps(house.configuration(group_id)),
        }
        house.member.config.meta.events.register(
            "before-call.config-service.GetResourceConfigHistory",
            lambda **_: members.answered({"configurationItems": [full]}),
        )
        summary = {key: value for key, value in full.items() if key != "configuration"}
        summary["configurationItemCaptureTime"] = CAPTURED
        message = {"messageType": "OversizedConfigurationItemChangeNotification", "configurationItemSummary": summary}
        house.stage.handle(event(message))
        assert house.last == ("NON_COMPLIANT", "Not allowed: tcp 22 from 0.0.0.0/0.")

    def test_on_schedule_every_group_is_judged_in_batches_of_a_hundred(self):
        house = House(kit.ingress([WEB]), Mode.REPORT)
        groups = [{"GroupId": f"sg-{number:017x}"} for number in range(250)]
        house.member.ec2.meta.events.register(
            "before-call.ec2.DescribeSecurityGroups", lambda **_: members.answered({"SecurityGroups": groups})
        )
        assert house.stage.handle(event(SCHEDULED)) == {"evaluations": 250}
        assert [len(each["Evaluations"]) for each in house.member.batches] == [100, 100, 50]


@pytest.mark.usefixtures("cloud")
class TestEnforcing:
    def test_what_is_not_allowed_goes_and_the_group_is_compliant(self):
        house = House(kit.ingress([WEB]))
        group_id = house.member.group(kit.rule(WEB), kit.rule(SSH))
        state, annotation = house.changed(group_id)
        assert (state, house.rules(group_id)) == ("COMPLIANT", [WEB])
        assert annotation.startswith("Changed by gatewatch (chg-")

    def test_by_what_stands_now_and_not_by_what_config_had_seen(self):
        house = House(kit.ingress([WEB]))
        group_id = house.member.group(kit.rule(SSH))
        stale = item(house.configuration(group_id), resourceId=group_id)
        (rule,) = house.member.standing(group_id)
        house.member.ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=[rule.rule.rule_id])
        house.stage.handle(event(stale))
        assert (house.last[0], house.outbox.messages) == ("COMPLIANT", [])

    def test_a_failed_step_is_non_compliant_and_says_so(self):
        house = House(kit.ingress([WEB]))
        group_id = house.member.group(kit.rule(SSH))
        house.member.refused["RevokeSecurityGroupIngress"] = lambda _: "UnauthorizedOperation"
        state, annotation = house.changed(group_id)
        assert state == "NON_COMPLIANT"
        assert "Failed: tcp 22 from 0.0.0.0/0 (UnauthorizedOperation)." in annotation
        (message,) = [each for each in house.outbox.messages if each.destination == "sec-all"]
        assert message.severity == "high"
        assert "Failed attempt to close SSH to the whole internet" in message.body
        assert "UnauthorizedOperation" in message.body

    def test_when_the_group_cannot_be_described_nothing_is_changed_and_it_is_not_compliant(self):
        house = House(kit.ingress([WEB]))
        group_id = house.member.group(kit.rule(SSH))
        house.member.refused["DescribeSecurityGroupRules"] = lambda _: "RequestLimitExceeded"
        assert house.changed(group_id) == ("NON_COMPLIANT", "Nothing was changed: RequestLimitExceeded")

    def test_an_exempt_group_is_not_touched_and_says_until_when(self):
        group_id = "sg-0aaaaaaaaaaaaaaa1"
        exemption = ExemptGroup(group_id, "@web", "migration", datetime(2026, 6, 1, tzinfo=UTC).date())
        house = House(kit.ingress([WEB], exempt_groups=(exemption,)))
        permission = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipv4Ranges": [{"cidrIp": "0.0.0.0/0"}]}
        house.stage.handle(event(item({"ipPermissions": [permission]}, resourceId=group_id)))
        assert house.last == ("NOT_APPLICABLE", "Exempt until 2026-06-01, by @web: migration")

    def test_an_expired_exemption_stops_working_and_says_so(self):
        group_id = "sg-0aaaaaaaaaaaaaaa1"
        exemption = ExemptGroup(group_id, "@web", "migration", datetime(2026, 5, 1, tzinfo=UTC).date())
        house = House(kit.ingress([WEB], exempt_groups=(exemption,)), Mode.REPORT)
        permission = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipv4Ranges": [{"cidrIp": "0.0.0.0/0"}]}
        house.stage.handle(event(item({"ipPermissions": [permission]}, resourceId=group_id)))
        expected = "The exemption by @web ended 2026-05-01. Not allowed: tcp 22 from 0.0.0.0/0."
        assert house.last == ("NON_COMPLIANT", expected)

    def test_every_action_becomes_one_message_with_the_group_before_and_after(self):
        house = House(kit.ingress([WEB]))
        group_id = house.member.group(kit.rule("tcp 0-65535 from 0.0.0.0/0", description="<!channel> `all`"))
        house.changed(group_id)
        (message,) = house.outbox.messages
        payload = json.loads(message.body)
        assert not problems(payload)
        texts = [
            each["text"]["text"]
            for each in payload["attachments"][0]["blocks"]
            if each["type"] == "section" and "text" in each
        ]
        before, after, undo = texts[-3:]
        assert "tcp 0-65535 from 0.0.0.0/0" in before
        assert "tcp 443 from 0.0.0.0/0" in after
        assert "gatewatch undo chg-" in undo
        assert "<!channel>" not in message.body

    def test_what_it_closed_answers_the_opening_and_is_known_again_by_its_event(self):
        house = House(kit.ingress([WEB]))
        group_id = house.member.group(kit.rule(SSH))
        (standing,) = house.member.standing(group_id)
        house.changed(group_id)
        (gate,) = house.outbox.messages[0].gates
        assert gate.closed == (RuleRef(standing.rule.rule_id, "ingress tcp 22-22 0.0.0.0/0"),)
        removed = Change(
            family=Family.SECURITY_GROUP,
            action=Action.REVOKE,
            outcome=Outcome.APPLIED,
            group=Group(id=group_id),
            rule=SecurityGroupRule(rule_id=standing.rule.rule_id, direction=Direction.INGRESS),
        )
        call = SimpleNamespace(account_id=members.ACCOUNT, region=members.REGION)
        name = deed_of(call, removed)
        (deed,) = TableDeeds(house.member.dynamodb, members.TABLE, logging.getLogger("test")).look([name]).values()
        assert (deed.change_id, deed.at, deed.is_undo) == (gate.key.partition("#")[0], house.now(), False)

    def test_a_second_notification_changes_and_tells_nothing(self):
        house = House(kit.ingress([WEB]))
        group_id = house.member.group(kit.rule(SSH))
        house.changed(group_id)
        told = len(house.outbox.messages)
        assert house.changed(group_id)[0] == "COMPLIANT"
        assert len(house.outbox.messages) == told

    def test_a_fight_is_told_once_and_stays_non_compliant(self):
        house = House(kit.ingress([WEB]))
        group_id = house.member.group(kit.rule(SSH))
        for _ in range(7):
            house.changed(group_id)
            if not house.rules(group_id):
                house.member.authorize(group_id, kit.rule(SSH))
        told = [each for each in house.outbox.messages if each.key.startswith("left-")]
        assert [each.gates for each in told] == [()]
        assert "keeps coming back" in told[0].body
        state, annotation = house.last
        assert (state, house.rules(group_id)) == ("NON_COMPLIANT", [SSH])
        assert "left alone, it kept coming back" in annotation

    def test_a_fight_over_a_required_rule_is_told_once_and_stays_non_compliant(self):
        house = House(kit.ingress([SSH], [WEB]))
        group_id = house.member.group()
        for _ in range(6):
            house.changed(group_id)
            for each in house.member.standing(group_id):
                house.member.ec2.revoke_security_group_ingress(
                    GroupId=group_id, SecurityGroupRuleIds=[each.rule.rule_id]
                )
        (told,) = [each for each in house.outbox.messages if each.key.startswith("left-")]
        assert "it keeps being removed (last by `?`)" in told.body
        assert told.severity == "high"
        assert house.last == (
            "NON_COMPLIANT",
            "tcp 443 from 0.0.0.0/0 is missing and left so, it kept being removed. Missing: tcp 443 from 0.0.0.0/0.",
        )


def exception(effect, **match):
    return PolicyException(
        id="bastion-ssh",
        match=ExceptionMatch(**match),
        effect=effect,
        owner="@web",
        reason="the bastion",
        ticket="SEC-1",
        expires=date(2027, 1, 31),
    )


@pytest.mark.usefixtures("cloud")
class TestExceptions:
    def house(self, effect, **match):
        return House(kit.ingress([WEB]), exceptions=(exception(effect, **match),))

    def test_what_is_left_to_an_exception_is_still_not_compliant_and_the_exception_is_named(self):
        house = self.house(Effect.NOTIFY_ONLY, port=22)
        group_id = house.member.group(kit.rule(SSH))
        left = "tcp 22 from 0.0.0.0/0 left alone, exception bastion-ssh covers it until 2027-01-31."
        assert house.changed(group_id) == ("NON_COMPLIANT", f"{left} Not allowed: tcp 22 from 0.0.0.0/0.")
        assert house.rules(group_id) == [SSH]

    @pytest.mark.parametrize("effect", [Effect.NOTIFY_ONLY, Effect.LOWER])
    def test_it_is_told_once_as_a_note(self, effect):
        house = self.house(effect, port=22)
        group_id = house.member.group(kit.rule(SSH))
        house.changed(group_id)
        house.changed(group_id)
        (message,) = house.outbox.messages
        assert message.severity == "low"
        assert "the exception bastion-ssh (SEC-1) of @web covers it until 2027-01-31" in message.body

    def test_what_is_muted_for_certain_is_not_told(self):
        house = self.house(Effect.MUTE, port=22)
        assert house.changed(house.member.group(kit.rule(SSH)))[0] == "NON_COMPLIANT"
        assert house.outbox.messages == []

    @pytest.mark.parametrize("effect", Effect)
    def test_what_is_left_alone_in_doubt_is_told_loudly_whatever_the_effect(self, effect):
        house = self.house(effect, port=22, actor="alice*")
        assert "exception bastion-ssh may cover it" in house.changed(house.member.group(kit.rule(SSH)))[1]
        (message,) = house.outbox.messages
        assert message.severity == "high"
        assert "may cover it until 2027-01-31, which cannot be known for certain" in message.body

    def test_its_neighbours_are_put_right_meanwhile(self):
        house = self.house(Effect.MUTE, port=22)
        group_id = house.member.group(kit.rule(SSH), kit.rule("udp 161 from 0.0.0.0/0"))
        state, annotation = house.changed(group_id)
        assert (state, house.rules(group_id)) == ("NON_COMPLIANT", [SSH])
        assert annotation.startswith("Changed by gatewatch (chg-")
        assert "exception bastion-ssh covers it" in annotation


@pytest.mark.usefixtures("cloud")
class TestRdsAuthorities:
    def instances(self, house, *authorities):
        pages = [{"DBInstances": [self.instance(number, name) for number, name in enumerate(authorities)]}]
        house.member.rds.meta.events.register(
            "before-call.rds.DescribeDBInstances", lambda **_: members.answered(pages[0])
        )

    @staticmethod
    def instance(number, authority):
        return {
            "DBInstanceIdentifier": f"db{number}",
            "DbiResourceId": f"db-{number:05d}",
            "CACertificateIdentifier": authority,
        }

    @staticmethod
    def judged_before(house, *names):
        before = [
            {
                "EvaluationResultIdentifier": {
                    "EvaluationResultQualifier": {"ResourceType": rds_ca.DB_INSTANCE, "ResourceId": name}
                }
            }
            for name in names
        ]
        house.member.config.meta.events.register(
            "before-call.config-service.GetComplianceDetailsByConfigRule",
            lambda **_: members.answered({"EvaluationResults": before}),
        )

    def test_a_hundred_and_fifty_instances_are_answered_in_two_calls_in_order(self):
        house = House(kit.ingress())
        self.instances(house, *["rds-ca-rsa2048-g1"] * 149, "rds-ca-2019")
        self.judged_before(house)
        house.stage.handle(event(SCHEDULED, {"rule": "rds-ca"}))
        assert [len(each["Evaluations"]) for each in house.member.batches] == [100, 50]
        ids = [each["ComplianceResourceId"] for each in house.member.evaluations]
        assert ids == sorted(ids)
        assert house.last[0] == "NON_COMPLIANT"
        assert house.last[1].startswith("db149 has rds-ca-2019; accepted: rds-ca-rsa2048-g1, ")

    def test_the_accepted_authorities_are_a_parameter(self):
        house = House(kit.ingress())
        self.instances(house, "rds-ca-2019", "rds-ca-rsa2048-g1")
        self.judged_before(house)
        house.stage.handle(event(SCHEDULED, {"rule": "rds-ca", "acceptedAuthorities": "rds-ca-2019 , our-own"}))
        assert [each["ComplianceType"] for each in house.member.evaluations] == ["COMPLIANT", "NON_COMPLIANT"]

    def test_an_instance_that_went_away_is_taken_back(self):
        house = House(kit.ingress())
        self.instances(house, "rds-ca-ecc384-g1")
        self.judged_before(house, "db-00000", "db-gone")
        house.stage.handle(event(SCHEDULED, {"rule": "rds-ca"}))
        told = {each["ComplianceResourceId"]: each["ComplianceType"] for each in house.member.evaluations}
        assert told == {"db-00000": "COMPLIANT", "db-gone": "NOT_APPLICABLE"}

    def test_a_change_is_none_of_its_business(self):
        house = House(kit.ingress())
        house.stage.handle(event(item({}, resourceId="sg-1"), {"rule": "rds-ca"}))
        assert house.last == ("NOT_APPLICABLE", "The rule is periodic.")


@pytest.mark.parametrize("broken", [{}, {"invokingEvent": "{"}, {"configRuleArn": "x"}, {"ruleParameters": '{"a": 1}'}])
def test_what_no_config_sends_is_refused(broken):
    whole = event(SCHEDULED)
    stage = ConfigRuleStage({}, lambda _: None, logging.getLogger("test"))
    with pytest.raises(UndecodableError):
        stage.handle(whole | broken if broken else {})


def test_a_message_that_was_not_subscribed_to_is_refused():
    stage = ConfigRuleStage({}, lambda _: None, logging.getLogger("test"))
    with pytest.raises(UndecodableError, match="did not subscribe"):
        stage.handle(event({"messageType": "ConfigurationSnapshotDeliveryCompleted"}))


def test_an_unknown_rule_is_refused_with_those_there_are():
    stage = ConfigRuleStage({"ingress": None, "rds-ca": None}, lambda _: None, logging.getLogger("test"))
    with pytest.raises(EvaluationError, match='"nope" is no rule of gatewatch; write one of ingress, rds-ca'):
        stage.handle(event(SCHEDULED, {"rule": "nope"}))


@pytest.mark.parametrize("length", [1, 255, 256, 257, 5000])
def test_an_annotation_never_has_more_than_256_characters(length):
    assert len(fitting("x" * length)) == min(length, 256)
