"""Decisions about access keys from age, use, policy and time."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.config.iam import KeyExemption, KeyPolicy
from gatewatch.remediation.access_keys.credential_report import CredentialReportError, read_credential_report
from gatewatch.remediation.access_keys.plan import AccessKey, KeyDecision, plan_key_actions

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACCOUNT = "111122223333"


def ago(days):
    return None if days is None else NOW - timedelta(days=days)


def key(age, used=None, *, active=True, user="bob", off=None, back=None, **more):
    times = {"created": ago(age), "last_used": ago(used), "deactivated": ago(off), "restored": ago(back)}
    return AccessKey(account_id=ACCOUNT, user=user, key_id="AKIAEXAMPLE0000ABCDE", is_active=active, **times, **more)


def decided(key_, policy=None):
    (action,) = plan_key_actions([key_], policy or KeyPolicy(), NOW)
    return action


@pytest.mark.parametrize(
    ("key_", "decision", "reason"),
    [
        (key(0), "keep", ""),
        (key(74), "keep", ""),
        (key(75), "warn", ""),
        (key(89, used=0), "warn", ""),
        (key(90), "deactivate", ""),
        (key(400, used=30), "deactivate", ""),
        (key(400, used=7), "escalate", "in_use"),
        (key(400, used=8), "deactivate", ""),
        (key(400, back=3), "escalate", "restored"),
        (key(110, active=False, off=13), "keep", "waiting"),
        (key(110, active=False, off=14), "delete", ""),
        (key(110, active=False), "keep", "deactivated_by_others"),
        (key(20, active=False, off=15), "keep", ""),
        (key(-3), "keep", ""),
        (key(None), "keep", ""),
        (key(None, user="root", is_root=True), "report", "root"),
        (key(900, user="root", is_root=True), "report", "root"),
        (key(900, active=False, user="root", is_root=True), "keep", "root"),
    ],
)
def test_the_decision_follows_the_age_and_the_last_use_of_a_key(key_, decision, reason):
    action = decided(key_)
    assert (action.decision, action.reason) == (decision, reason)


def test_a_warning_contains_the_date_of_the_deactivation():
    assert decided(key(80)).due == NOW + timedelta(days=10)


def test_a_key_in_use_is_deactivated_only_with_cut_recently_used():
    assert decided(key(400, used=0), KeyPolicy(cut_recently_used=True)).decision == "deactivate"


@pytest.mark.parametrize("active", [True, False])
def test_deletion_at_once_is_a_setting(active):
    assert decided(key(90, active=active), KeyPolicy(delete_at_once=True)).decision == "delete"
    assert decided(key(89, active=active), KeyPolicy(delete_at_once=True)).decision in {"warn", "keep"}


def exempt(expires, user="bob", account=None):
    return KeyPolicy(exempt=(KeyExemption(user, "@ci", "moving to roles", expires, account),))


@pytest.mark.parametrize(
    ("policy", "decision", "reason"),
    [
        (exempt(date.max), "exempt", "moving to roles"),
        (exempt(date(2026, 12, 1)), "exempt", "moving to roles"),
        (exempt(date(2026, 11, 20)), "exempt", "moving to roles"),
        (exempt(date(2026, 11, 18)), "deactivate", "exemption_expired"),
        (exempt(date(2026, 12, 1), user="BOB"), "exempt", "moving to roles"),
        (exempt(date(2026, 12, 1), user="carol"), "deactivate", ""),
        (exempt(date(2026, 12, 1), account=ACCOUNT), "exempt", "moving to roles"),
        (exempt(date(2026, 12, 1), account="444455556666"), "deactivate", ""),
    ],
)
def test_an_exemption_applies_to_its_user_through_its_last_day_and_its_end_is_reported(policy, decision, reason):
    action = decided(key(100), policy)
    assert (action.decision, action.reason) == (decision, reason)


DAYS = st.none() | st.integers(0, 500)


@given(age=st.integers(-10, 89), used=DAYS, off=DAYS, back=DAYS, active=st.booleans(), at_once=st.booleans())
def test_a_young_key_is_never_changed(age, used, off, back, active, at_once):
    policy = KeyPolicy(mode="enforce", delete_at_once=at_once, cut_recently_used=True)
    assert not decided(key(age, used, active=active, off=off, back=back), policy).decision.changes_aws


@given(age=DAYS, used=DAYS, active=st.booleans(), at_once=st.booleans())
def test_a_root_key_is_never_changed(age, used, active, at_once):
    policy = KeyPolicy(mode="enforce", delete_at_once=at_once, cut_recently_used=True)
    root = key(age, used, active=active, user="root", is_root=True)
    assert decided(root, policy).decision in {KeyDecision.REPORT, KeyDecision.KEEP}


HEAD = (
    "user,arn,user_creation_time,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date\n"
)


def test_the_credential_report_gives_the_keys_of_every_user_and_of_root():
    report = HEAD + (
        f"<root_account>,arn:aws:iam::{ACCOUNT}:root,2020-01-01T00:00:00+00:00,true,N/A,N/A,false,N/A,N/A\n"
        f"bob,arn:aws:iam::{ACCOUNT}:user/bob,2020-01-01T00:00:00+00:00,true,2026-06-01T00:00:00+00:00,"
        "2026-11-19T00:00:00Z,false,2026-11-01T00:00:00+00:00,no_information\n"
        f"carol,arn:aws:iam::{ACCOUNT}:user/carol,2020-01-01T00:00:00+00:00,false,N/A,N/A,false,N/A,N/A\n"
    )
    found = read_credential_report(report, "report.csv")
    assert [(each.user, each.key_id, each.is_active, each.is_root) for each in found] == [
        ("root", "#1", True, True),
        ("bob", "#1", True, False),
        ("bob", "#2", False, False),
    ]
    assert {each.account_id for each in found} == {ACCOUNT}
    assert [each.decision for each in plan_key_actions(found, KeyPolicy(), NOW)] == ["report", "escalate", "keep"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no column user"),
        ("user,arn\n", "has no column access_key_1_active"),
        (HEAD + "bob,arn,N/A,true,yesterday,N/A,false,N/A,N/A\n", "line 2: cannot be read"),
        (HEAD + "bob,arn,N/A,true,2026-06-01T00:00:00+00:00,N/A,false", "line 2: cannot be read"),
        (HEAD + "bob,arn,N/A,true,2026-06-01T00:00:00+00:00,N/A,fal,N/A,N/A\n", "line 2: cannot be read"),
        (HEAD + "bob,arn,N/A,true,2026-06-01T00:00:00+00:00,N/A,false,N/A,N/", "line 2: cannot be read"),
        (HEAD + "bob,arn,N/A,true,2026-06-01T00:00,N/A,false,N/A,N/A\n", "line 2: cannot be read"),
        (HEAD + "bob,arn,N/A,true,2026-06-01T00:00:00+00:00,N/A,false,N/A,N/A,more\n", "line 2: cannot be read"),
    ],
)
def test_a_file_that_is_not_a_credential_report_is_refused(text, sentence):
    with pytest.raises(CredentialReportError, match=sentence):
        read_credential_report(text, "report.csv")
