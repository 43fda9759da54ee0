"""Roll-ups with threads: exposures are closed in them, further alerts go into their thread, and none is hidden."""

import itertools
import json
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.aws.hub_table import HubTable
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.model.message import Rollup
from gatewatch.model.severity import Severity
from gatewatch.rendering.presentation import Presentation
from gatewatch.rendering.slack_validation import slack_problems
from support.threads import (
    APP,
    BLUE,
    GREEN,
    ORANGE,
    RDP,
    SSH,
    STORY,
    WEBHOOK,
    Deliveries,
    Once,
    alert,
    name_of,
    threads_of,
)

MARKS = {"info": "⚪", "low": "🔵", "medium": "🟡", "high": "🟠"}


def alerts(*numbers, severity=Severity.LOW):
    return [alert(f"n{number}", severity) for number in numbers]


def rollup(messages):
    return Rollup(tuple(messages))


WEB = alert("web", Severity.HIGH, opened=(SSH,))
OFFICE = alert("office", Severity.HIGH, at=5.0, group_key="1/eu-west-1/sg-2", opened=(RDP,))
NARROW = alert("narrow")
ROLLED_UP = rollup([NARROW, WEB, OFFICE])
NAME = name_of(ROLLED_UP)
WEB_CLOSED = alert("web-closed", at=14 * 60.0, caller="alice", closed=(SSH,))
OFFICE_CLOSED = alert("office-closed", at=3605.0, caller="bob", group_key="1/eu-west-1/sg-2", closed=(RDP,))


def test_closed_exposures_are_shown_below_their_alert_and_counted_below_the_headline():
    deliveries = Deliveries()
    channel = deliveries.post(ROLLED_UP, WEB_CLOSED)
    assert channel.lines(NAME) == {"web": "✅ Closed after 14 min by `alice`"}
    assert (channel.line(NAME), channel.color(NAME)) == ("☑️ 1 of 2 exposures closed", ORANGE)
    deliveries.post(OFFICE_CLOSED)
    assert channel.lines(NAME) == {
        "web": "✅ Closed after 14 min by `alice`",
        "office": "✅ Closed after 60 min by `bob`",
    }
    assert (channel.line(NAME), channel.color(NAME)) == ("✅ 2 of 2 exposures closed", GREEN)
    assert [channel.thread(name) for name in ("web-closed", "office-closed")] == [NAME, NAME]
    assert channel.line("web-closed") == "✅ Was open for 14 min, opened by `terraform`"
    assert all(slack_problems(payload) == () for _, payload in channel.shown.values())


@pytest.mark.parametrize("order", list(itertools.permutations([ROLLED_UP, WEB_CLOSED, OFFICE_CLOSED])))
def test_every_order_ends_with_the_same_rollup(order):
    channel = Deliveries().post(*order)
    assert channel.of(NAME) == Deliveries().post(ROLLED_UP, WEB_CLOSED, OFFICE_CLOSED).of(NAME)


def test_a_rollup_with_another_serious_alert_keeps_its_colour():
    rolled_up = rollup([WEB, alert("policy", Severity.MEDIUM), NARROW])
    name, channel = name_of(rolled_up), Deliveries().post(rolled_up, WEB_CLOSED)
    assert (channel.line(name), channel.color(name)) == ("✅ 1 of 1 exposures closed", ORANGE)


def test_an_exposure_opened_and_closed_in_one_rollup_is_shown_at_both_alerts():
    closed = alert("web-closed", at=14 * 60.0, actor="alice", closed=(SSH,))
    rolled_up = rollup([NARROW, WEB, closed])
    name, channel = name_of(rolled_up), Deliveries().post(rolled_up)
    assert channel.lines(name) == {
        "web": "✅ Closed after 14 min by `alice`",
        "web-closed": "✅ Was open for 14 min, opened by `terraform`",
    }
    assert channel.color(name) == GREEN


def test_a_rollup_that_closes_the_exposures_of_one_thread_answers_there():
    third_closed = alert("third-closed", at=9e9, group_key="1/eu-west-1/sg-3", closed=(SSH,))
    closings = rollup([WEB_CLOSED, OFFICE_CLOSED, third_closed])
    third = alert("third", Severity.HIGH, caller="bob", group_key="1/eu-west-1/sg-3", opened=(SSH,))
    opened = rollup([WEB, OFFICE, third])
    channel = Deliveries().post(opened, closings)
    assert channel.thread(name_of(closings)) == name_of(opened)
    assert len(channel.lines(name_of(closings))) == 3
    assert Deliveries().post(ROLLED_UP, third, closings).thread(name_of(closings)) == ""


def test_a_webhook_shows_the_state_in_the_rollup_of_the_closings():
    closings = rollup([WEB_CLOSED, OFFICE_CLOSED, NARROW])
    channel = Deliveries(WEBHOOK).post(ROLLED_UP, closings)
    assert channel.lines(NAME) == {}
    assert channel.lines(name_of(closings)) == {
        "web-closed": "✅ Was open for 14 min, opened by `terraform`",
        "office-closed": "✅ Was open for 60 min, opened by `terraform`",
    }


def test_further_alerts_of_the_actor_go_into_the_thread_and_are_counted_in_the_headline():
    deliveries = Deliveries()
    first, second, single = rollup(alerts(1, 2, 3)), rollup(alerts(4, 5, 6)), alert("n7")
    channel = deliveries.after(299).post(first, second)
    assert channel.thread("n4+2") == "n1+2"
    assert channel.header("n1+2") == "🔵 n1 · +2 🧵 +3"
    deliveries.after(299).post(single)
    assert channel.thread("n7") == "n1+2"
    assert channel.header("n1+2") == "🔵 n1 · +2 🧵 +4"
    assert [payload["attachments"][0]["color"] for _, payload in channel.shown.values()] == [BLUE] * 3


@pytest.mark.parametrize(
    ("seconds", "facts", "cut"),
    [
        (301, {}, ()),
        (0, {"caller": "alice"}, ()),
        (0, {"account_id": "2"}, ()),
        (0, {"severity": Severity.MEDIUM}, ()),
        (0, {"severity": Severity.CRITICAL}, ()),
        (0, {}, (0, 0)),
    ],
    ids=["later", "actor", "account", "worse", "critical", "in parts"],
)
def test_other_alerts_are_posted_in_the_channel(seconds, facts, cut):
    deliveries = Deliveries()
    deliveries.post(rollup(alerts(1, 2, 3)))
    channel = deliveries.after(seconds).post(alert("other", **facts), cut=cut)
    assert channel.thread("other") == ""
    assert channel.header("n1+2") == "🔵 n1 · +2"


def test_a_fallback_message_is_posted_in_the_channel():
    deliveries = Deliveries()
    fallback = msgspec.structs.replace(alert("other"), fallback_for="sec-prod")
    channel = deliveries.post(rollup(alerts(1, 2, 3)), fallback)
    assert channel.thread("other#for-sec-prod") == ""
    assert channel.header("n1+2") == "🔵 n1 · +2"


def test_a_worse_rollup_starts_a_thread_of_its_own():
    first, worse, last = rollup(alerts(1, 2, 3)), rollup(alerts(4, 5, 6, severity=Severity.HIGH)), alert("n7")
    channel = Deliveries().post(first, worse, last)
    assert channel.thread("n4+2") == ""
    assert channel.thread("n7") == "n4+2"


def test_a_thread_takes_alerts_for_an_hour_and_no_longer():
    deliveries = Deliveries()
    first, others = rollup(alerts(1, 2, 3)), alerts(*range(4, 20))
    deliveries.post(first)
    assert one_by_one(deliveries, 290, others) == ["n1+2"] * 12 + [""] * 4


def one_by_one(deliveries, seconds, messages):
    for each in messages:
        deliveries.after(seconds).post(each)
    return [deliveries.channel.thread(name_of(each)) for each in messages]


def test_after_five_alerts_in_a_row_the_next_go_into_the_thread_of_the_fifth():
    deliveries = Deliveries()
    assert one_by_one(deliveries, 15, alerts(*range(1, 9))) == [""] * 5 + ["n5"] * 3
    assert deliveries.channel.header("n5") == "🔵 n5 🧵 +3"
    deliveries.after(300).post(alert("n9"))
    assert deliveries.channel.thread("n9") == "n5"


def test_alerts_with_pauses_between_them_are_posted_in_the_channel():
    assert one_by_one(Deliveries(), 16, alerts(*range(1, 20))) == [""] * 19


def test_a_worse_single_alert_is_posted_in_the_channel_and_the_next_go_into_its_thread():
    deliveries = Deliveries()
    one_by_one(deliveries, 1, alerts(*range(1, 7)))
    worse, same = alert("worse", Severity.HIGH), alert("same", Severity.HIGH)
    assert one_by_one(deliveries, 1, [worse, alert("n7"), same]) == ["", "worse", "worse"]


SEVERITY = st.sampled_from([Severity.INFO, Severity.LOW, Severity.MEDIUM, Severity.HIGH])


@given(st.lists(st.tuples(st.lists(SEVERITY, min_size=1, max_size=5), st.integers(0, 400)), min_size=1, max_size=12))
def test_no_reply_is_worse_than_its_parent_and_every_reply_is_counted_there(batches):
    deliveries, numbers = Deliveries(), itertools.count()
    for severities, seconds in batches:
        batch = [alert(f"n{next(numbers)}", severity) for severity in severities]
        deliveries.after(seconds).post(*([rollup(batch)] if len(batch) > 2 else batch))
    channel, ranks = deliveries.channel, list(MARKS.values())
    replies = Counter()
    for ts, (name, _) in channel.shown.items():
        if thread := channel.threads[ts]:
            parent = channel.shown[thread][0]
            assert ranks.index(channel.header(name)[0]) <= ranks.index(channel.header(parent)[0])
            replies[parent] += int(name.partition("+")[2] or 0) + 1
    worst = max(severity.rank for severities, _ in batches for severity in severities)
    in_channel = [channel.header(name) for ts, (name, _) in channel.shown.items() if not channel.threads[ts]]
    assert max(ranks.index(title[0]) for title in in_channel) == worst
    for parent, count in replies.items():
        assert channel.header(parent).endswith(f" 🧵 +{count}")


def test_an_exposure_whose_message_became_a_parent_shows_its_own_state_and_that_of_all():
    deliveries = Deliveries()
    one_by_one(deliveries, 1, alerts(*range(1, 5)))
    channel = deliveries.post(WEB, OFFICE, OFFICE_CLOSED)
    assert (channel.line("web"), channel.color("web")) == ("☑️ 1 of 2 exposures closed", ORANGE)
    deliveries.post(WEB_CLOSED)
    assert channel.line("web") == "✅ Closed after 14 min by `alice`\n✅ 2 of 2 exposures closed"
    assert (channel.header("web"), channel.color("web")) == ("✅ web 🧵 +1", GREEN)


def test_a_long_headline_is_cut_for_the_count_of_replies():
    deliveries = Deliveries()
    long = alert("x" * 40 + "&" * 100)
    one_by_one(deliveries, 1, [*alerts(1, 2, 3, 4), long, alert("n6")])
    text = deliveries.channel.of(name_of(long))["attachments"][0]["blocks"][0]["text"]["text"]
    assert text.endswith(" 🧵 +1")
    assert len(text) <= 150
    assert "&am…" not in text


def test_an_exposure_in_a_thread_is_counted_by_the_parent_and_updated_itself():
    deliveries = Deliveries()
    other = alert("n1", Severity.HIGH, group_key="1/eu-west-1/sg-9", opened=(SSH,))
    first = rollup([NARROW, other, alert("n2")])
    closed = alert("n1-closed", at=60.0, group_key="1/eu-west-1/sg-9", caller="bob", closed=(SSH,))
    name, channel = name_of(first), deliveries.post(first, WEB, closed)
    assert (channel.line(name), channel.color(name)) == ("☑️ 1 of 2 exposures closed", ORANGE)
    deliveries.post(WEB_CLOSED)
    assert (channel.line("web"), channel.color("web")) == ("✅ Closed after 14 min by `alice`", GREEN)
    assert (channel.line(name), channel.color(name)) == ("✅ 2 of 2 exposures closed", GREEN)
    assert [channel.thread(each) for each in ("web", "web-closed")] == [name, name]
    deliveries.post(alert("again", Severity.HIGH, at=1000.0, opened=(SSH,)))
    assert (channel.line(name), channel.color(name)) == ("☑️ 2 of 3 exposures closed", ORANGE)


def test_no_alert_goes_into_the_thread_of_a_deleted_rollup():
    deliveries = Deliveries()
    first, second, third = rollup(alerts(1, 2, 3)), rollup(alerts(4, 5, 6)), alert("n7")
    deliveries.post(first)
    deliveries.channel.refusals = [PermanentDeliveryError("message_not_found")]
    channel = deliveries.post(second, third)
    assert [channel.thread(name) for name in ("n4+2", "n7")] == ["", "n4+2"]


def test_an_alert_whose_thread_was_deleted_after_the_update_starts_another_one():
    deliveries = Deliveries()
    first, second, third = rollup(alerts(1, 2, 3)), rollup(alerts(4, 5, 6)), alert("n7")
    deliveries.post(first)
    deliveries.channel.update = lambda *_: None
    deliveries.channel.refusals = [PermanentDeliveryError("thread_not_found")]
    channel = deliveries.post(second)
    del deliveries.channel.update
    deliveries.post(third)
    assert [channel.thread(name) for name in ("n4+2", "n7")] == ["", "n4+2"]


def test_a_failure_between_the_count_and_the_post_counts_nothing_twice():
    deliveries = Deliveries()
    first, second = rollup(alerts(1, 2, 3)), rollup(alerts(4, 5, 6))
    deliveries.post(first)
    posted, deliveries.channel.post = deliveries.channel.post, refusing
    with pytest.raises(TransientDeliveryError):
        deliveries.post(second)
    deliveries.channel.post = posted
    channel = deliveries.post(second)
    assert channel.header("n1+2") == "🔵 n1 · +2 🧵 +3"
    assert channel.thread("n4+2") == "n1+2"


def test_a_count_that_took_too_long_is_kept_and_the_message_is_retried():
    deliveries, seconds = Deliveries(), itertools.count(step=6)
    first, second = rollup(alerts(1, 2, 3)), rollup(alerts(4, 5, 6))
    deliveries.post(first)
    store = ThreadStore(HubTable(deliveries.table, "gatewatch-test", lambda: deliveries.now))
    threads = threads_of(deliveries.channel, store, lambda: next(seconds))
    with pytest.raises(TransientDeliveryError, match="more to edit"):
        threads.post(second, Presentation(), APP)
    threads.post(second, Presentation(), APP)
    assert deliveries.channel.header("n1+2") == "🔵 n1 · +2 🧵 +3"
    assert deliveries.channel.thread("n4+2") == "n1+2"


def refusing(*_arguments):
    raise TransientDeliveryError("busy")


def low(message):
    """The same alert of one caller, which may be rolled up."""
    change = message.notification.exposure_change
    facts = {"opened": change.opened, "closed": change.closed, "narrowed": change.narrowed}
    facts["closes_others"] = change.closes_others
    return alert(message.notification.key, at=change.at, caller="a", actor=change.actor, **facts)


LOW_STORY = tuple(map(low, STORY))
END = {"opened": "✅ Closed after 1 min by `alice`", "again": "✅ Closed after 2 min by `erin`"}
LAST_CLOSED_BY = {"opened": "closed", "again": "deleted"}


def state_of(channel, name):
    """The line about the state of an alert, in its own message or in a roll-up."""
    for known in channel.names():
        if known == name:
            return channel.line(name)
        if "+" in known and name in channel.lines(known):
            return channel.lines(known)[name]
    return ""


def colors_with_parent(channel, message):
    (ts,) = [ts for ts, (name, _) in channel.shown.items() if name == name_of(message)]
    return {channel.shown[each][1]["attachments"][0]["color"] for each in (ts, channel.threads[ts] or ts)}


def opens(content):
    messages = content.messages if isinstance(content, Rollup) else (content,)
    return any(each.notification.opens_exposure for each in messages)


@given(st.permutations(LOW_STORY), st.integers(0, 5), st.integers(0, 5), st.lists(st.booleans(), max_size=30))
def test_any_rollup_in_any_order_and_through_failures_ends_the_same(order, first, last, throttled):
    """Except after a lost row: its message is not updated, and no further alert goes into its thread."""
    rolled_up = order[first:last]
    messages = [*order[:first], rollup(rolled_up), *order[last:]] if len(rolled_up) > 1 else list(order)
    deliveries, undisturbed = Deliveries(), Deliveries()
    deliveries.table.faults = throttled
    post = Once(deliveries)
    for each in messages:
        post(each)
    deliveries.table.faults = []
    undisturbed.post(*messages)
    channel = deliveries.channel
    assert channel.names() == [name_of(each) for each in messages]
    assert all(slack_problems(payload) == () for _, payload in channel.shown.values())
    assert deliveries.rows("exposures") == undisturbed.rows("exposures")
    for name, line in END.items():
        own, *of_all = state_of(channel, name).split("\n")
        if deliveries.has_parent(name):
            assert own == line
            assert deliveries.lost or not of_all  # only after a loss does a thread begin with a single alert
        else:
            assert own == line or "Was open for" in state_of(channel, LAST_CLOSED_BY[name])
    if all(map(deliveries.has_parent, END)):
        openings = [each for each in messages if opens(each)]
        assert set().union(*(colors_with_parent(channel, each) for each in openings)) == {GREEN}
    if not deliveries.lost:
        assert channel.shown == undisturbed.channel.shown
        assert deliveries.rows("exposures", "parent", "group") == undisturbed.rows("exposures", "parent", "group")


@pytest.mark.parametrize("faults", [[False, True, True], [False, False, True, True]], ids=["the group", "the parent"])
def test_after_a_lost_row_the_next_rollup_is_posted_in_the_channel_and_starts_a_thread(faults):
    deliveries = Deliveries()
    first, second, third = rollup(alerts(1, 2, 3)), rollup(alerts(4, 5, 6)), alert("n7")
    deliveries.table.faults = faults
    channel = deliveries.post(first, second, third)
    assert len(set(deliveries.lost)) == 1
    assert [channel.thread(name) for name in ("n4+2", "n7")] == ["", "n4+2"]
    assert [channel.header(name) for name in ("n1+2", "n4+2")] == ["🔵 n1 · +2", "🔵 n4 · +2 🧵 +1"]


def test_an_exposure_whose_row_was_lost_counts_as_open_but_its_closing_shows_what_it_closed():
    deliveries = Deliveries()
    first = rollup([NARROW, OFFICE, alert("n2")])
    deliveries.post(first)
    deliveries.table.faults = [False] * 7 + [True, True, True]
    channel = deliveries.post(WEB, WEB_CLOSED, OFFICE_CLOSED)
    name = name_of(first)
    assert set(deliveries.lost) == {"parent#sec-app#web#sec-app"}
    assert (channel.line("web"), channel.thread("web"), channel.thread("web-closed")) == ("", name, "")
    assert channel.line("web-closed") == "✅ Was open for 14 min, opened by `terraform`"
    assert (channel.line(name), channel.color(name)) == ("☑️ 1 of 2 exposures closed", ORANGE)


def test_the_payload_of_a_rollup_has_no_internal_names():
    channel = Deliveries().post(ROLLED_UP)
    assert "block_id" not in json.dumps(channel.of(NAME))
