"""Fields that a caller writes never lower a severity, suppress an alert or attribute a change to gatewatch.

The paths below are those of the trust table in docs/security.md, which a test compares.
"""

import copy
import json
import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewatch.alerts.own_actions import OwnAction
from gatewatch.alerts.own_role_attribution import Attribution
from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.alerts.suppression import suppress
from gatewatch.config.settings import load_settings
from gatewatch.config.suppression_rules import ExceptionEffect, ExceptionMatch, PolicyException
from gatewatch.events.decoding import decode
from gatewatch.events.user_identity import session_role_arn
from gatewatch.model.api_call import ApiCall
from support.paths import GOLDEN, ROOT

SETTINGS = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")
_SSO = ":role/aws-reserved/sso.amazonaws.com/"  # Identity Center, not the caller, writes the session name
AT = datetime(2026, 1, 24, 3, 45, tzinfo=UTC)
# What a caller may hope to be taken for.
TEXTS = [
    "cloudformation.amazonaws.com",
    "support.amazonaws.com",
    "AWS Internal",
    "gatewatch-remediation",
    "gatewatch/gatewatch-remediation",
    "terraform-x",
    "AWSServiceRoleForSupport",
    "/aws-service-role/support.amazonaws.com/",
    "root",
    "AWSReservedSSO_Admin_0123456789abcdef",
    "arn:aws:iam::111122223333:role/gatewatch/gatewatch-remediation",
    "on resource: role x",
    "x (gatewatch-remediation)",
    "",
]
# Keys of requests whose values are free text or labels, at any depth, in lower case.
FREE_TEXT = frozenset({"description", "groupdescription", "ruledescription", "tag", "tags", "clienttoken", "comment"})
EXCEPTIONS = [
    PolicyException(
        id=f"exception-{number}",
        match=ExceptionMatch(actor=text or "nobody"),
        effect=ExceptionEffect.MUTE,
        owner="@platform",
        reason="the pipeline changes groups",
        ticket="SEC-1",
        expires=date(2030, 1, 1),
    )
    for number, text in enumerate([*TEXTS, "*terraform*", "gatewatch*", "*.amazonaws.com"])
]


def golden_calls():
    for path in sorted(GOLDEN.glob("*/event.json")):
        for line in path.read_text("utf-8").splitlines() if path.suffix == ".jsonl" else [path.read_text("utf-8")]:
            yield from (each for each in decode(json.loads(line)) if isinstance(each, ApiCall))


RECORDS = [call.record for call in golden_calls() if call.record.get("eventName")]


def free_text_paths(value, path=(), *, is_free=False):
    """Every text below a key of `FREE_TEXT`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from free_text_paths(inner, (*path, key), is_free=is_free or key.lower() in FREE_TEXT)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from free_text_paths(inner, (*path, index), is_free=is_free)
    elif is_free and isinstance(value, str):
        yield path


def with_text(record, text):
    """The record with `text` in every field that its caller could have written."""
    made = copy.deepcopy(record)
    made["userAgent"] = text
    made["tlsDetails"] = {"clientProvidedHostHeader": text}
    for path in free_text_paths(made.get("requestParameters")):
        owner = made["requestParameters"]
        for key in path[:-1]:
            owner = owner[key]
        owner[path[-1]] = text
    user = made.get("userIdentity")
    if isinstance(user, dict) and user.get("type") == "AssumedRole" and _SSO not in session_role_arn(user):
        session = re.sub(r"[^\w+=,.@-]", "-", text)[:64] or "x"
        user["arn"] = f"{str(user.get('arn')).rpartition('/')[0]}/{session}"
        user["principalId"] = f"{str(user.get('principalId')).partition(':')[0]}:{session}"
        context = user.get("sessionContext")
        user["sessionContext"] = (context if isinstance(context, dict) else {}) | {"sourceIdentity": text}
    return made


def assessed(record):
    (call,) = decode(record)
    return assess_call(call, Assessor(SETTINGS, InMemoryRuleHistory()))


def levels(alert):
    return [each.assessment.severity.rank for each in alert.changes] if alert else []


def test_there_are_records_of_sessions_users_and_root():
    assert len(RECORDS) > 60
    kinds = {record["userIdentity"].get("type") for record in RECORDS if isinstance(record.get("userIdentity"), dict)}
    assert {"AssumedRole", "IAMUser", "Root"} <= kinds


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_of_the_caller_lowers_suppresses_or_attributes(text):
    roles = ("gatewatch/gatewatch-remediation", "gatewatch-access-keys")
    attribution = Attribution(roles, lambda ids: {each: OwnAction("chg-1", AT.timestamp()) for each in ids})
    for record in RECORDS:
        before, after = assessed(record), assessed(with_text(record, text))
        assert len(levels(after)) == len(levels(before)), record["eventName"]
        assert all(new >= old for old, new in zip(levels(before), levels(after), strict=True)), record["eventName"]
        if after is None:
            continue
        applied = [suppress(each, EXCEPTIONS, AT).applied for each in (before, after)]
        assert applied[1] == applied[0], record["eventName"]
        codes = {reason.code for each in attribution.attribute(after).changes for reason in each.assessment.reasons}
        assert not codes & {"own_enforcement", "own_undo"}, record["eventName"]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(st.sampled_from(RECORDS), st.text(max_size=80))
def test_no_random_text_of_the_caller_lowers_a_severity(record, text):
    before, after = levels(assessed(record)), levels(assessed(with_text(record, text)))
    assert len(before) == len(after)
    assert all(new >= old for old, new in zip(before, after, strict=True))
