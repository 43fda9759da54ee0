"""Open exposures as readings confirm them."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from gatewatch.alerts.exposures import rule_ref
from gatewatch.digest.activity import RuleClosed
from gatewatch.digest.inventory_exposures import with_inventory
from gatewatch.digest.open_exposures import resolve_exposures
from gatewatch.inventory.model import OpenItem, ResourceKind
from gatewatch.model.change import Family
from gatewatch.model.exposure import Origin
from gatewatch.model.reachability import Reachability, Verdict
from gatewatch.model.security_group import Group
from gatewatch.model.severity import Severity
from support.inventory import ACCOUNT, DAY, ENTRY, ITEM, LIST, NOW, OPENED, REGION, RULE, reading


def merged(steps, *regions):
    return with_inventory(resolve_exposures(steps), regions).open


def at(seconds):
    return datetime.fromtimestamp(seconds, UTC)


def closed(seconds, rule=RULE):
    return RuleClosed(
        at=at(seconds), key="c", number=0, account=ACCOUNT, region=REGION, resource="sg-1", rule=rule_ref(rule)
    )


def test_without_readings_the_events_alone_decide():
    assert merged([OPENED]) == resolve_exposures([OPENED]).open


def test_what_a_reading_confirms_keeps_its_event_and_gets_the_answer_of_the_path_check():
    stopped = Reachability(verdict=Verdict.NOT_REACHABLE)
    (found,) = merged([OPENED], reading(replace(ITEM, reachability=stopped)))
    assert (found.origin, found.actor, found.reachability) == (Origin.EVENT, "minji", stopped)


def test_what_only_a_reading_has_is_older_or_has_no_event():
    for was_there_first, origin in ((True, Origin.OLDER), (False, Origin.NO_EVENT)):
        (found,) = merged([], reading(replace(ITEM, was_there_first=was_there_first)))
        assert (found.origin, found.since.timestamp(), found.current.group.name) == (origin, NOW - DAY, "web")


def test_a_rule_that_a_later_reading_does_not_have_is_gone():
    assert merged([OPENED], reading()) == ()


@pytest.mark.parametrize(
    "region",
    [
        reading(unread={ResourceKind.RULES: "AccessDenied"}),
        reading(region="us-east-1"),
        reading(account_id="444455556666"),
        reading(at=OPENED.at.timestamp() + 30),
    ],
    ids=["not read", "another Region", "another account", "read just after it"],
)
def test_what_a_reading_says_nothing_about_stays(region):
    assert [each.actor for each in merged([OPENED], region)] == ["minji"]


def test_what_an_event_closed_before_a_reading_that_could_not_read_it_is_not_open_again():
    unread = reading(replace(ITEM, seen_at=NOW - DAY), unread={ResourceKind.RULES: "Throttling"})
    assert merged([OPENED, closed(NOW - 3600)], unread) == ()
    assert merged([], unread) != ()


def test_what_an_event_closed_after_the_reading_is_not_open_again():
    assert merged([OPENED, closed(NOW + 3600)], reading(ITEM)) == ()
    assert [each.origin for each in merged([OPENED, closed(NOW - DAY)], reading(ITEM))] == [Origin.OLDER]


def test_an_entry_of_a_prefix_list_is_confirmed_or_gone():
    step = replace(OPENED, family=Family.PREFIX_LIST, group=Group(), resource_id="pl-1", rule=ENTRY)
    assert [each.origin for each in merged([step], reading(LIST))] == [Origin.EVENT]
    assert merged([step], reading()) == ()
    assert len(merged([step], reading(unread={ResourceKind.PREFIX_LISTS: "Throttling"}))) == 1


WITHOUT_FACTS = {"rules", "network", "group_shares", "prefix_lists"}


@pytest.mark.parametrize("kind", [each for each in ResourceKind if each not in WITHOUT_FACTS])
def test_a_public_resource_that_no_event_reported_is_a_resource_of_the_digest(kind):
    item = OpenItem(kind=kind, severity=Severity.CRITICAL, resource_id="x", since=NOW)
    (found,) = merged([], reading(item))
    assert (found.current.family, found.current.facts.resource.name) == (Family.PUBLIC_ACCESS, "x")


def test_a_rule_of_a_shared_group_belongs_to_the_account_that_shares_it():
    shared = reading(replace(ITEM, owner_id=ACCOUNT), account_id="444455556666")
    assert [each.origin for each in merged([OPENED], shared)] == [Origin.EVENT]
    assert [each.current.account for each in merged([], shared, reading(ITEM))] == [ACCOUNT]


def test_what_is_open_is_ordered_by_its_age():
    older = replace(ITEM, rule=replace(RULE, rule_id="sgr-2"), since=NOW - 9 * DAY)
    found = merged([OPENED], reading(ITEM, older))
    assert [each.origin for each in found] == [Origin.OLDER, Origin.EVENT]
