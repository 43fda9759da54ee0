"""What a policy would have done to past events is told before it does it, the criticals first of all."""

import pytest

from functions.bundle import load_bundle
from gatewatch.config.destinations import HUB_TOPIC

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
        return build.gatewatch("check", *arguments, cwd=tmp_path)

    return run


@pytest.fixture
def world(build):
    return build.authorize(build.item(v4=["0.0.0.0/0"]))


def test_a_deploy_needs_a_route_that_takes_everything_and_replay_does_not(check, build, tmp_path):
    ran = check(policy="routes: [{match: {min_severity: high}, to: [alerts]}]")
    assert ran.status == 2
    assert "policy.yaml: routes: none takes everything, so an alert could go nowhere; end the list" in ran.err
    assert build.gatewatch("replay", "events.jsonl", cwd=tmp_path).status == 3, (
        "an empty file, and a policy that will do"
    )


def test_without_such_a_route_the_hub_tells_everything_to_its_own_topic(tmp_path):
    for name in ("accounts", "policy"):
        (tmp_path / f"{name}.yaml").write_text("{}", "utf-8")
    files = {f"GATEWATCH_{name.upper()}": str(tmp_path / f"{name}.yaml") for name in ("accounts", "policy")}
    bundle = load_bundle(files)
    assert "none takes everything" in bundle.trouble
    assert bundle.settings.default_destinations == (HUB_TOPIC,)


def test_an_expired_exception_is_noted(check):
    ran = check(policy=ROUTES + EXCEPTION.format(effect="mute", expires="2020-01-31"))
    assert ran.status == 0
    assert "note: exception x of @a expired on 2020-01-31 and holds no more; take it away." in ran.out


def test_a_critical_that_would_have_been_muted_is_named(check, build, world):
    narrow = build.authorize(build.item(v4=["198.51.100.7/32"]))
    policy = ROUTES + EXCEPTION.format(effect="mute", expires="2027-01-31")
    ran = check("--what-if", "events.jsonl", policy=policy, events=[world, narrow])
    assert ran.status == 0
    assert "2 alerts: 1 critical, 1 low" in ran.out
    assert "exception x: mute, until 2027-01-31: 1 critical, 1 low" in ran.out
    assert "criticals that nobody would have seen as such: 1" in ran.out
    assert "SSH opened to the whole internet (muted by x)" in ran.out
    assert "route 1 to alerts (everything): none" in ran.out


def test_a_lowered_critical_is_named_too_and_takes_the_route_of_what_it_became(check, world):
    policy = ROUTES + EXCEPTION.format(effect="lower", expires="2027-01-31")
    ran = check("--what-if", "events.jsonl", policy=policy, events=[world])
    assert "route 0 to alerts (min_severity high): 1 high" in ran.out
    assert "(lowered by x)" in ran.out


def test_past_events_are_held_against_the_exceptions_of_their_own_time(check, world):
    policy = ROUTES + EXCEPTION.format(effect="mute", expires="2026-01-23")
    ran = check("--what-if", "events.jsonl", policy=policy, events=[world])
    assert "exception x: mute, until 2026-01-23: none" in ran.out
    assert "criticals that nobody would have seen as such: 0" in ran.out


def test_rows_of_replay_are_not_touched_by_exceptions(check, build, world, tmp_path):
    check(policy=ROUTES + EXCEPTION.format(effect="mute", expires="2027-01-31"), events=[world])
    (row,) = build.gatewatch("replay", "events.jsonl", "--format", "json", cwd=tmp_path).rows
    assert row["severity"] == "critical"
    assert not [reason for reason in row["reasons"] if "exception" in reason]


def test_events_without_the_question_are_a_wrong_usage(check):
    ran = check("events.jsonl")
    assert ran.status == 2
    assert "check takes events only with --what-if" in ran.err


@pytest.mark.parametrize(
    ("effect", "lines"),
    [
        ("mute", ("excepted    by x: 1 of 1 muted", "goes to     nobody: it is muted")),
        ("lower", ("excepted    by x: 0 of 1 muted", "goes to     alerts")),
    ],
)
def test_the_trace_of_an_event_says_what_excepts_it(check, build, world, tmp_path, effect, lines):
    check(policy=ROUTES + EXCEPTION.format(effect=effect, expires="2027-01-31"), events=[world])
    trace = build.gatewatch("explain", "events.jsonl", cwd=tmp_path).out
    assert set(lines) <= {line.rstrip() for line in trace.splitlines()}
