"""What two readings of a Region say: what is new, and what no event reported."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gatewatch.alerts.rule_history_table import LOOKUP, RuleState
from gatewatch.inventory.comparison import CONFIRM_AFTER_SECONDS, compare
from gatewatch.inventory.model import OpenItem, RegionInventory, ResourceKind
from gatewatch.model.security_group import CidrPeer, Direction, Group, PortRange, SecurityGroupRule, Traffic
from gatewatch.model.severity import Severity

DAY = 24 * 3600.0
RULE = SecurityGroupRule(
    rule_id="sgr-1",
    direction=Direction.INGRESS,
    traffic=Traffic("tcp", ports=PortRange(22, 22)),
    peer=CidrPeer("0.0.0.0/0"),
)
ITEM = OpenItem(kind=ResourceKind.RULES, severity=Severity.CRITICAL, group=Group(id="sg-1"), rule=RULE)
SNAPSHOT = OpenItem(kind=ResourceKind.SNAPSHOTS, severity=Severity.CRITICAL, resource_id="snap-1")


def reading(at, *items, **fields):
    return RegionInventory(account_id="111122223333", region="ap-northeast-2", at=at, items=items, **fields)


def by_event(rule=RULE, at=DAY):
    return {"sgr-1": RuleState(at, "event-1", rule)}


def test_the_first_reading_accuses_nothing_and_says_that_it_was_there_first():
    found, silent = compare(None, reading(DAY, ITEM, SNAPSHOT), {})
    assert silent == ()
    assert [(each.since, each.was_there_first) for each in found.items] == [(DAY, True)] * 2


def test_a_rule_keeps_the_time_of_its_first_reading():
    first, _ = compare(None, reading(DAY, ITEM), {})
    second, silent = compare(first, reading(2 * DAY, ITEM), {})
    assert [(each.since, each.was_there_first) for each in second.items] == [(DAY, True)]
    assert silent == ()


def test_a_new_rule_that_an_event_reported_is_explained():
    found, silent = compare(reading(DAY), reading(2 * DAY, ITEM), by_event(at=1.5 * DAY))
    assert (found.unexplained, silent) == ({}, ())
    assert [each.was_there_first for each in found.items] == [False]


def test_a_new_rule_without_an_event_is_reported_after_two_readings_half_an_hour_apart():
    first, silent = compare(reading(DAY), reading(2 * DAY, ITEM), {})
    assert (first.unexplained, silent) == ({"sgr-1": 2 * DAY}, ())
    early, silent = compare(first, reading(2 * DAY + CONFIRM_AFTER_SECONDS - 1, ITEM), {})
    assert (early.unexplained, silent) == ({"sgr-1": 2 * DAY}, ())
    late, (reported,) = compare(early, reading(2 * DAY + CONFIRM_AFTER_SECONDS, ITEM), {})
    assert (late.unexplained, reported.identity) == ({}, "sgr-1")
    again, silent = compare(late, reading(3 * DAY, ITEM), {})
    assert (again.unexplained, silent) == ({}, ())


def test_an_event_that_arrives_between_two_readings_explains_the_rule():
    first, _ = compare(reading(DAY), reading(2 * DAY, ITEM), {})
    second, silent = compare(first, reading(3 * DAY, ITEM), by_event(at=2 * DAY - 60))
    assert (second.unexplained, silent) == ({}, ())


def test_a_rule_that_was_closed_again_meanwhile_is_no_alert():
    first, _ = compare(reading(DAY), reading(2 * DAY, ITEM), {})
    assert compare(first, reading(3 * DAY), {}) == (reading(3 * DAY), ())


def test_a_rule_whose_event_said_something_else_is_not_explained():
    narrow = replace(RULE, peer=CidrPeer("10.0.0.0/8"))
    found, _ = compare(reading(DAY), reading(2 * DAY, ITEM), by_event(narrow))
    assert list(found.unexplained) == ["sgr-1"]


@pytest.mark.parametrize(("looked_up", "unexplained"), [(DAY / 2, []), (1.5 * DAY, ["sgr-1"])])
def test_a_lookup_explains_only_what_the_last_reading_must_have_seen(looked_up, unexplained):
    """The rule was there already, but an earlier policy did not count it as open."""
    known = {"sgr-1": RuleState(looked_up, LOOKUP, RULE)}
    found, _ = compare(reading(DAY), reading(2 * DAY, ITEM), known)
    assert list(found.unexplained) == unexplained


def test_rules_that_cannot_be_read_today_are_not_closed():
    unread = reading(2 * DAY, SNAPSHOT, unread={ResourceKind.RULES: "RequestLimitExceeded"})
    found, silent = compare(reading(DAY, ITEM), unread, {})
    assert {each.kind for each in found.items} == {ResourceKind.RULES, ResourceKind.SNAPSHOTS}
    assert silent == ()


def test_resources_without_rules_are_never_reported_as_silent():
    found, silent = compare(reading(DAY), reading(9 * DAY, SNAPSHOT), {})
    assert (found.unexplained, silent) == ({}, ())


steps = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 5000)), min_size=2, max_size=12)


@given(steps)
def test_one_rule_is_reported_at_most_once_while_it_stays_and_never_with_an_event(plan):
    """`plan`: whether the rule is there, whether its event has arrived, and the seconds since the reading before."""
    previous, at, reported, known = reading(0.0), 0.0, 0, {}
    for is_there, has_event, seconds in plan:
        at += seconds
        known = by_event(at=at) if has_event or known else {}
        previous, silent = compare(previous, reading(at, *([ITEM] if is_there else [])), known)
        reported = reported + len(silent) if is_there else 0
        assert reported <= 1
        assert not (silent and known)
