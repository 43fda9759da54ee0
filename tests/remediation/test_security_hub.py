"""Findings of the ingress rule. botocore checks each request against its model of Security Hub."""

import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ParamValidationError
from moto import mock_aws

from gatewatch.config.ingress import EnforcementMode
from gatewatch.remediation.config_rule.evaluation import ComplianceType, Evaluation
from gatewatch.remediation.config_rule.invocation import SECURITY_GROUP, Invocation, ScheduledRun
from gatewatch.remediation.config_rule.security_hub import SecurityHubError, publish_findings
from support import ingress as kit
from support import judges, members
from support.config_rule import Environment, event, item

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
INVOCATION = Invocation(
    account_id=members.ACCOUNT,
    region=members.REGION,
    partition="aws",
    rule_name="gatewatch-ingress",
    token="token",
    message=ScheduledRun("2026-06-01T12:00:00Z"),
)
PREFIX = f"gatewatch-ingress/{members.ACCOUNT}/{members.REGION}/"


class SecurityHub:
    """Stores findings by id, as BatchImportFindings does; `refused` is the error code of every import."""

    def __init__(self, client):
        self.findings, self.imports, self.queries, self.refused = {}, [], [], ""
        client.meta.events.register("before-call.securityhub.BatchImportFindings", self._import)
        client.meta.events.register("before-call.securityhub.GetFindings", self._get)

    def _import(self, params, **_):
        batch = json.loads(params["body"])["Findings"]
        judges.count("botocore", len(batch))
        self.imports.append(batch)
        self.findings |= {each["Id"]: each for each in batch}
        failed = [{"Id": each["Id"], "ErrorCode": self.refused, "ErrorMessage": "no"} for each in batch if self.refused]
        return members.response({"FailedCount": len(failed), "SuccessCount": 0, "FailedFindings": failed})

    def _get(self, params, **_):
        self.queries.append(json.loads(params["body"])["Filters"])
        active = [each for each in self.findings.values() if each["RecordState"] == "ACTIVE"]
        return members.response({"Findings": active})


@pytest.fixture
def member():
    with mock_aws():
        yield members.Member()


def evaluation(number, state=ComplianceType.NON_COMPLIANT, annotation="Not allowed: tcp 22 from 0.0.0.0/0."):
    return Evaluation(SECURITY_GROUP, f"sg-{number:017x}", state, annotation, "2026-06-01T11:59:00Z")


def test_non_compliant_groups_are_imported_in_batches_of_a_hundred(member):
    hub = SecurityHub(member.securityhub)
    publish_findings(member.securityhub, INVOCATION, [evaluation(number) for number in range(250)], NOW)
    assert [len(each) for each in hub.imports] == [100, 100, 50]
    finding = hub.findings[f"{PREFIX}sg-{0:017x}"]
    assert finding["ProductArn"] == (
        f"arn:aws:securityhub:{members.REGION}:{members.ACCOUNT}:product/{members.ACCOUNT}/default"
    )
    assert (finding["Description"], finding["RecordState"]) == ("Not allowed: tcp 22 from 0.0.0.0/0.", "ACTIVE")
    assert (finding["Compliance"], finding["Severity"]) == ({"Status": "FAILED"}, {"Label": "HIGH"})
    assert len(json.dumps(finding)) < 240_000


@pytest.mark.parametrize(
    "change",
    [{"AwsAccountId": None}, {"Severity": "HIGH"}, {"Types": "one"}, {"Compliance": {"State": "FAILED"}}],
    ids=["no account", "no structure", "no list", "an unknown key"],
)
def test_the_model_of_security_hub_refuses_a_wrong_finding(member, change):
    hub = SecurityHub(member.securityhub)
    publish_findings(member.securityhub, INVOCATION, [evaluation(1)], NOW)
    (finding,) = hub.findings.values()
    member.securityhub.batch_import_findings(Findings=[finding])
    with pytest.raises(ParamValidationError):
        member.securityhub.batch_import_findings(Findings=[finding | change])


def test_a_finding_is_updated_with_its_creation_time_and_archived_once_the_group_is_compliant(member):
    hub, later = SecurityHub(member.securityhub), NOW.replace(hour=13)
    publish_findings(member.securityhub, INVOCATION, [evaluation(1)], NOW)
    publish_findings(member.securityhub, INVOCATION, [evaluation(1, annotation="Missing: x.")], later)
    (finding,) = hub.findings.values()
    assert (finding["CreatedAt"], finding["UpdatedAt"]) == ("2026-06-01T12:00:00Z", "2026-06-01T13:00:00Z")
    assert hub.queries[-1]["Id"] == [{"Value": finding["Id"], "Comparison": "EQUALS"}]
    for state, status in ((ComplianceType.COMPLIANT, "PASSED"), (ComplianceType.NOT_APPLICABLE, "NOT_AVAILABLE")):
        publish_findings(member.securityhub, INVOCATION, [evaluation(1)], later)
        publish_findings(member.securityhub, INVOCATION, [evaluation(1, state)], later)
        (finding,) = hub.findings.values()
        assert (finding["RecordState"], finding["Compliance"]["Status"]) == ("ARCHIVED", status)


def test_a_group_that_never_had_a_finding_gets_none_while_it_is_compliant(member):
    hub = SecurityHub(member.securityhub)
    publish_findings(member.securityhub, INVOCATION, [evaluation(1, ComplianceType.COMPLIANT)], NOW)
    assert hub.imports == []


def test_a_refused_finding_is_an_error(member):
    hub = SecurityHub(member.securityhub)
    hub.refused = "InvalidInput"
    with pytest.raises(SecurityHubError, match="did not accept 1 findings: InvalidInput"):
        publish_findings(member.securityhub, INVOCATION, [evaluation(1)], NOW)


@pytest.mark.parametrize(("is_on", "token", "count"), [(True, "token", 1), (False, "token", 0), (True, "TESTMODE", 0)])
@pytest.mark.usefixtures("member")
def test_the_rule_publishes_where_the_policy_says_so_and_not_in_a_test_run(is_on, token, count):
    env = Environment(kit.ingress(["tcp 443 from 0.0.0.0/0"], securityhub=is_on), EnforcementMode.REPORT)
    hub = SecurityHub(env.member.securityhub)
    group_id = env.member.group(kit.rule("tcp 22 from 0.0.0.0/0"))
    env.stage.handle(event(item(env.configuration(group_id), resourceId=group_id), resultToken=token))
    assert len(hub.imports) == count
