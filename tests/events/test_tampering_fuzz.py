"""Random parameters of calls on gatewatch, trails and sign-ins: a row is assessed, and nothing raises."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewatch.events.changes import monitoring, sign_in
from gatewatch.model.severity import Severity
from support.builders import record

NAMES = ["name", "rule", "roleName", "trailName", "queueUrl", "topicArn", "secretId", "names", "alarmNames", "state"]
NAMES += ["eventPattern", "targets", "arn", "roleArn", "eventSelectors", "advancedEventSelectors", "fieldSelectors"]
NAMES += ["field", "equals", "notEquals", "attributes", "Policy", "isMultiRegionTrail", "kmsKeyId", "policyDocument"]
TEXTS = [
    "gatewatch-security-group",
    "gatewatch-canary",
    "/gatewatch/x",
    "gatewatch/x",
    "main",
    "{}",
    "[",
    "",
    "Management",
]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
fuzzing = settings(
    max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@fuzzing
@given(
    st.sampled_from(sorted(monitoring.CALL_SPECS)),
    st.dictionaries(st.sampled_from(NAMES), values, max_size=5) | values,
    values,
    st.sampled_from([None, "AccessDenied", "InternalError"]),
)
def test_no_parameters_of_a_watched_call_raise(rows, call, request, response, code):
    service, name = call
    made = record(name, request, response, eventSource=f"{service}.amazonaws.com", errorCode=code)
    for row in rows(made):
        assert Severity(row["severity"])
        assert row["reasons"]
    named = request if isinstance(request, dict) else {}
    if service == "events" and code is None and named.get("name") == "gatewatch-security-group" and name == "PutRule":
        (row,) = rows(made)
        assert row["severity"] == "high", json.dumps(request)


@fuzzing
@given(st.sampled_from(sorted(sign_in.CALL_SPECS)), values, values, values, values)
def test_no_fields_of_a_sign_in_raise(rows, call, identity, response, additional, details):
    made = record(
        call[1],
        None,
        response,
        eventSource="signin.amazonaws.com",
        userIdentity=identity,
        additionalEventData=additional,
        serviceEventDetails=details,
    )
    for row in rows(made):
        assert Severity(row["severity"])


@pytest.mark.parametrize("identity", [None, [], "x", {"type": []}, {"type": "AssumedRole", "sessionContext": []}])
def test_an_odd_identity_is_unknown_and_never_aws_work(row, identity):
    made = record("CreateUser", {"userName": "x"}, None, eventSource="iam.amazonaws.com", userIdentity=identity)
    assert row(made)["severity"] == "low"
