"""`gatewatch check`: what a policy would have done to past events, hidden critical alerts in particular."""

import pytest

from functions.bundle import load_bundle
from gatewatch.config.destinations import HUB_TOPIC
from support.command import gatewatch

ROUTES = "routes: [{match: {min_severity: high}, to: [alerts]}, {to: [alerts]}]\n"
EXCEPTION = (
    "exceptions: [{{id: x, match: {{port: 22}}, effect: {effect}, owner: '@a', reason: r, ticket: SEC-1, "
    "expires: {expires}}}]\n"
)


@pytest.fixture
def check(build, tmp_path):
    def run(*arguments, policy=ROUTES, events=()):
        (tmp_path / "accounts.yaml").write_text("{}", "utf-8")
        (tmp_path / "policy.yaml").write_text(policy, "utf-8")
        (tmp_path / "events.jsonl").write_text(build.text(*events), "utf-8")
        return gatewatch("check", *arguments, cwd=tmp_path)

    return run


@pytest.fixture
def world(build):
    return build.authorize(build.item(v4=["0.0.0.0/0"]))


def test_check_needs_a_route_that_matches_everything_from_low_and_replay_does_not(check, tmp_path):
    ran = check(policy="routes: [{match: {min_severity: high}, to: [alerts]}]")
    assert ran.status == 2
    assert "policy.yaml: routes: none matches every alert of severity low and above, so one could be lost; " in ran.err
    assert gatewatch("replay", "events.jsonl", cwd=tmp_path).status == 3, (
        "the events file is empty; the policy is accepted"
    )


def test_without_such_a_route_the_hub_sends_everything_to_its_alerts_topic(tmp_path):
    for name in ("accounts", "policy"):
        (tmp_path / f"{name}.yaml").write_text("{}", "utf-8")
    files = {f"GATEWATCH_{name.upper()}": str(tmp_path / f"{name}.yaml") for name in ("accounts", "policy")}
    bundle = load_bundle(files)
    assert "none matches every alert" in bundle.configuration_error
    assert bundle.settings.default_destinations == (HUB_TOPIC,)


def test_an_expired_exception_is_a_warning(check):
    ran = check(policy=ROUTES + EXCEPTION.format(effect="mute", expires="2020-01-31"))
    assert ran.status == 0
    assert "warning: exception x of @a expired on 2020-01-31 and has no effect; remove it." in ran.out


NAMED = "exceptions: [{{id: x, match: {match}, effect: mute, owner: a, reason: r, ticket: T, expires: 2999-01-31}}]"


@pytest.mark.parametrize(
    ("match", "warnings"),
    [
        ("{actor: 'terraform*'}", ["never a session name alone", "in every account"]),
        ("{actor: [deployer], account: '111122223333'}", ["never a session name alone"]),
        ("{actor: 'arn:aws:iam::111122223333:role/deployer'}", []),
        ("{group: 'bastion-*'}", ["whoever creates a group"]),
        ("{group: sg-0123456789abcdef0, port: 22}", []),
    ],
)
def test_a_name_that_others_can_choose_is_a_warning(check, match, warnings):
    ran = check(policy=ROUTES + NAMED.format(match=match))
    assert ran.status == 0
    lines = [line for line in ran.out.splitlines() if line.startswith("warning: exception x")]
    assert [any(each in line for line in lines) for each in warnings] == [True] * len(warnings)
    assert len(lines) == len(warnings)


def test_a_critical_alert_that_would_have_been_suppressed_is_listed(check, build, world):
    narrow = build.authorize(build.item(v4=["198.51.100.7/32"]))
    policy = ROUTES + EXCEPTION.format(effect="mute", expires="2027-01-31")
    ran = check("--what-if", "events.jsonl", policy=policy, events=[world, narrow])
    assert ran.status == 0
    assert "2 alerts: 1 critical, 1 low" in ran.out
    assert "exception x: mute, until 2027-01-31: 1 critical, 1 low" in ran.out
    assert "critical alerts that would not have been sent as critical: 1" in ran.out
    assert "SSH open to the internet (suppressed by x)" in ran.out
    assert "route 1 to alerts (everything): none" in ran.out


def test_a_lowered_critical_alert_is_listed_and_routed_by_its_new_severity(check, world):
    policy = ROUTES + EXCEPTION.format(effect="lower", expires="2027-01-31")
    ran = check("--what-if", "events.jsonl", policy=policy, events=[world])
    assert "route 0 to alerts (min_severity high): 1 high" in ran.out
    assert "(lowered by x)" in ran.out


def test_exceptions_apply_as_at_the_time_of_each_event(check, world):
    policy = ROUTES + EXCEPTION.format(effect="mute", expires="2026-01-23")
    ran = check("--what-if", "events.jsonl", policy=policy, events=[world])
    assert "exception x: mute, until 2026-01-23: none" in ran.out
    assert "critical alerts that would not have been sent as critical: 0" in ran.out


def test_exceptions_do_not_change_the_rows_of_replay(check, world, tmp_path):
    check(policy=ROUTES + EXCEPTION.format(effect="mute", expires="2027-01-31"), events=[world])
    (row,) = gatewatch("replay", "events.jsonl", "--format", "json", cwd=tmp_path).rows
    assert row["severity"] == "critical"
    assert not [reason for reason in row["reasons"] if "exception" in reason]


def test_events_without_what_if_are_wrong_usage(check):
    ran = check("events.jsonl")
    assert ran.status == 2
    assert "check takes events only with --what-if" in ran.err


@pytest.mark.parametrize(
    ("effect", "lines"),
    [
        ("mute", ("suppressed  by x: 1 of 1 changes", "sent to     none: suppressed by exceptions")),
        ("lower", ("suppressed  by x: 0 of 1 changes", "sent to     alerts")),
    ],
)
def test_the_decision_trace_names_the_exceptions(check, world, tmp_path, effect, lines):
    check(policy=ROUTES + EXCEPTION.format(effect=effect, expires="2027-01-31"), events=[world])
    trace = gatewatch("explain", "events.jsonl", cwd=tmp_path).out
    assert set(lines) <= {line.rstrip() for line in trace.splitlines()}


def test_info_that_goes_to_no_channel_is_counted(check, build):
    policy = (
        "routes: [{match: {min_severity: low}, to: [alerts]}, "
        "{match: {family: [security_group, prefix_list], action: revoke}, to: [alerts]}]"
    )
    created = build.record("CreateSecurityGroup", {"groupName": "web", "vpcId": "vpc-1"}, {"groupId": "sg-1"})
    ran = check("--what-if", "events.jsonl", policy=policy, events=[created])
    assert "route 1 to alerts (family security_group or prefix_list, action revoke): none" in ran.out
    assert "sent to no destination, only counted in the digest: 1 info" in ran.out
