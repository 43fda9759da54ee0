"""The doctor's checks of gathered states."""

from __future__ import annotations

import pytest

from gatewatch.cli.doctor_report import print_results
from gatewatch.cli.options import ListFormat
from gatewatch.config.forwarding_rules import rule_patterns
from gatewatch.inventory.coverage import Gap, GapKind
from gatewatch.monitoring.doctor.hub_checks import admitted_senders, judge_admission, judge_canary, judge_hub
from gatewatch.monitoring.doctor.member_checks import CANARY, GLOBAL_RULES, IAM, SWITCHES, Expected, judge_member
from gatewatch.monitoring.doctor.model import (
    CheckResult,
    CheckStatus,
    EventRule,
    FunctionState,
    HubState,
    MemberState,
    QueryFailed,
    Trail,
)

BUS = "arn:aws:events:ap-northeast-2:999988887777:event-bus/gatewatch-prod"
ROLE = "arn:aws:iam::111122223333:role/gatewatch/forward"
EXPECTED = Expected(BUS, rule_patterns(), is_global=False)
GLOBAL = Expected(BUS, rule_patterns(), is_global=True)
TARGETS = ((BUS, ROLE),)
NOW = 1_795_230_000


def rule(name, **other):
    facts = {"is_enabled": True, "pattern": rule_patterns().get(name), "schedule": None, "targets": TARGETS}
    return EventRule(**facts | ({"schedule": "rate(15 minutes)"} if name == CANARY else {}) | other)


def member(**other):
    facts = {
        "trails": (Trail("main", is_logging=True, records_writes=True),),
        "rules": {name: rule(name) for name in GLOBAL.names},
        "grants": {ROLE: (BUS,)},
        "undelivered": 0,
        "is_recording": True,
    }
    return MemberState(**facts | other)


def hub(**other):
    policy = {"Statement": [{"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}}]}
    facts = {
        "bus_policy": policy,
        "queue_depths": {"events": 0, "outbox.fifo": 0, "events-dlq": 0, "outbox-dlq.fifo": 0},
        "functions": {
            "alert": FunctionState(state="Active", is_served=True),
            "deliver": FunctionState(state="Active", is_served=True),
            "heartbeat": FunctionState(state="Active", is_served=None),
        },
        "subscribers": 1,
        "last_canaries": {},
    }
    return HubState(**facts | other)


def statuses(results):
    return {(each.check, each.status) for each in results}


def not_ok(results):
    return [(each.check, each.status, each.detail) for each in results if each.status is not CheckStatus.OK]


def test_a_healthy_member_has_no_warning_or_error():
    assert not_ok(judge_member("here", member(), GLOBAL)) == []
    assert not_ok(judge_member("here", member(), EXPECTED)) == []


def test_the_iam_rule_is_required_in_the_global_region_only():
    rules = {name: rule(name) for name in EXPECTED.names}
    assert GLOBAL_RULES.isdisjoint(rules)
    assert not_ok(judge_member("here", member(rules=rules), EXPECTED)) == []
    found = not_ok(judge_member("here", member(rules=rules | {IAM: None}), GLOBAL))
    assert ("rule", CheckStatus.ERROR, "gatewatch-iam does not exist") in found
    assert len(found) == len(GLOBAL_RULES)


@pytest.mark.parametrize("name", SWITCHES)
def test_a_rule_that_a_parameter_leaves_out_is_a_warning_when_it_is_missing(name):
    rules = {each: rule(each) for each in GLOBAL.names if each != name}
    (found,) = (each for each in judge_member("here", member(rules=rules), GLOBAL) if each.status is not CheckStatus.OK)
    assert (found.check, found.status) == ("rule", CheckStatus.WARNING)
    assert SWITCHES[name] in (found.remedy or "")


@pytest.mark.parametrize(
    ("trails", "status"),
    [
        ((), CheckStatus.ERROR),
        ((Trail("a", is_logging=False, records_writes=True),), CheckStatus.ERROR),
        ((Trail("a", is_logging=True, records_writes=False),), CheckStatus.ERROR),
        ((Trail("a", is_logging=True, records_writes=None),), CheckStatus.WARNING),
        ((Trail("a", is_logging=None, records_writes=None),), CheckStatus.WARNING),
        (
            (Trail("a", is_logging=False, records_writes=True), Trail("b", is_logging=True, records_writes=True)),
            CheckStatus.OK,
        ),
        (QueryFailed("AccessDenied"), CheckStatus.WARNING),
    ],
)
def test_a_trail_must_log_and_record_writes(trails, status):
    assert ("trail", status) in statuses(judge_member("here", member(trails=trails), EXPECTED))


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ({"is_enabled": False}, "is disabled"),
        ({"pattern": {"source": ["aws.ec2"]}}, "different pattern"),
        ({"targets": ()}, "no target on the hub's bus"),
        ({"targets": (("arn:aws:sqs:x", ROLE),)}, "no target on the hub's bus"),
        ({"targets": ((BUS, "arn:aws:iam::111122223333:role/other"),)}, "no role that may put events"),
        ({"targets": ((BUS, ""),)}, "no role that may put events"),
    ],
)
def test_a_rule_must_be_enabled_current_and_able_to_send(broken, expected):
    name = "gatewatch-security-group"
    rules = member().rules | {name: rule(name, **broken)}
    ((check, status, detail),) = not_ok(judge_member("here", member(rules=rules), EXPECTED))
    assert (check, status) == ("rule", CheckStatus.ERROR)
    assert detail.startswith(name)
    assert expected in detail


def test_a_canary_rule_without_a_schedule_is_an_error():
    rules = member().rules | {CANARY: rule(CANARY, schedule=None)}
    ((_, _, detail),) = not_ok(judge_member("here", member(rules=rules), EXPECTED))
    assert detail == "gatewatch-canary has no schedule"


def test_a_failed_query_is_a_warning_with_its_error_code():
    failed = QueryFailed("AccessDeniedException")
    state = MemberState(failed, failed, failed, failed, failed)
    results = list(judge_member("here", state, EXPECTED))
    assert {each.status for each in results} == {CheckStatus.WARNING}
    assert all("AccessDeniedException" in each.detail and each.remedy for each in results)


def test_an_unreadable_role_is_a_warning_and_not_an_error():
    results = list(judge_member("here", member(grants=QueryFailed("AccessDenied")), EXPECTED))
    assert ("rule", CheckStatus.OK) in statuses(results)
    assert ("role", CheckStatus.WARNING) in statuses(results)


def test_undelivered_events_are_an_error_and_a_stopped_recorder_is_a_warning():
    results = statuses(judge_member("here", member(undelivered=3, is_recording=False), EXPECTED))
    assert {("undelivered", CheckStatus.ERROR), ("recorder", CheckStatus.WARNING)} <= results


def test_a_healthy_hub_has_no_warning_or_error():
    assert not_ok(judge_hub(hub())) == []


@pytest.mark.parametrize(
    ("broken", "check", "status"),
    [
        ({"queue_depths": {"events-dlq": 2}}, "events-dlq", CheckStatus.ERROR),
        ({"queue_depths": {"outbox.fifo": 2}}, "outbox.fifo", CheckStatus.WARNING),
        ({"queue_depths": QueryFailed("x")}, "queues", CheckStatus.WARNING),
        ({"functions": {"alert": FunctionState(state="Failed", is_served=True)}}, "alert", CheckStatus.ERROR),
        ({"functions": {"alert": FunctionState(state="Active", is_served=False)}}, "alert", CheckStatus.ERROR),
        ({"functions": {"deliver": FunctionState(state="Active", is_served=None)}}, "deliver", CheckStatus.ERROR),
        ({"functions": QueryFailed("x")}, "functions", CheckStatus.WARNING),
        ({"subscribers": 0}, "operators", CheckStatus.ERROR),
        ({"subscribers": QueryFailed("x")}, "operators", CheckStatus.WARNING),
        ({"bus_policy": QueryFailed("x")}, "bus", CheckStatus.WARNING),
    ],
)
def test_a_problem_of_the_hub_is_reported_with_a_remedy(broken, check, status):
    (result,) = [each for each in judge_hub(hub(**broken)) if each.status is not CheckStatus.OK]
    assert (result.check, result.status) == (check, status)
    assert result.remedy


def test_the_bus_policy_shows_which_senders_it_admits():
    by_id = {"Statement": [{"Principal": {"AWS": ["444455556666", "arn:aws:iam::111122223333:root"]}}]}
    assert admitted_senders(by_id) == (frozenset(), {"444455556666", "111122223333"})
    assert judge_admission("here", "111122223333", "999988887777", by_id).status is CheckStatus.OK
    assert judge_admission("here", "777788889999", "999988887777", by_id).status is CheckStatus.ERROR
    assert judge_admission("here", "999988887777", "999988887777", {}).status is CheckStatus.OK
    assert "o-a1b2c3d4e5" in judge_admission("here", "777788889999", "999988887777", hub().bus_policy).detail
    assert judge_admission("here", "777788889999", "999988887777", QueryFailed("x")).status is CheckStatus.WARNING


@pytest.mark.parametrize(
    ("last_canaries", "status"),
    [
        ({"111122223333 us-east-1": NOW - 60}, CheckStatus.OK),
        ({"111122223333 us-east-1": NOW - 7200}, CheckStatus.ERROR),
        ({}, CheckStatus.ERROR),
        (QueryFailed("x"), CheckStatus.WARNING),
    ],
)
def test_a_missing_or_old_canary_is_an_error(last_canaries, status):
    assert judge_canary("here", "111122223333 us-east-1", last_canaries, NOW).status is status


RESULTS = [
    CheckResult("hub", "events", CheckStatus.OK, "empty"),
    CheckResult("hub", "alert", CheckStatus.ERROR, "the function is Failed", "make deploy"),
    CheckResult("hub", "sec-prod", CheckStatus.SKIPPED, "not checked"),
]


@pytest.fixture
def printed(capsys):
    def run(results, output=ListFormat.TABLE, **options):
        status = print_results(results, output, **options)
        return status, capsys.readouterr().out

    return run


def test_the_table_shows_problems_only_and_an_error_gives_exit_status_1(printed):
    status, text = printed(RESULTS, everything=False)
    assert status == 1
    assert "make deploy" in text
    assert "empty" not in text
    assert "3 checks: 1 ok, 0 warning, 1 error, 1 skipped" in text


def test_with_all_the_table_shows_every_check_and_no_error_gives_exit_status_0(printed):
    status, text = printed([RESULTS[0], RESULTS[2]], everything=True)
    assert status == 0
    assert "empty" in text


def test_values_from_aws_are_plain_text_in_the_table(printed):
    _, text = printed([CheckResult("[bold]x[/bold]\x1b[31m", "w", CheckStatus.ERROR, "a\nb", "r")], everything=False)
    assert "[bold]x[/bold]" in text
    assert "\x1b" not in text


def test_what_only_the_sweep_or_only_events_see_is_a_warning_of_the_account():
    gaps = [
        Gap("111122223333", GapKind.UNREAD, ("eu-west-1",), "AccessDenied"),
        Gap("111122223333", GapKind.NO_EVENTS, ("eu-west-2", "eu-west-3")),
        Gap("444455556666", GapKind.NO_ROLE),
    ]
    found = [each for each in judge_hub(hub(gaps=gaps)) if each.check == "sweep"]
    assert [(each.where, each.status, each.detail) for each in found] == [
        ("111122223333", CheckStatus.WARNING, "not read for two days, or never (AccessDenied): eu-west-1"),
        ("111122223333", CheckStatus.WARNING, "read every day, but no canary ever came: eu-west-2, eu-west-3"),
        ("444455556666", CheckStatus.WARNING, "events arrive, but nobody reads what stands open there"),
    ]
    assert all(each.remedy for each in found)


@pytest.mark.parametrize(
    ("gaps", "status"), [([], {CheckStatus.OK}), (None, set()), (QueryFailed("AccessDenied"), {CheckStatus.WARNING})]
)
def test_before_the_first_report_of_the_sweep_nothing_is_said_about_it(gaps, status):
    assert {each.status for each in judge_hub(hub(gaps=gaps)) if each.check == "sweep"} == status
