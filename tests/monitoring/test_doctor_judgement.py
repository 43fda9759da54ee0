"""What the doctor says of what was gathered: each cell green, or not and with what to do."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from gatewatch.cli.doctor_report import report
from gatewatch.monitoring.doctor.checks import patterns
from gatewatch.monitoring.doctor.gather_member import records_writes
from gatewatch.monitoring.doctor.judge_hub import admitted, judge_admission, judge_heard, judge_hub
from gatewatch.monitoring.doctor.judge_member import CANARY, IAM, Expected, judge_member
from gatewatch.monitoring.doctor.model import Finding, HubFacts, Light, Mapped, MemberFacts, Rule, Trail, Unseen

BUS = "arn:aws:events:ap-northeast-2:999988887777:event-bus/gatewatch-prod"
ROLE = "arn:aws:iam::111122223333:role/gatewatch/forward"
EXPECTED = Expected(BUS, patterns(), is_global=False)
GLOBAL = Expected(BUS, patterns(), is_global=True)
TARGETS = ((BUS, ROLE),)
NOW = 1_795_230_000


def rule(name, **other):
    facts = {"is_enabled": True, "pattern": patterns().get(name), "schedule": None, "targets": TARGETS}
    return Rule(**facts | ({"schedule": "rate(15 minutes)"} if name == CANARY else {}) | other)


def member(**other):
    facts = {
        "trails": (Trail("main", is_logging=True, records_writes=True),),
        "rules": {name: rule(name) for name in GLOBAL.names},
        "grants": {ROLE: (BUS,)},
        "undelivered": 0,
        "is_recording": True,
    }
    return MemberFacts(**facts | other)


def hub(**other):
    policy = {"Statement": [{"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}}]}
    facts = {
        "bus_policy": policy,
        "waiting": {"events": 0, "outbox.fifo": 0, "events-dead": 0, "outbox-dead.fifo": 0},
        "functions": {
            "alert": Mapped(state="Active", is_served=True),
            "deliver": Mapped(state="Active", is_served=True),
            "heartbeat": Mapped(state="Active", is_served=None),
        },
        "subscribers": 1,
        "heard": {},
    }
    return HubFacts(**facts | other)


def lights(findings):
    return {(each.what, each.light) for each in findings}


def worst(findings):
    return [(each.what, each.light, each.said) for each in findings if each.light is not Light.GREEN]


def test_a_member_in_order_is_green():
    assert worst(judge_member("here", member(), GLOBAL)) == []
    assert worst(judge_member("here", member(), EXPECTED)) == []


def test_the_rule_for_iam_is_missed_in_the_global_region_only():
    rules = {name: rule(name) for name in EXPECTED.names}
    assert IAM not in rules
    assert worst(judge_member("here", member(rules=rules), EXPECTED)) == []
    ((what, light, said),) = worst(judge_member("here", member(rules=rules | {IAM: None}), GLOBAL))
    assert (what, light, said) == ("rule", Light.RED, "gatewatch-iam is not there")


@pytest.mark.parametrize(
    ("trails", "light"),
    [
        ((), Light.RED),
        ((Trail("a", is_logging=False, records_writes=True),), Light.RED),
        ((Trail("a", is_logging=True, records_writes=False),), Light.RED),
        ((Trail("a", is_logging=True, records_writes=None),), Light.YELLOW),
        ((Trail("a", is_logging=None, records_writes=None),), Light.YELLOW),
        (
            (Trail("a", is_logging=False, records_writes=True), Trail("b", is_logging=True, records_writes=True)),
            Light.GREEN,
        ),
        (Unseen("AccessDenied"), Light.YELLOW),
    ],
)
def test_a_trail_must_log_and_record_writes(trails, light):
    assert ("trail", light) in lights(judge_member("here", member(trails=trails), EXPECTED))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"is_enabled": False}, "is disabled"),
        ({"pattern": {"source": ["aws.ec2"]}}, "another pattern"),
        ({"targets": ()}, "does not lead to the hub's bus"),
        ({"targets": (("arn:aws:sqs:x", ROLE),)}, "does not lead to the hub's bus"),
        ({"targets": ((BUS, "arn:aws:iam::111122223333:role/other"),)}, "no role that may put events"),
        ({"targets": ((BUS, ""),)}, "no role that may put events"),
    ],
)
def test_a_rule_must_be_enabled_current_and_able_to_send(broken, said):
    name = "gatewatch-security-group"
    rules = member().rules | {name: rule(name, **broken)}
    ((what, light, found),) = worst(judge_member("here", member(rules=rules), EXPECTED))
    assert (what, light) == ("rule", Light.RED)
    assert found.startswith(name)
    assert said in found


def test_a_canary_without_a_schedule_sings_never():
    rules = member().rules | {CANARY: rule(CANARY, schedule=None)}
    ((_, _, said),) = worst(judge_member("here", member(rules=rules), EXPECTED))
    assert said == "gatewatch-canary has no schedule"


def test_what_aws_did_not_answer_is_yellow_and_says_why():
    unseen = Unseen("AccessDeniedException")
    facts = MemberFacts(unseen, unseen, unseen, unseen, unseen)
    findings = list(judge_member("here", facts, EXPECTED))
    assert {each.light for each in findings} == {Light.YELLOW}
    assert all("AccessDeniedException" in each.said and each.remedy for each in findings)


def test_a_role_that_nobody_may_read_is_not_called_broken():
    findings = list(judge_member("here", member(grants=Unseen("AccessDenied")), EXPECTED))
    assert ("rule", Light.GREEN) in lights(findings)
    assert ("role", Light.YELLOW) in lights(findings)


def test_events_that_did_not_reach_the_hub_are_red_and_a_recorder_that_sleeps_is_yellow():
    found = lights(judge_member("here", member(undelivered=3, is_recording=False), EXPECTED))
    assert {("undelivered", Light.RED), ("recorder", Light.YELLOW)} <= found


@pytest.mark.parametrize(
    ("selectors", "records"),
    [
        ({}, False),
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}]}, True),
        ({"EventSelectors": [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]}, True),
        ({"EventSelectors": [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]}, False),
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": False}]}, False),
        (
            {"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]},
            True,
        ),
        ({"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}]}, False),
        (
            {
                "AdvancedEventSelectors": [
                    {
                        "FieldSelectors": [
                            {"Field": "eventCategory", "Equals": ["Management"]},
                            {"Field": "readOnly", "Equals": ["true"]},
                        ]
                    }
                ]
            },
            False,
        ),
    ],
)
def test_selectors_record_management_writes_or_do_not(selectors, records):
    assert records_writes(selectors) is records


def test_a_hub_in_order_is_green():
    assert worst(judge_hub(hub())) == []


@pytest.mark.parametrize(
    ("broken", "what", "light"),
    [
        ({"waiting": {"events-dead": 2}}, "events-dead", Light.RED),
        ({"waiting": {"outbox.fifo": 2}}, "outbox.fifo", Light.YELLOW),
        ({"waiting": Unseen("x")}, "queues", Light.YELLOW),
        ({"functions": {"alert": Mapped(state="Failed", is_served=True)}}, "alert", Light.RED),
        ({"functions": {"alert": Mapped(state="Active", is_served=False)}}, "alert", Light.RED),
        ({"functions": {"deliver": Mapped(state="Active", is_served=None)}}, "deliver", Light.RED),
        ({"functions": Unseen("x")}, "functions", Light.YELLOW),
        ({"subscribers": 0}, "operators", Light.RED),
        ({"subscribers": Unseen("x")}, "operators", Light.YELLOW),
        ({"bus_policy": {}}, "bus", Light.RED),
        ({"bus_policy": Unseen("x")}, "bus", Light.YELLOW),
    ],
)
def test_what_is_amiss_in_the_hub_is_said_with_what_to_do(broken, what, light):
    (finding,) = [each for each in judge_hub(hub(**broken)) if each.light is not Light.GREEN]
    assert (finding.what, finding.light) == (what, light)
    assert finding.remedy


def test_the_bus_policy_says_whom_it_admits():
    by_id = {"Statement": [{"Principal": {"AWS": ["444455556666", "arn:aws:iam::111122223333:root"]}}]}
    assert admitted(by_id) == (frozenset(), {"444455556666", "111122223333"})
    assert judge_admission("here", "111122223333", by_id).light is Light.GREEN
    assert judge_admission("here", "777788889999", by_id).light is Light.RED
    assert "o-a1b2c3d4e5" in judge_admission("here", "777788889999", hub().bus_policy).said
    assert judge_admission("here", "777788889999", Unseen("x")).light is Light.YELLOW


@pytest.mark.parametrize(
    ("heard", "light"),
    [
        ({"111122223333 us-east-1": NOW - 60}, Light.GREEN),
        ({"111122223333 us-east-1": NOW - 7200}, Light.RED),
        ({}, Light.RED),
        (Unseen("x"), Light.YELLOW),
    ],
)
def test_a_place_was_heard_of_lately_or_it_is_red(heard, light):
    assert judge_heard("here", "111122223333 us-east-1", heard, NOW).light is light


FINDINGS = [
    Finding("hub", "events", Light.GREEN, "empty"),
    Finding("hub", "alert", Light.RED, "gone", "make deploy"),
    Finding("hub", "sec-prod", Light.GREY, "not asked"),
]


def told(findings, **options):
    text = io.StringIO()
    status = report(findings, Console(file=text, width=120), **options)
    return status, text.getvalue()


def test_the_table_shows_what_is_not_in_order_and_the_status_says_that_something_is_broken():
    status, text = told(FINDINGS, everything=False)
    assert status == 1
    assert "make deploy" in text
    assert "empty" not in text
    assert "3 findings: 1 ok, 0 look, 1 broken, 1 skipped" in text


def test_the_table_shows_everything_when_asked_and_nothing_broken_is_a_good_status():
    status, text = told([FINDINGS[0], FINDINGS[2]], everything=True)
    assert status == 0
    assert "empty" in text


def test_what_aws_says_is_only_text_in_the_table():
    _, text = told([Finding("[bold]x[/bold]\x1b[31m", "w", Light.RED, "a\nb", "r")], everything=False)
    assert "[bold]x[/bold]" in text
    assert "\x1b" not in text
