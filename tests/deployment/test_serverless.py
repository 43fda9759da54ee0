"""serverless.yml compared with the templates and functions it joins; test_deploy.py runs the tool itself."""

from __future__ import annotations

import json
import re

import pytest
from cfnlint.decode.cfn_yaml import load

from gatewatch.remediation.access_keys.trigger import OneUser, trigger_of
from support.paths import ROOT

SERVERLESS = load(str(ROOT / "serverless.yml"))
HUB = load(str(ROOT / "eventbridge" / "hub.yaml"))
FUNCTIONS = SERVERLESS["functions"]
PROVIDER = SERVERLESS["provider"]
LAMBDAS_OWN = {"LAMBDA_TASK_ROOT", "AWS_REGION"}


def role_of(name):
    """By Fn::Sub: osls adds to an Fn::GetAtt a dependency that is already in it, and cfn-lint says so."""
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
def test_a_role_writes_the_log_of_the_function_that_has_it(name):
    policies = HUB["Resources"][role_of(name)]["Properties"]["Policies"]
    statements = [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]
    (log,) = (each["Resource"]["Fn::Sub"] for each in statements if each.get("Sid") == "WriteItsLog")
    assert log.endswith(f":log-group:/aws/lambda/gatewatch-${{Stage}}-{name}:*")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gets_every_variable_that_it_reads(name):
    code = (ROOT / "functions" / f"{name}.py").read_text("utf-8")
    needed = set(re.findall(r'environ(?:ment)?\["(\w+)"\]', code)) - LAMBDAS_OWN
    assert needed
    assert needed <= PROVIDER["environment"].keys() | FUNCTIONS[name]["environment"].keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_counts_under_the_name_that_the_alarms_look_for(name):
    environment = PROVIDER["environment"] | FUNCTIONS[name]["environment"]
    assert environment["POWERTOOLS_METRICS_NAMESPACE"] == "gatewatch"
    assert environment["POWERTOOLS_SERVICE_NAME"] == f"gatewatch-${{sls:stage}}-{name}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_variable_of_a_function_holds_more_than_a_name(name):
    environment = PROVIDER["environment"] | FUNCTIONS[name]["environment"]
    assert all(isinstance(value, dict) or re.fullmatch(r"[\w${}:.-]+", value) for value in environment.values())


def test_a_queue_hides_a_message_six_times_as_long_as_its_function_may_take():
    for name, parameter in (("alert", "EventsVisibility"), ("deliver", "OutboxVisibility")):
        assert HUB["Parameters"][parameter]["Default"] == 6 * FUNCTIONS[name]["timeout"]


@pytest.mark.parametrize(("name", "queue"), [("alert", "Events"), ("deliver", "Outbox")])
def test_what_failed_of_a_batch_comes_again_alone_and_concurrency_has_a_bound(name, queue):
    (event,) = queue_events(name)
    assert event["arn"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert event["functionResponseType"] == "ReportBatchItemFailures"
    assert 2 <= event["maximumConcurrency"] <= 1000
    assert event["batchSize"] == 10


def rule_of_access_keys():
    (rule,) = (event["eventBridge"] for event in FUNCTIONS["access_keys"]["events"] if "eventBridge" in event)
    return rule


def test_access_keys_are_looked_after_daily_and_at_once_when_config_finds_one_and_by_no_queue():
    daily, _ = FUNCTIONS["access_keys"]["events"]
    assert daily["schedule"]["rate"] == "rate(1 day)"
    assert rule_of_access_keys()["eventBus"] == {"Fn::GetAtt": ["Bus", "Name"]}
    assert not queue_events("access_keys")
    assert FUNCTIONS["access_keys"]["timeout"] == 300


def test_nobody_looks_after_access_keys_before_the_members_have_the_role_for_it():
    daily, found = FUNCTIONS["access_keys"]["events"]
    assert SERVERLESS["params"]["default"]["accessKeys"] is False
    assert daily["schedule"]["enabled"] == found["eventBridge"]["enabled"] == "${param:accessKeys}"


def test_no_event_about_an_access_key_is_lost_before_the_function_nor_in_it():
    rule, dead = rule_of_access_keys(), {"Fn::GetAtt": ["AccessKeysDead", "Arn"]}
    assert rule["deadLetterQueueArn"] == FUNCTIONS["access_keys"]["onError"] == dead
    assert rule["retryPolicy"] == {"maximumEventAge": 86400, "maximumRetryAttempts": 185}
    (allowed,) = (
        each["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"]
        for each in HUB["Resources"]["AccessKeysDeadPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        if each["Effect"] == "Allow"
    )
    assert allowed.rpartition("/")[2] == rule["name"].replace("${sls:stage}", "${Stage}")


@pytest.mark.parametrize("before", ["", "OrgConfigRule-", "securityhub-"])
@pytest.mark.parametrize("ours", ["", "gatewatch-"])
@pytest.mark.parametrize("behind", ["", "-conformance-pack-abcd1234"])
def test_the_rule_of_access_keys_lets_through_what_the_function_acts_on(before, ours, behind):
    event = {
        "source": "aws.config",
        "detail-type": "Config Rules Compliance Change",
        "detail": {
            "messageType": "ComplianceChangeNotification",
            "awsAccountId": "111122223333",
            "resourceId": "AIDAEXAMPLEEXAMPLE01",
            "configRuleName": f"{before}{ours}access-keys-rotated{behind}",
            "newEvaluationResult": {"complianceType": "NON_COMPLIANT"},
        },
    }
    assert trigger_of(event) == OneUser("111122223333", "AIDAEXAMPLEEXAMPLE01")
    assert lets_through(rule_of_access_keys()["pattern"], event)
    for fact, other in (("configRuleName", f"{before}iam-user-mfa-enabled"), ("newEvaluationResult", {})):
        assert not lets_through(rule_of_access_keys()["pattern"], event | {"detail": event["detail"] | {fact: other}})


def lets_through(pattern, event):
    """As EventBridge reads a pattern, as far as this one goes."""
    return all(
        lets_through(wanted, event.get(key, {})) if isinstance(wanted, dict) else fits(wanted, event.get(key, ""))
        for key, wanted in pattern.items()
    )


def fits(wanted, fact):
    return any(fact.startswith(each["prefix"]) if isinstance(each, dict) else fact == each for each in wanted)


def test_the_parameters_of_the_hub_are_given_by_name():
    given = {each["ParameterKey"] for each in PROVIDER["stackParameters"]}
    assert given <= HUB["Parameters"].keys()
    assert {"Stage", "OrganizationId", "MemberAccounts", "MailTo", "ChatWorkspaceId", "ChatChannelId"} <= given


def test_functions_run_on_arm_unless_asked_otherwise_and_their_logs_end():
    assert SERVERLESS["params"]["default"]["architecture"] == "arm64"
    assert PROVIDER["architecture"] == "${param:architecture}"
    assert PROVIDER["runtime"] == "python3.13"
    assert PROVIDER["logRetentionInDays"] == 90
    assert SERVERLESS["package"] == {"artifact": "build/gatewatch-${param:architecture}.zip"}


def test_the_deploy_tool_is_pinned_with_every_hash_and_the_lock_names_no_place():
    wanted = json.loads((ROOT / "package.json").read_text("utf-8"))["devDependencies"]
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    assert all(packages[f"node_modules/{name}"]["version"] == version for name, version in wanted.items())
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert not any("resolved" in each for each in packages.values())
