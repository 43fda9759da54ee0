"""Recorded events of IAM and sign-in (anonymized), when they are available."""

import json

import pytest

from support.paths import RECORDED

pytestmark = pytest.mark.skipif(not RECORDED.is_file(), reason="the recorded events are not at hand")
READS = ("List", "Get", "Simulate", "Generate")


def recorded(service):
    lines = RECORDED.read_text("utf-8").splitlines() if RECORDED.is_file() else []
    records = [json.loads(line) for line in lines]
    records = [each.get("detail", each) for each in records]
    return [each for each in records if each.get("eventSource") == f"{service}.amazonaws.com"]


def test_every_recorded_write_of_iam_gives_one_row_that_is_understood(rows):
    records = recorded("iam")
    writes = [each for each in records if not each["eventName"].startswith(READS)]
    found = rows(*records)
    assert len(found) == len(writes) > 40
    assert {each["understood"] for each in found} == {True}
    assert {each["family"] for each in found} == {"iam"}


def test_every_recorded_row_keeps_the_contract(rows):
    for each in rows(*recorded("iam"), *recorded("signin")):
        severity, outcome = each["severity"], each["outcome"]
        assert each["action"] in {"attach", "detach", "create", "delete", "other"}
        assert severity in {"info", "low"} or each["reasons"]
        assert outcome != "failed" or severity in {"info", "low"}
        assert each["group_id"] is each["rule_id"] is each["protocol"] is each["peer"] is each["previous"] is None


def test_recorded_sign_ins_give_rows_and_their_failures_are_failed(rows):
    found = rows(*recorded("signin"))
    logins = [each for each in found if each["event_name"] == "ConsoleLogin"]
    expected = [each for each in recorded("signin") if each["eventName"] == "ConsoleLogin"]
    assert len(logins) == len(expected) >= 5
    for each, event in zip(logins, expected, strict=True):
        assert each["outcome"] == ("failed" if event.get("errorMessage") else "applied")
