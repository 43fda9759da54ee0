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
    read_at = {each: at for each in ResourceKind if each not in fields.get("unread", ())}
    found = {"account_id": "111122223333", "region": "ap-northeast-2", "read_at": read_at, **fields}
    return RegionInventory(at=at, items=items, **found)


def compared(previous, current, known, unread_ids=None):
    """Return the reading after its report, and the items that were reported."""
    found = compare(previous, current, known, unread_ids)
    silent = tuple(each for each in found.items if each.identity in found.unreported)
    return replace(found, unreported={}), silent


def by_event(rule=RULE, at=DAY):
    return {"sgr-1": RuleState(at, "event-1", rule)}


def test_the_first_reading_accuses_nothing_and_says_that_it_was_there_first():
    found, silent = compared(None, reading(DAY, ITEM, SNAPSHOT), {})
    assert silent == ()
    assert [(each.since, each.was_there_first) for each in found.items] == [(DAY, True)] * 2


def test_a_rule_keeps_the_time_of_its_first_reading():
    first, _ = compared(None, reading(DAY, ITEM), {})
    second, silent = compared(first, reading(2 * DAY, ITEM), {})
    assert [(each.since, each.was_there_first) for each in second.items] == [(DAY, True)]
    assert silent == ()


def test_a_new_rule_that_an_event_reported_is_explained():
    found, silent = compared(reading(DAY), reading(2 * DAY, ITEM), by_event(at=1.5 * DAY))
    assert (found.unexplained, silent) == ({}, ())
    assert [each.was_there_first for each in found.items] == [False]


def test_a_new_rule_without_an_event_is_reported_after_two_readings_half_an_hour_apart():
    first, silent = compared(reading(DAY), reading(2 * DAY, ITEM), {})
    assert (first.unexplained, silent) == ({"sgr-1": 2 * DAY}, ())
    early, silent = compared(first, reading(2 * DAY + CONFIRM_AFTER_SECONDS - 1, ITEM), {})
    assert (early.unexplained, silent) == ({"sgr-1": 2 * DAY}, ())
    late, (reported,) = compared(early, reading(2 * DAY + CONFIRM_AFTER_SECONDS, ITEM), {})
    assert (late.unexplained, reported.identity) == ({}, "sgr-1")
    again, silent = compared(late, reading(3 * DAY, ITEM), {})
    assert (again.unexplained, silent) == ({}, ())


def test_an_event_that_arrives_between_two_readings_explains_the_rule():
    first, _ = compared(reading(DAY), reading(2 * DAY, ITEM), {})
    second, silent = compared(first, reading(3 * DAY, ITEM), by_event(at=2 * DAY - 60))
    assert (second.unexplained, silent) == ({}, ())


def test_a_rule_that_was_closed_again_meanwhile_is_no_alert():
    first, _ = compared(reading(DAY), reading(2 * DAY, ITEM), {})
    found, silent = compared(first, reading(3 * DAY), {})
    assert (found.items, found.unexplained, silent) == ((), {}, ())


def test_a_rule_whose_event_said_something_else_is_not_explained():
    narrow = replace(RULE, peer=CidrPeer("10.0.0.0/8"))
    found, _ = compared(reading(DAY), reading(2 * DAY, ITEM), by_event(narrow))
    assert list(found.unexplained) == ["sgr-1"]


def test_a_lookup_between_two_readings_does_not_explain_the_rule_later_either():
    """Another call on the group makes functions/alert look its rules up."""
    looked_up = {"sgr-1": RuleState(1.5 * DAY, LOOKUP, RULE)}
    first, _ = compared(reading(DAY), reading(2 * DAY, ITEM), looked_up)
    _, (reported,) = compared(first, reading(2 * DAY + CONFIRM_AFTER_SECONDS, ITEM), looked_up)
    assert (reported.absent_at, reported.since) == (DAY, 2 * DAY)


def test_what_cannot_be_read_keeps_the_time_of_the_reading_that_had_it():
    first, _ = compared(None, reading(DAY, ITEM, SNAPSHOT), {})
    denied = {ResourceKind.SNAPSHOTS: "AccessDenied"}
    second, _ = compared(first, reading(2 * DAY, ITEM, unread=denied), {})
    assert {each.identity: each.seen_at for each in second.items} == {"sgr-1": 2 * DAY, "snap-1": DAY}


@pytest.mark.parametrize(("looked_up", "unexplained"), [(DAY / 2, []), (1.5 * DAY, ["sgr-1"])])
def test_a_lookup_explains_only_what_the_last_reading_must_have_seen(looked_up, unexplained):
    """The rule was there already, but an earlier policy did not count it as open."""
    known = {"sgr-1": RuleState(looked_up, LOOKUP, RULE)}
    found, _ = compared(reading(DAY), reading(2 * DAY, ITEM), known)
    assert list(found.unexplained) == unexplained


def test_rules_that_cannot_be_read_today_are_not_closed():
    unread = reading(2 * DAY, SNAPSHOT, unread={ResourceKind.RULES: "RequestLimitExceeded"})
    found, silent = compared(reading(DAY, ITEM), unread, {})
    assert {each.kind for each in found.items} == {ResourceKind.RULES, ResourceKind.SNAPSHOTS}
    assert silent == ()


def test_resources_without_rules_are_never_reported_as_silent():
    found, silent = compared(reading(DAY), reading(9 * DAY, SNAPSHOT), {})
    assert (found.unexplained, silent) == ({}, ())


def test_the_first_reading_of_the_rules_accuses_nothing_also_when_other_kinds_were_read_before():
    """A Region whose rules were throttled in the first sweep must not raise an alert for each of them in the second."""
    first, _ = compared(None, reading(DAY, SNAPSHOT, unread={ResourceKind.RULES: "Throttling"}), {})
    second, silent = compared(first, reading(2 * DAY, ITEM, SNAPSHOT), {})
    assert (second.unexplained, silent) == ({}, ())
    assert [each.was_there_first for each in second.items] == [True, True]
    changed = replace(ITEM, rule=replace(RULE, rule_id="sgr-2"))
    third, _ = compared(second, reading(3 * DAY, ITEM, changed), {})
    assert list(third.unexplained) == ["sgr-2"]


def test_a_suspect_is_not_confirmed_by_a_reading_without_rules():
    first, _ = compared(reading(DAY), reading(2 * DAY, ITEM), {})
    unread, silent = compared(first, reading(3 * DAY, unread={ResourceKind.RULES: "AccessDenied"}), {})
    assert (unread.unexplained, silent) == ({"sgr-1": 2 * DAY}, ())
    assert [each.identity for each in unread.items] == ["sgr-1"]
    _, silent = compared(unread, reading(4 * DAY, ITEM), by_event(at=1.5 * DAY))
    assert silent == ()


def test_a_rule_that_changes_without_an_event_is_as_good_as_new():
    """ModifySecurityGroupRules keeps the id of a rule."""
    wider = replace(ITEM, rule=replace(RULE, traffic=Traffic("all")))
    first, _ = compared(reading(DAY, ITEM), reading(2 * DAY, wider), by_event(at=DAY / 2))
    assert first.unexplained == {"sgr-1": 2 * DAY}
    assert [(each.since, each.was_there_first) for each in first.items] == [(2 * DAY, False)]
    _, (silent,) = compared(first, reading(3 * DAY, wider), by_event(at=DAY / 2))
    assert silent.identity == "sgr-1"


def test_a_suspect_that_changes_again_is_read_twice_as_it_is_now():
    wider = replace(ITEM, rule=replace(RULE, traffic=Traffic("all")))
    first, _ = compared(reading(DAY), reading(2 * DAY, ITEM), {})
    second, silent = compared(first, reading(3 * DAY, wider), {})
    assert (second.unexplained, silent) == ({"sgr-1": 3 * DAY}, ())


def test_a_rule_of_a_group_that_another_account_shares_is_never_accused():
    shared = replace(ITEM, owner_id="444455556666")
    found, silent = compared(reading(DAY), reading(3 * DAY, shared), {})
    assert (found.unexplained, silent) == ({}, ())


def test_a_reading_that_began_before_the_last_one_is_dropped():
    last, _ = compared(None, reading(2 * DAY, ITEM), {})
    assert compare(last, reading(DAY), {}) == last


def test_what_is_not_reported_yet_is_kept_until_it_is_closed():
    first = compare(reading(DAY), reading(2 * DAY, ITEM), {})
    second = compare(first, reading(3 * DAY, ITEM), {})
    assert compare(second, reading(4 * DAY, ITEM), {}).unreported == {"sgr-1": 2 * DAY}
    assert compare(second, reading(4 * DAY), {}).unreported == {}


def test_of_a_kind_that_was_read_in_part_only_the_unread_resources_are_kept():
    def bucket(name):
        return OpenItem(kind=ResourceKind.BUCKETS, severity=Severity.CRITICAL, resource_id=name)

    unread = reading(2 * DAY, bucket("c"), unread={ResourceKind.BUCKETS: "AccessDenied"})
    found, _ = compared(reading(DAY, bucket("a"), bucket("b")), unread, {}, {ResourceKind.BUCKETS: ["b", "d"]})
    assert [each.resource_id for each in found.items] == ["b", "c"]


def test_a_row_of_an_older_version_says_when_its_kinds_were_read():
    row = reading(DAY, unread={ResourceKind.RULES: "Throttling"}, read_at={})
    assert (row.last_read(ResourceKind.RULES), row.last_read(ResourceKind.IMAGES)) == (None, DAY)


steps = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 5000)), min_size=2, max_size=12)


@given(steps)
def test_one_rule_is_reported_at_most_once_while_it_stays_and_never_with_an_event(plan):
    """`plan`: whether the rule is there, whether its event has arrived, and the seconds since the reading before."""
    previous, at, reported, known = reading(0.0), 0.0, 0, {}
    for is_there, has_event, seconds in plan:
        at += seconds
        known = by_event(at=at) if has_event or known else {}
        previous, silent = compared(previous, reading(at, *([ITEM] if is_there else [])), known)
        reported = reported + len(silent) if is_there else 0
        assert reported <= 1
        assert not (silent and known)
