from __future__ import annotations

import msgspec
import pytest

from gatewatch.alerts.pipeline import AlertPipeline, run_pipeline
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.alerts.severity.compliance import compliance_assessment
from gatewatch.config.controls import ControlCatalogue
from gatewatch.config.settings import Colors
from gatewatch.errors import ConfigurationError
from gatewatch.events.decoding import decode
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.severity import Severity
from gatewatch.rendering.text.compliance import compliance_color
from support.rendering import SLACK, slack_text

RULE = "restricted-ssh"


def event(new="NON_COMPLIANT", old=None, rule=RULE, annotation=None, **detail):
    """The envelope, as AWS Config puts it on the bus."""

    def result(state, said=None):
        qualifier = {
            "configRuleName": rule,
            "resourceType": "AWS::EC2::SecurityGroup",
            "resourceId": "sg-0aaaaaaaaaaaaaaa1",
        }
        identifier = {"evaluationResultQualifier": qualifier, "orderingTimestamp": "2026-01-02T03:04:00.000Z"}
        return {"evaluationResultIdentifier": identifier, "complianceType": state} | (
            {"annotation": said} if said else {}
        )

    return {
        "version": "0",
        "id": "12345678-1234-4321-8765-123456789012",
        "detail-type": "Config Rules Compliance Change",
        "source": "aws.config",
        "account": "111122223333",
        "time": "2026-01-02T03:04:05Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": {
            "resourceId": "sg-0aaaaaaaaaaaaaaa1",
            "resourceType": "AWS::EC2::SecurityGroup",
            "awsRegion": "eu-west-1",
            "awsAccountId": "111122223333",
            "configRuleName": rule,
            "configRuleARN": "arn:aws:config:eu-west-1:111122223333:config-rule/config-rule-abc123",
            "messageType": "ComplianceChangeNotification",
            "notificationCreationTime": "2026-01-02T03:04:05.123Z",
            "newEvaluationResult": result(new, annotation),
        }
        | ({"oldEvaluationResult": result(old)} if old else {})
        | detail,
    }


def test_a_compliance_change_is_one_row_with_the_envelopes_id_and_time(row, shows):
    shows(
        row(event(annotation="22 is open")),
        event_id="12345678-1234-4321-8765-123456789012",
        event_name="ConfigRulesComplianceChange",
        time="2026-01-02T03:04:05Z",
        account_id="111122223333",
        account_alias="payments-prod",
        region="eu-west-1",
        family="compliance",
        action="other",
        outcome="applied",
        direction=None,
        group_id="sg-0aaaaaaaaaaaaaaa1",
        protocol=None,
        peer=None,
        severity="high",
        actor="unknown",
        source_ip=None,
        understood=True,
        cloudtrail_url="https://eu-west-1.console.aws.amazon.com/config/home?region=eu-west-1"
        "#/rules/details?configRuleName=restricted-ssh",
        reasons=[
            "NON_COMPLIANT at the first evaluation",
            "Security Hub EC2.13 (high) requires: SSH is not open to the internet",
            "AWS Config says: 22 is open",
        ],
    )


@pytest.mark.parametrize(
    ("new", "old", "severity", "first"),
    [
        ("NON_COMPLIANT", "COMPLIANT", "high", "COMPLIANT → NON_COMPLIANT"),
        ("COMPLIANT", "NON_COMPLIANT", "info", "NON_COMPLIANT → COMPLIANT"),
        ("COMPLIANT", None, "info", "COMPLIANT at the first evaluation"),
        ("NOT_APPLICABLE", "NON_COMPLIANT", "info", "NON_COMPLIANT → NOT_APPLICABLE"),
        ("INSUFFICIENT_DATA", None, "info", "INSUFFICIENT_DATA at the first evaluation"),
    ],
)
def test_only_a_noncompliant_resource_is_above_info(row, new, old, severity, first):
    shown = row(event(new, old))
    assert (shown["severity"], shown["reasons"][0]) == (severity, first)


@pytest.mark.parametrize(
    "name",
    [
        RULE,
        "gatewatch-restricted-ssh",
        "restricted-ssh-conformance-pack-abc123xyz",
        "OrgConfigRule-restricted-ssh-ab12cd34",
        "OrgConfigRule-gatewatch-restricted-ssh-ab12cd34",
        "gatewatch-restricted-ssh-conformance-pack-abc123xyz",
        "securityhub-restricted-ssh-1a2b3c4d",
    ],
)
def test_the_prefixes_and_suffixes_of_packs_organizations_and_security_hub_are_ignored(row, name):
    assert row(event(rule=name))["reasons"][1] == "Security Hub EC2.13 (high) requires: SSH is not open to the internet"


def test_an_unlisted_rule_is_medium(row):
    shown = row(event(rule="our-own-rule"))
    assert (shown["severity"], shown["reasons"][1]) == ("medium", "the rule is not in gatewatch's list of controls")


def test_a_resource_other_than_a_group_has_a_resource_id(row):
    shown = row(event(resourceType="AWS::S3::Bucket", resourceId="logs", rule="s3-bucket-public-read-prohibited"))
    assert (shown["group_id"], shown["resource_id"], shown["severity"]) == (None, "logs", "critical")


def test_an_unknown_form_gives_a_row_that_is_not_understood(row):
    assert row(event(newEvaluationResult="?"))["understood"] is False


def test_other_config_events_give_no_row(rows):
    assert rows({**event(), "detail-type": "Config Configuration Item Change"}) == []


def test_two_copies_without_an_id_get_the_same_id(row):
    bare = {key: value for key, value in event().items() if key != "id"}
    assert (
        row(bare)["event_id"]
        == row(bare)["event_id"]
        == ("compliance-restricted-ssh-sg-0aaaaaaaaaaaaaaa1-2026-01-02T03:04:05.123Z")
    )


def change(new, old=None):
    facts = ComplianceFacts(rule=RULE, new=new, old=old)
    return Change(family=Family.COMPLIANCE, action=Action.OTHER, outcome=Outcome.APPLIED, facts=facts)


@pytest.mark.parametrize(
    ("new", "severity", "expected"),
    [
        ("NON_COMPLIANT", Severity.HIGH, Colors().removal),
        ("NON_COMPLIANT", Severity.CRITICAL, Colors().critical),
        ("COMPLIANT", Severity.INFO, Colors().resolved),
        ("NOT_APPLICABLE", Severity.INFO, Colors().unchanged),
    ],
)
def test_noncompliant_is_red_and_compliant_again_is_green(new, severity, expected):
    assert compliance_color(change(new), severity, Colors()) == expected


@pytest.mark.parametrize("language", ["en", "ko", "ja"])
@pytest.mark.parametrize("new", ["NON_COMPLIANT", "COMPLIANT", "NOT_APPLICABLE", "INSUFFICIENT_DATA"])
def test_the_message_names_rule_and_resource_and_is_routed_like_any_other(settings, language, new):
    accounts = {name: msgspec.structs.replace(each, language=language) for name, each in settings.accounts.items()}
    hub = AlertPipeline(
        msgspec.structs.replace(settings, accounts=accounts),
        InMemoryRuleHistory(),
    )
    (call,) = decode(event(new, "COMPLIANT", annotation="<!channel>"))
    shown = run_pipeline(call, hub)
    destinations = {each.destination for each in shown.messages}
    assert destinations == ({"sec-prod", "sec-all"} if new == "NON_COMPLIANT" else destinations)
    header = SLACK.render(shown.messages[0])["attachments"][0]["blocks"][0]["text"]["text"]
    assert RULE in header
    assert "sg-0aaaaaaaaaaaaaaa1" in header
    assert "<!channel>" not in slack_text(shown.messages[0])


def test_an_invalid_controls_file_is_named_in_the_error(tmp_path):
    (tmp_path / "controls.yaml").write_text("restricted-ssh: {identifer: X}", "utf-8")
    with pytest.raises(ConfigurationError, match=r"controls\.yaml"):
        compliance_assessment(ComplianceFacts(rule=RULE, new="COMPLIANT"), ControlCatalogue(tmp_path / "controls.yaml"))
