"""serverless.yml compared with the hub template and the functions; test_deploy.py runs osls itself."""

from __future__ import annotations

import json
import re

import pytest
from cfnlint.decode.cfn_yaml import load

from chaos import harness
from gatewatch.remediation.access_keys.trigger import OneUser, trigger_of
from support.paths import ROOT

SERVERLESS = load(str(ROOT / "serverless.yml"))
HUB = load(str(ROOT / "eventbridge" / "hub.yaml"))
FUNCTIONS = SERVERLESS["functions"]
PROVIDER = SERVERLESS["provider"]
COLD_START_SECONDS = 10  # the longest initialization that Lambda allows outside of the timeout
SET_BY_LAMBDA = {"LAMBDA_TASK_ROOT", "AWS_REGION"}


def role_of(name):
    """Return the logical id of the role. It is an Fn::Sub, because osls adds a redundant DependsOn to an Fn::GetAtt."""
    return FUNCTIONS[name]["role"]["Fn::Sub"].removeprefix("${").removesuffix(".Arn}")


def queue_events(name):
    return [event["sqs"] for event in FUNCTIONS[name]["events"] if "sqs" in event]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_file_and_a_role_of_its_own(name):
    assert FUNCTIONS[name]["handler"] == f"functions/{name}.handler"
    assert "def handler(" in (ROOT / "functions" / f"{name}.py").read_text("utf-8")
    assert HUB["Resources"][role_of(name)]["Type"] == "AWS::IAM::Role"
    assert len({role_of(each) for each in FUNCTIONS}) == len(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_role_may_write_the_log_group_of_its_function(name):
    policies = HUB["Resources"][role_of(name)]["Properties"]["Policies"]
    statements = [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]
    (log,) = (each["Resource"]["Fn::Sub"] for each in statements if each.get("Sid") == "WriteLogs")
    assert log.endswith(f":log-group:/aws/lambda/gatewatch-${{Stage}}-{name}:*")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_every_environment_variable_that_it_reads(name):
    code = (ROOT / "functions" / f"{name}.py").read_text("utf-8")
    needed = set(re.findall(r'environ(?:ment)?\["(\w+)"\]', code)) - SET_BY_LAMBDA
    assert needed
    assert needed <= PROVIDER["environment"].keys() | FUNCTIONS[name]["environment"].keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_publishes_metrics_under_the_names_of_the_alarms(name):
    environment = PROVIDER["environment"] | FUNCTIONS[name]["environment"]
    assert environment["POWERTOOLS_METRICS_NAMESPACE"] == "gatewatch"
    assert environment["POWERTOOLS_SERVICE_NAME"] == f"gatewatch-${{sls:stage}}-{name}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_environment_variables_are_names_and_references(name):
    environment = PROVIDER["environment"] | FUNCTIONS[name]["environment"]
    assert all(isinstance(value, dict) or re.fullmatch(r"[\w${}:.-]+", value) for value in environment.values())


def test_the_visibility_timeout_of_clicks_is_six_times_the_timeout_of_the_function():
    assert HUB["Parameters"]["ClicksVisibility"]["Default"] == 6 * FUNCTIONS["act"]["timeout"]


@pytest.mark.parametrize(
    ("name", "queue", "simulated"), [("alert", "Events", harness.EVENTS), ("deliver", "Outbox", harness.OUTBOX)]
)
def test_alerts_are_received_again_after_the_timeout_of_a_function_and_a_cold_start(name, queue, simulated):
    visibility = HUB["Parameters"][f"{queue}Visibility"]["Default"]
    receives = HUB["Resources"][queue]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
    assert visibility >= FUNCTIONS[name]["timeout"] + COLD_START_SECONDS
    assert simulated == {"visibility": visibility, "receives": receives}
    assert FUNCTIONS["deliver"]["timeout"] == harness.TIMEOUT


@pytest.mark.parametrize(("name", "queue"), [("alert", "Events"), ("deliver", "Outbox"), ("act", "Clicks")])
def test_event_source_mappings_report_batch_item_failures_and_limit_concurrency(name, queue):
    (event,) = queue_events(name)
    assert event["arn"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert event["functionResponseType"] == "ReportBatchItemFailures"
    assert 2 <= event["maximumConcurrency"] <= 1000
    assert event["batchSize"] == (1 if name == "act" else 10)


def test_actions_are_off_by_default_without_url_and_with_no_concurrency():
    defaults, actions = SERVERLESS["params"]["default"], FUNCTIONS["actions"]
    assert (defaults["actions"], defaults["actionsConcurrency"]) == (False, 0)
    assert (actions["url"], actions["reservedConcurrency"]) == ("${param:actions}", "${param:actionsConcurrency}")
    queue, schedule = FUNCTIONS["act"]["events"]
    assert queue["sqs"]["enabled"] == schedule["schedule"]["enabled"] == "${param:actions}"


def rule_of_access_keys():
    (rule,) = (event["eventBridge"] for event in FUNCTIONS["access_keys"]["events"] if "eventBridge" in event)
    return rule


def test_access_keys_run_daily_and_on_findings_of_config_without_a_queue():
    daily, _ = FUNCTIONS["access_keys"]["events"]
    assert daily["schedule"]["rate"] == "rate(1 day)"
    assert rule_of_access_keys()["eventBus"] == {"Fn::GetAtt": ["Bus", "Name"]}
    assert not queue_events("access_keys")
    assert FUNCTIONS["access_keys"]["timeout"] == 300


def test_access_key_rotation_is_off_by_default():
    daily, found = FUNCTIONS["access_keys"]["events"]
    assert SERVERLESS["params"]["default"]["keyRotation"] is False
    assert daily["schedule"]["enabled"] == found["eventBridge"]["enabled"] == "${param:keyRotation}"


def test_events_about_access_keys_have_a_dead_letter_queue_before_and_after_the_function():
    rule, dlq = rule_of_access_keys(), {"Fn::GetAtt": ["AccessKeysDlq", "Arn"]}
    assert rule["deadLetterQueueArn"] == FUNCTIONS["access_keys"]["onError"] == dlq
    assert rule["retryPolicy"] == {"maximumEventAge": 86400, "maximumRetryAttempts": 185}
    (allowed,) = (
        each["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"]
        for each in HUB["Resources"]["AccessKeysDlqPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        if each["Effect"] == "Allow"
    )
    assert allowed.rpartition("/")[2] == rule["name"].replace("${sls:stage}", "${Stage}")


@pytest.mark.parametrize("service", ["", "OrgConfigRule-", "securityhub-"])
@pytest.mark.parametrize("prefix", ["", "gatewatch-"])
@pytest.mark.parametrize("suffix", ["", "-conformance-pack-abcd1234"])
def test_the_pattern_of_access_keys_matches_what_the_function_acts_on(service, prefix, suffix):
    event = {
        "source": "aws.config",
        "detail-type": "Config Rules Compliance Change",
        "detail": {
            "messageType": "ComplianceChangeNotification",
            "awsAccountId": "111122223333",
            "resourceId": "AIDAEXAMPLEEXAMPLE01",
            "configRuleName": f"{service}{prefix}access-keys-rotated{suffix}",
            "newEvaluationResult": {"complianceType": "NON_COMPLIANT"},
        },
    }
    assert trigger_of(event) == OneUser("111122223333", "AIDAEXAMPLEEXAMPLE01")
    assert matches(rule_of_access_keys()["pattern"], event)
    for fact, other in (("configRuleName", f"{service}iam-user-mfa-enabled"), ("newEvaluationResult", {})):
        assert not matches(rule_of_access_keys()["pattern"], event | {"detail": event["detail"] | {fact: other}})


def matches(pattern, event):
    """Match like EventBridge: nested fields, values and prefixes."""
    return all(
        matches(wanted, event.get(key, {})) if isinstance(wanted, dict) else fits(wanted, event.get(key, ""))
        for key, wanted in pattern.items()
    )


def fits(wanted, fact):
    return any(fact.startswith(each["prefix"]) if isinstance(each, dict) else fact == each for each in wanted)


def test_the_stack_parameters_exist_in_the_hub_template():
    given = {each["ParameterKey"] for each in PROVIDER["stackParameters"]}
    assert given <= HUB["Parameters"].keys()
    assert {"Stage", "OrganizationId", "MemberAccounts", "MailTo", "ChatWorkspaceId", "ChatChannelId"} <= given


def test_functions_run_on_arm64_by_default_and_logs_expire():
    assert SERVERLESS["params"]["default"]["architecture"] == "arm64"
    assert PROVIDER["architecture"] == "${param:architecture}"
    assert PROVIDER["runtime"] == "python3.13"
    assert PROVIDER["logRetentionInDays"] == 90
    assert SERVERLESS["package"] == {"artifact": "build/gatewatch-${param:architecture}.zip"}


def test_the_deploy_tool_is_pinned_with_hashes_and_without_registry_addresses():
    wanted = json.loads((ROOT / "package.json").read_text("utf-8"))["devDependencies"]
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    assert all(packages[f"node_modules/{name}"]["version"] == version for name, version in wanted.items())
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert not any("resolved" in each for each in packages.values())
