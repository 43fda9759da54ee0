from __future__ import annotations

import json
import logging
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from moto import mock_aws

from gatewatch.alerts.own_actions import ActionLookup, action_id
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.ingress import EnforcementMode, ExemptGroup
from gatewatch.config.suppression_rules import ExceptionEffect, ExceptionMatch, PolicyException
from gatewatch.errors import UndecodableError
from gatewatch.handlers.config_rule import ConfigRuleHandler
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.exposure import RuleRef
from gatewatch.model.security_group import Direction, Group, SecurityGroupRule
from gatewatch.remediation.config_rule import rds_certificates
from gatewatch.remediation.config_rule.evaluation import EvaluationError, truncate_annotation
from gatewatch.remediation.config_rule.invocation import SECURITY_GROUP
from gatewatch.rendering.slack_validation import slack_problems
from support import ingress as kit
from support import members
from support.config_rule import CAPTURED, Environment, event, item
from support.rendering import SLACK, slack_text

WEB, SSH = "tcp 443 from 0.0.0.0/0", "tcp 22 from 0.0.0.0/0"


SCHEDULED = {"messageType": "ScheduledNotification", "notificationCreationTime": CAPTURED}


@pytest.fixture
def cloud():
    with mock_aws():
        yield


@pytest.mark.usefixtures("cloud")
class TestReporting:
    def test_a_group_with_only_allowed_rules_is_compliant(self):
        env = Environment(kit.ingress([WEB]), EnforcementMode.REPORT)
        assert env.changed(env.member.group(kit.rule(WEB)))[0] == "COMPLIANT"

    def test_the_annotation_names_every_violation_and_nothing_is_changed(self):
        env = Environment(kit.ingress([WEB], ["tcp 8443 from 10.0.0.0/8"]), EnforcementMode.REPORT)
        group_id = env.member.group(kit.rule(SSH))
        expected = "Not allowed: tcp 22 from 0.0.0.0/0. Missing: tcp 8443 from 10.0.0.0/8."
        assert env.changed(group_id) == ("NON_COMPLIANT", expected)
        assert env.rules(group_id) == [SSH]
        assert env.outbox.messages == []

    def test_a_cidr_that_the_item_contains_twice_is_one_rule(self):
        env = Environment(kit.ingress([WEB]), EnforcementMode.REPORT)
        assert env.changed(env.member.group(kit.rule(SSH)))[1] == "Not allowed: tcp 22 from 0.0.0.0/0."

    def test_the_evaluation_carries_the_time_of_the_item(self):
        env = Environment(kit.ingress([WEB]), EnforcementMode.REPORT)
        env.changed(env.member.group())
        assert env.member.batches[-1]["ResultToken"] == "token"
        captured = datetime.fromtimestamp(env.member.evaluations[-1]["OrderingTimestamp"], UTC)
        assert captured == datetime.fromisoformat(CAPTURED)

    @pytest.mark.parametrize(
        ("fields", "annotation"),
        [
            (
                {"configurationItemStatus": "ResourceDeleted"},
                "The group does not exist any more, or left the scope of the rule.",
            ),
            ({"resourceType": "AWS::S3::Bucket"}, "The rule is about security groups, not AWS::S3::Bucket."),
        ],
    )
    def test_a_deleted_group_or_another_resource_type_is_not_applicable(self, fields, annotation):
        env = Environment(kit.ingress([WEB]))
        assert env.changed(env.member.group(kit.rule(SSH)), **fields) == ("NOT_APPLICABLE", annotation)

    def test_a_resource_that_left_the_scope_is_not_applicable(self):
        env = Environment(kit.ingress([WEB]))
        env.stage.handle(event(item({}, resourceId="sg-1"), eventLeftScope=True))
        assert env.last[0] == "NOT_APPLICABLE"

    def test_with_an_empty_policy_every_group_is_not_applicable(self):
        env = Environment(kit.ingress())
        assert env.changed(env.member.group(kit.rule(SSH)))[0] == "NOT_APPLICABLE"

    def test_an_oversized_item_is_fetched(self):
        env = Environment(kit.ingress([WEB]), EnforcementMode.REPORT)
        group_id = env.member.group(kit.rule(SSH))
        full = {
            "resourceType": "AWS::EC2::SecurityGroup",
            "resourceId": group_id,
            "configurationItemStatus": "OK",
            "configurationItemCaptureTime": datetime(2026, 6, 1, tzinfo=UTC),
            "configuration": json.dumps(env.configuration(group_id)),
        }
        env.member.config.meta.events.register(
            "before-call.config-service.GetResourceConfigHistory",
            lambda **_: members.response({"configurationItems": [full]}),
        )
        summary = {key: value for key, value in full.items() if key != "configuration"}
        summary["configurationItemCaptureTime"] = CAPTURED
        message = {"messageType": "OversizedConfigurationItemChangeNotification", "configurationItemSummary": summary}
        env.stage.handle(event(message))
        assert env.last == ("NON_COMPLIANT", "Not allowed: tcp 22 from 0.0.0.0/0.")

    def test_on_schedule_every_group_is_evaluated_in_batches_of_a_hundred(self):
        env = Environment(kit.ingress([WEB]), EnforcementMode.REPORT)
        groups = [{"GroupId": f"sg-{number:017x}"} for number in range(250)]
        env.member.ec2.meta.events.register(
            "before-call.ec2.DescribeSecurityGroups", lambda **_: members.response({"SecurityGroups": groups})
        )
        env.evaluated_before(SECURITY_GROUP)
        assert env.stage.handle(event(SCHEDULED)) == {"evaluations": 250}
        assert [len(each["Evaluations"]) for each in env.member.batches] == [100, 100, 50]


@pytest.mark.usefixtures("cloud")
class TestEnforcing:
    def test_a_rule_that_is_not_allowed_is_revoked_and_the_group_is_compliant(self):
        env = Environment(kit.ingress([WEB]))
        group_id = env.member.group(kit.rule(WEB), kit.rule(SSH))
        state, annotation = env.changed(group_id)
        assert (state, env.rules(group_id)) == ("COMPLIANT", [WEB])
        assert annotation.startswith("Changed by gatewatch (chg-")

    def test_a_full_group_is_closed_and_message_and_annotation_say_what_was_not_kept(self):
        env = Environment(kit.ingress([WEB, "tcp 80 from 0.0.0.0/0", "udp 8443 from 10.0.0.0/8"]))
        group_id = env.member.group(kit.rule("tcp 0-65535 from 0.0.0.0/0"))
        fillers = [{"CidrIp": f"10.0.{number}.0/24"} for number in range(59)]
        permission = {"IpProtocol": "udp", "FromPort": 8443, "ToPort": 8443, "IpRanges": fillers}
        env.member.ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[permission])
        state, annotation = env.changed(group_id)
        assert [each for each in env.rules(group_id) if each.startswith("tcp")] == [WEB]
        assert state == "NON_COMPLIANT"
        assert annotation.startswith(
            "Not added: tcp 80 from 0.0.0.0/0 (RulesPerSecurityGroupLimitExceeded). Changed by gatewatch (chg-"
        )
        (message,) = [each for each in env.outbox.messages if each.destination == "sec-all"]
        assert message.notification.severity == "medium"
        text = slack_text(message)
        assert "policy.yaml allows only a part of the rule, so gatewatch narrowed it" in text
        assert "Could not be added" in text
        assert "tcp 80 from 0.0.0.0/0 (RulesPerSecurityGroupLimitExceeded)" in text

    def test_a_test_run_of_config_changes_nothing(self):
        env = Environment(kit.ingress([WEB]))
        group_id = env.member.group(kit.rule(SSH))
        invoking = item(env.configuration(group_id), resourceId=group_id)
        env.stage.handle(event(invoking, resultToken="TESTMODE"))
        assert (env.rules(group_id), env.outbox.messages, env.last[0]) == ([SSH], [], "NON_COMPLIANT")
        assert env.member.batches[-1]["TestMode"] is True

    @pytest.mark.parametrize("rules", [[SSH], ["tcp 0-65535 from 0.0.0.0/0"], []])
    def test_a_group_deleted_meanwhile_is_not_applicable_without_a_message(self, rules):
        env = Environment(kit.ingress([WEB], ["tcp 8443 from 10.0.0.0/8"]))
        group_id = env.member.group(*map(kit.rule, rules))
        stale = event(item(env.configuration(group_id), resourceId=group_id))
        env.member.ec2.delete_security_group(GroupId=group_id)
        env.stage.handle(stale)
        assert (env.last, env.outbox.messages) == (("NOT_APPLICABLE", "The group does not exist any more."), [])

    @pytest.mark.parametrize("rule", [SSH, "tcp 0-65535 from 0.0.0.0/0"])
    def test_a_group_deleted_during_enforcement_is_not_applicable_without_a_message(self, rule):
        env = Environment(kit.ingress([WEB]))
        group_id = env.member.group(kit.rule(rule))
        for operation in ("ModifySecurityGroupRules", "RevokeSecurityGroupIngress"):
            env.member.refused[operation] = lambda _: "InvalidGroup.NotFound"
        assert env.changed(group_id) == ("NOT_APPLICABLE", "The group does not exist any more.")
        assert env.outbox.messages == []
        assert env.unfinished.of_account(members.ACCOUNT, members.REGION) == {}

    def test_on_schedule_a_group_that_no_longer_exists_becomes_not_applicable(self):
        env = Environment(kit.ingress([WEB]), EnforcementMode.REPORT)
        group_id = env.member.group(kit.rule(WEB))
        env.evaluated_before(SECURITY_GROUP, group_id, "sg-0ddddddddddddddd1")
        env.stage.handle(event(SCHEDULED))
        states = {each["ComplianceResourceId"]: each["ComplianceType"] for each in env.member.evaluations}
        assert (states[group_id], states["sg-0ddddddddddddddd1"]) == ("COMPLIANT", "NOT_APPLICABLE")

    def test_enforcement_uses_the_current_rules_and_not_those_config_captured(self):
        env = Environment(kit.ingress([WEB]))
        group_id = env.member.group(kit.rule(SSH))
        stale = item(env.configuration(group_id), resourceId=group_id)
        (rule,) = env.member.current_rules(group_id)
        env.member.ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=[rule.rule.rule_id])
        env.stage.handle(event(stale))
        assert (env.last[0], env.outbox.messages) == ("COMPLIANT", [])

    def test_a_failed_step_is_non_compliant_and_reported(self):
        env = Environment(kit.ingress([WEB]))
        group_id = env.member.group(kit.rule(SSH))
        env.member.refused["RevokeSecurityGroupIngress"] = lambda _: "UnauthorizedOperation"
        state, annotation = env.changed(group_id)
        assert state == "NON_COMPLIANT"
        assert "Still open: tcp 22 from 0.0.0.0/0 (UnauthorizedOperation)." in annotation
        (message,) = [each for each in env.outbox.messages if each.destination == "sec-all"]
        assert message.notification.severity == "high"
        assert "Failed attempt to remove the rule that allows SSH from the internet" in slack_text(message)
        assert "UnauthorizedOperation" in slack_text(message)

    def test_when_the_group_cannot_be_described_nothing_is_changed_and_it_is_not_compliant(self):
        env = Environment(kit.ingress([WEB]))
        group_id = env.member.group(kit.rule(SSH))
        env.member.refused["DescribeSecurityGroupRules"] = lambda _: "RequestLimitExceeded"
        assert env.changed(group_id) == ("NON_COMPLIANT", "Remediation failed: RequestLimitExceeded")

    def test_an_exempt_group_is_not_changed_and_the_annotation_has_the_end_date(self):
        group_id = "sg-0aaaaaaaaaaaaaaa1"
        exemption = ExemptGroup(
            group=group_id, owner="@web", reason="migration", expires=datetime(2026, 6, 1, tzinfo=UTC).date()
        )
        env = Environment(kit.ingress([WEB], exempt_groups=(exemption,)))
        permission = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipv4Ranges": [{"cidrIp": "0.0.0.0/0"}]}
        env.stage.handle(event(item({"ipPermissions": [permission]}, resourceId=group_id)))
        assert env.last == ("NOT_APPLICABLE", "Exempt until 2026-06-01, by @web: migration")

    @pytest.mark.parametrize("criteria", [{"name": "k8s-*"}, {"tags": {"managed-by": "eks-*"}}])
    def test_a_group_of_a_controller_is_exempt_by_name_or_tag(self, criteria):
        until = datetime(2026, 6, 1, tzinfo=UTC).date()
        exemption = ExemptGroup(owner="@web", reason="made by EKS", expires=until, **criteria)
        env = Environment(kit.ingress([WEB], exempt_groups=(exemption,)))
        group_id = env.member.group(kit.rule(SSH), name="k8s-web")
        env.member.ec2.create_tags(Resources=[group_id], Tags=[{"Key": "managed-by", "Value": "eks-1"}])
        configuration = env.configuration(group_id) | {"tags": [{"key": "managed-by", "value": "eks-1"}]}
        env.stage.handle(event(item(configuration, resourceId=group_id)))
        env.evaluated_before(SECURITY_GROUP)
        env.stage.handle(event(SCHEDULED))
        states = [each["ComplianceType"] for each in env.member.evaluations if each["ComplianceResourceId"] == group_id]
        assert (states, env.rules(group_id)) == (["NOT_APPLICABLE", "NOT_APPLICABLE"], [SSH])

    def test_an_expired_exemption_does_not_apply_and_is_named(self):
        group_id = "sg-0aaaaaaaaaaaaaaa1"
        exemption = ExemptGroup(
            group=group_id, owner="@web", reason="migration", expires=datetime(2026, 5, 1, tzinfo=UTC).date()
        )
        env = Environment(kit.ingress([WEB], exempt_groups=(exemption,)), EnforcementMode.REPORT)
        permission = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipv4Ranges": [{"cidrIp": "0.0.0.0/0"}]}
        env.stage.handle(event(item({"ipPermissions": [permission]}, resourceId=group_id)))
        expected = "The exemption by @web ended 2026-05-01. Not allowed: tcp 22 from 0.0.0.0/0."
        assert env.last == ("NON_COMPLIANT", expected)

    def test_every_enforcement_becomes_one_message_with_the_group_before_and_after(self):
        env = Environment(kit.ingress([WEB]))
        group_id = env.member.group(kit.rule("tcp 0-65535 from 0.0.0.0/0", description="<!channel> `all`"))
        env.changed(group_id)
        (message,) = env.outbox.messages
        payload = SLACK.render(message)
        assert not slack_problems(payload)
        texts = [
            each["text"]["text"]
            for each in payload["attachments"][1]["blocks"]
            if each["type"] == "section" and "text" in each
        ]
        before, after, undo = texts[-3:]
        assert "tcp 0-65535 from 0.0.0.0/0" in before
        assert "tcp 443 from 0.0.0.0/0" in after
        assert "gatewatch undo chg-" in undo
        assert "<!channel>" not in slack_text(message)

    def test_a_removal_closes_its_opening_and_its_event_is_recognised(self):
        env = Environment(kit.ingress([WEB]))
        group_id = env.member.group(kit.rule(SSH))
        (current,) = env.member.current_rules(group_id)
        env.changed(group_id)
        message = env.outbox.messages[0]
        exposure = message.notification.exposure_change
        assert exposure.closed == (RuleRef(current.rule.rule_id, "ingress tcp 22-22 0.0.0.0/0"),)
        removed = Change(
            family=Family.SECURITY_GROUP,
            action=Action.REVOKE,
            outcome=Outcome.APPLIED,
            group=Group(id=group_id),
            rule=SecurityGroupRule(rule_id=current.rule.rule_id, direction=Direction.INGRESS),
        )
        call = SimpleNamespace(account_id=members.ACCOUNT, region=members.REGION)
        name = action_id(call, removed)
        (action,) = (
            ActionLookup(HubTable(env.member.dynamodb, members.TABLE), logging.getLogger("test"), lambda: 0.0)
            .lookup([name])
            .values()
        )
        assert (action.change_id, action.at, action.is_undo) == (message.notification.key, env.now(), False)

    def test_a_second_notification_changes_nothing_and_sends_nothing(self):
        env = Environment(kit.ingress([WEB]))
        group_id = env.member.group(kit.rule(SSH))
        env.changed(group_id)
        count = len(env.outbox.messages)
        assert env.changed(group_id)[0] == "COMPLIANT"
        assert len(env.outbox.messages) == count

    def test_a_conflict_is_alerted_once_and_stays_non_compliant(self):
        env = Environment(kit.ingress([WEB]))
        group_id = env.member.group(kit.rule(SSH))
        for _ in range(7):
            env.changed(group_id)
            if not env.rules(group_id):
                env.member.authorize(group_id, kit.rule(SSH))
        reported = [each for each in env.outbox.messages if each.key.startswith("unenforced-")]
        assert [each.notification.exposure_change for each in reported] == [None]
        assert "keeps being added again" in slack_text(reported[0])
        state, annotation = env.last
        assert (state, env.rules(group_id)) == ("NON_COMPLIANT", [SSH])
        assert "not remediated, it was re-created repeatedly" in annotation

    def test_a_conflict_about_a_required_rule_is_alerted_once_and_stays_non_compliant(self):
        env = Environment(kit.ingress([SSH], [WEB]))
        group_id = env.member.group()
        for _ in range(6):
            env.changed(group_id)
            for each in env.member.current_rules(group_id):
                env.member.ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=[each.rule.rule_id])
        (message,) = [each for each in env.outbox.messages if each.key.startswith("unenforced-")]
        assert "it keeps being removed (last by `?`)" in slack_text(message)
        assert message.notification.severity == "high"
        state, annotation = env.last
        assert state == "NON_COMPLIANT"
        assert annotation.startswith(
            "tcp 443 from 0.0.0.0/0 is missing and not re-created, it was removed repeatedly. "
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
    def env(self, effect, **match):
        return Environment(kit.ingress([WEB]), exceptions=(exception(effect, **match),))

    def test_a_rule_under_an_exception_is_not_compliant_and_the_exception_is_named(self):
        env = self.env(ExceptionEffect.NOTIFY_ONLY, port=22)
        group_id = env.member.group(kit.rule(SSH))
        exception_text = "tcp 22 from 0.0.0.0/0 not remediated, exception bastion-ssh covers it until 2027-01-31."
        assert env.changed(group_id) == ("NON_COMPLIANT", f"{exception_text} Not allowed: tcp 22 from 0.0.0.0/0.")
        assert env.rules(group_id) == [SSH]

    @pytest.mark.parametrize("effect", [ExceptionEffect.NOTIFY_ONLY, ExceptionEffect.LOWER])
    def test_it_is_alerted_once_with_low_severity(self, effect):
        env = self.env(effect, port=22)
        group_id = env.member.group(kit.rule(SSH))
        env.changed(group_id)
        env.changed(group_id)
        (message,) = env.outbox.messages
        assert message.notification.severity == "low"
        assert "exception bastion-ssh (SEC-1) of @web covers it until 2027-01-31" in slack_text(message)

    def test_a_certain_mute_sends_nothing(self):
        env = self.env(ExceptionEffect.MUTE, port=22)
        assert env.changed(env.member.group(kit.rule(SSH)))[0] == "NON_COMPLIANT"
        assert env.outbox.messages == []

    @pytest.mark.parametrize("effect", ExceptionEffect)
    def test_a_possible_exception_is_alerted_with_high_severity_whatever_its_effect(self, effect):
        env = self.env(effect, port=22, actor="alice*")
        assert "exception bastion-ssh may cover it" in env.changed(env.member.group(kit.rule(SSH)))[1]
        (message,) = env.outbox.messages
        assert message.notification.severity == "high"
        assert "may cover it until 2027-01-31; gatewatch cannot determine this" in slack_text(message)

    def test_other_rules_are_remediated_meanwhile(self):
        env = self.env(ExceptionEffect.MUTE, port=22)
        group_id = env.member.group(kit.rule(SSH), kit.rule("udp 161 from 0.0.0.0/0"))
        state, annotation = env.changed(group_id)
        assert (state, env.rules(group_id)) == ("NON_COMPLIANT", [SSH])
        assert annotation.startswith("Changed by gatewatch (chg-")
        assert "exception bastion-ssh covers it" in annotation


@pytest.mark.usefixtures("cloud")
class TestRdsAuthorities:
    def instances(self, env, *authorities):
        pages = [{"DBInstances": [self.instance(number, name) for number, name in enumerate(authorities)]}]
        env.member.rds.meta.events.register(
            "before-call.rds.DescribeDBInstances", lambda **_: members.response(pages[0])
        )

    @staticmethod
    def instance(number, authority):
        return {
            "DBInstanceIdentifier": f"db{number}",
            "DbiResourceId": f"db-{number:05d}",
            "CACertificateIdentifier": authority,
        }

    def test_a_hundred_and_fifty_instances_are_answered_in_two_calls_in_order(self):
        env = Environment(kit.ingress())
        self.instances(env, *["rds-ca-rsa2048-g1"] * 149, "rds-ca-2019")
        env.evaluated_before(rds_certificates.DB_INSTANCE)
        env.stage.handle(event(SCHEDULED, {"rule": "rds-ca"}))
        assert [len(each["Evaluations"]) for each in env.member.batches] == [100, 50]
        ids = [each["ComplianceResourceId"] for each in env.member.evaluations]
        assert ids == sorted(ids)
        assert env.last[0] == "NON_COMPLIANT"
        assert env.last[1].startswith("db149 has rds-ca-2019; accepted: rds-ca-rsa2048-g1, ")

    def test_the_accepted_authorities_are_a_parameter(self):
        env = Environment(kit.ingress())
        self.instances(env, "rds-ca-2019", "rds-ca-rsa2048-g1")
        env.evaluated_before(rds_certificates.DB_INSTANCE)
        env.stage.handle(event(SCHEDULED, {"rule": "rds-ca", "acceptedAuthorities": "rds-ca-2019 , our-own"}))
        assert [each["ComplianceType"] for each in env.member.evaluations] == ["COMPLIANT", "NON_COMPLIANT"]

    def test_a_deleted_instance_becomes_not_applicable(self):
        env = Environment(kit.ingress())
        self.instances(env, "rds-ca-ecc384-g1")
        env.evaluated_before(rds_certificates.DB_INSTANCE, "db-00000", "db-gone")
        env.stage.handle(event(SCHEDULED, {"rule": "rds-ca"}))
        evaluations = {each["ComplianceResourceId"]: each["ComplianceType"] for each in env.member.evaluations}
        assert evaluations == {"db-00000": "COMPLIANT", "db-gone": "NOT_APPLICABLE"}

    def test_a_configuration_change_is_not_applicable(self):
        env = Environment(kit.ingress())
        env.stage.handle(event(item({}, resourceId="sg-1"), {"rule": "rds-ca"}))
        assert env.last == ("NOT_APPLICABLE", "The rule is periodic.")


@pytest.mark.parametrize("broken", [{}, {"invokingEvent": "{"}, {"configRuleArn": "x"}, {"ruleParameters": '{"a": 1}'}])
def test_an_event_that_is_no_invocation_is_refused(broken):
    whole = event(SCHEDULED)
    stage = ConfigRuleHandler({}, lambda _: None, logging.getLogger("test"))
    with pytest.raises(UndecodableError):
        stage.handle(whole | broken if broken else {})


def test_an_unsubscribed_message_type_is_refused():
    stage = ConfigRuleHandler({}, lambda _: None, logging.getLogger("test"))
    with pytest.raises(UndecodableError, match="did not subscribe"):
        stage.handle(event({"messageType": "ConfigurationSnapshotDeliveryCompleted"}))


def test_an_unknown_rule_is_refused_with_the_known_ones():
    stage = ConfigRuleHandler({"ingress": None, "rds-ca": None}, lambda _: None, logging.getLogger("test"))
    with pytest.raises(EvaluationError, match='"nope" is not a rule of gatewatch; use one of ingress, rds-ca'):
        stage.handle(event(SCHEDULED, {"rule": "nope"}))


@pytest.mark.parametrize("length", [1, 255, 256, 257, 5000])
def test_an_annotation_never_has_more_than_256_characters(length):
    assert len(truncate_annotation("x" * length)) == min(length, 256)
