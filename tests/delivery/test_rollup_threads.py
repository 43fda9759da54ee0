"""Roll-ups with threads: gates close in them, the same actor's next alerts stand under them, and nothing is hidden."""

import itertools
import json
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.delivery.rollup import folded
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.model.exposure import ExposureChange
from gatewatch.model.message import Message
from gatewatch.model.severity import Severity
from gatewatch.rendering.slack_validation import slack_problems
from support.threads import APP, GREEN, RDP, SSH, STORY, WEBHOOK, WORDS, Once, Told, story_of, threads_of

MARKS = {"info": "⚪", "low": "🔵", "medium": "🟡", "high": "🟠"}
RED = "#8b0000"


def body(title):
    header = {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    facts = {"type": "section", "fields": [{"type": "mrkdwn", "text": f"*Group*\n`{title}`"}]}
    rules = {"type": "section", "text": {"type": "mrkdwn", "text": "a rule\nanother rule"}}
    call = {"type": "context", "elements": [{"type": "mrkdwn", "text": f"`Call` `{title}`"}]}
    attachment = {"color": RED, "fallback": title, "blocks": [header, facts, rules, call]}
    return json.dumps({"attachments": [attachment]})


def alert(key, severity=Severity.LOW, at=0.0, who="terraform", place="1/eu-west-1/sg-1", **facts):
    gate = ExposureChange(key=key, thread=f"event-{key}", place=place, at=at, who=who, words=WORDS, **facts)
    return Message(
        key=key,
        destination="sec-app",
        body=body(f"{MARKS[severity]} {key}"),
        account_id="1",
        actor=who,
        severity=severity,
        gates=(gate,) if facts else (),
    )


def alerts(*numbers, severity=Severity.LOW):
    return [alert(f"n{number}", severity) for number in numbers]


def header(shown, key):
    return shown.of(key)["attachments"][0]["blocks"][0]["text"]["text"]


def head(shown, key):
    """What stands under the headline of a roll-up, if it is a line and not the facts."""
    return shown.of(key)["attachments"][0]["blocks"][1].get("text", {}).get("text", "")


def lines(shown, key):
    """By the alerts in a roll-up, the line under the headline of each."""
    blocks = shown.of(key)["attachments"][0]["blocks"]
    texts = [block["text"]["text"].split("\n") for block in blocks if block.get("text", {}).get("text", "")[:1] == "*"]
    return {first.strip("*").partition(" ")[2]: second for first, second, *_ in texts if second != "a rule"}


WEB = alert("web", Severity.HIGH, opened=(SSH,))
DESK = alert("desk", Severity.HIGH, at=5.0, place="1/eu-west-1/sg-2", opened=(RDP,))
NARROW = alert("narrow")
ROLLED = folded([NARROW, WEB, DESK])
KEY = ROLLED.key
WEB_CLOSED = alert("web closed", at=14 * 60.0, who="alice", closed=(SSH,))
DESK_CLOSED = alert("desk closed", at=3605.0, who="bob", place="1/eu-west-1/sg-2", closed=(RDP,))


def test_a_gate_in_a_rollup_is_marked_where_it_stands_and_all_of_them_make_it_resolved():
    told = Told()
    shown = told.tell(ROLLED, WEB_CLOSED)
    assert lines(shown, KEY) == {"web": "✅ Closed after 14 min by `alice`"}
    assert (head(shown, KEY), shown.color(KEY)) == ("☑️ 1 of 2 closed", RED)
    told.tell(DESK_CLOSED)
    assert lines(shown, KEY) == {"web": "✅ Closed after 14 min by `alice`", "desk": "✅ Closed after 60 min by `bob`"}
    assert (head(shown, KEY), shown.color(KEY)) == ("✅ 2 of 2 closed", GREEN)
    assert [shown.thread(key) for key in ("web closed", "desk closed")] == [KEY, KEY]
    assert shown.line("web closed") == "✅ Was open for 14 min, opened by `terraform`"
    assert all(slack_problems(body) == () and "block_id" not in json.dumps(body) for _, body in shown.shown.values())


@pytest.mark.parametrize("order", list(itertools.permutations([ROLLED, WEB_CLOSED, DESK_CLOSED])))
def test_every_order_ends_with_the_same_rollup(order):
    shown = Told().tell(*order)
    in_order = Told().tell(ROLLED, WEB_CLOSED, DESK_CLOSED)
    assert shown.of(KEY) == in_order.of(KEY)


def test_what_is_serious_and_no_gate_keeps_its_colour():
    policy = alert("policy", Severity.MEDIUM)
    rolled = folded([WEB, policy, NARROW])
    shown = Told().tell(rolled, WEB_CLOSED)
    assert (head(shown, rolled.key), shown.color(rolled.key)) == ("✅ 1 of 1 closed", RED)


def test_a_gate_opened_and_closed_in_one_rollup_says_both():
    rolled = folded([NARROW, WEB, msgspec.structs.replace(WEB_CLOSED, actor="terraform")])
    shown = Told().tell(rolled)
    assert lines(shown, rolled.key) == {
        "web": "✅ Closed after 14 min by `alice`",
        "web closed": "✅ Was open for 14 min, opened by `terraform`",
    }
    assert shown.color(rolled.key) == GREEN


def test_a_rollup_that_closes_the_gates_of_one_thread_answers_there():
    closings = folded([WEB_CLOSED, DESK_CLOSED, alert("third closed", at=9e9, place="1/eu-west-1/sg-3", closed=(SSH,))])
    third = alert("third", Severity.HIGH, who="bob", place="1/eu-west-1/sg-3", opened=(SSH,))
    opened = folded([WEB, DESK, third])
    shown = Told().tell(opened, closings)
    assert shown.thread(closings.key) == opened.key
    assert len(lines(shown, closings.key)) == 3
    assert Told().tell(ROLLED, third, closings).thread(closings.key) == ""


def test_a_webhook_says_the_same_in_messages_of_their_own():
    closings = folded([WEB_CLOSED, DESK_CLOSED, NARROW])
    shown = Told(WEBHOOK).tell(ROLLED, closings)
    assert lines(shown, KEY) == {}
    assert lines(shown, closings.key) == {
        "web closed": "✅ Was open for 14 min, opened by `terraform`",
        "desk closed": "✅ Was open for 60 min, opened by `terraform`",
    }


def later(told, seconds):
    told.now += seconds
    return told


def test_the_next_alerts_of_the_same_actor_stand_in_the_thread_and_are_counted_above():
    told = Told()
    first, second, alone = folded(alerts(1, 2, 3)), folded(alerts(4, 5, 6)), alert("n7")
    shown = later(told, 299).tell(first, second)
    assert shown.thread(second.key) == first.key
    assert header(shown, first.key) == "🔵 n1 · +2 🧵 +3"
    later(told, 299).tell(alone)
    assert shown.thread(alone.key) == first.key
    assert header(shown, first.key) == "🔵 n1 · +2 🧵 +4"
    assert [body["attachments"][0]["color"] for _, body in shown.shown.values()] == [RED] * 3


@pytest.mark.parametrize(
    ("seconds", "facts"),
    [
        (301, {}),
        (0, {"actor": "alice"}),
        (0, {"account_id": "2"}),
        (0, {"severity": Severity.MEDIUM}),
        (0, {"severity": Severity.CRITICAL}),
        (0, {"parts": 2}),
        (0, {"instead_of": "sec-prod"}),
    ],
    ids=["later", "who", "account", "worse", "critical", "in parts", "a fallback"],
)
def test_everything_else_stands_in_the_channel(seconds, facts):
    told = Told()
    first, other = folded(alerts(1, 2, 3)), msgspec.structs.replace(alert("other"), **facts)
    told.tell(first)
    shown = later(told, seconds).tell(other)
    assert shown.thread("other") == ""
    assert header(shown, first.key) == "🔵 n1 · +2"


def test_what_is_worse_begins_a_new_rollup_that_goes_on():
    first, worse, last = folded(alerts(1, 2, 3)), folded(alerts(4, 5, 6, severity=Severity.HIGH)), alert("n7")
    shown = Told().tell(first, worse, last)
    assert shown.thread(worse.key) == ""
    assert shown.thread(last.key) == worse.key


def test_a_rollup_goes_on_for_an_hour_and_no_longer():
    told = Told()
    first, rest = folded(alerts(1, 2, 3)), [alert(f"n{number}") for number in range(4, 20)]
    told.tell(first)
    for each in rest:
        later(told, 290).tell(each)
    assert [told.workspace.thread(each.key) for each in rest] == [first.key] * 12 + [""] * 4


def one_by_one(told, seconds, messages):
    for each in messages:
        later(told, seconds).tell(each)
    return [told.workspace.thread(each.key) for each in messages]


def test_five_in_a_row_are_many_and_what_follows_stands_in_the_thread_of_the_fifth():
    told = Told()
    assert one_by_one(told, 15, alerts(*range(1, 9))) == [""] * 5 + ["n5"] * 3
    assert header(told.workspace, "n5") == "🔵 n5 🧵 +3"
    later(told, 300).tell(alert("n9"))
    assert told.workspace.thread("n9") == "n5"


def test_whoever_takes_a_breath_between_is_told_in_the_channel():
    assert one_by_one(Told(), 16, alerts(*range(1, 20))) == [""] * 19


def test_of_single_alerts_too_the_worse_is_told_in_sight_and_the_next_under_it():
    told = Told()
    one_by_one(told, 1, alerts(*range(1, 7)))
    worse, same = alert("worse", Severity.HIGH), alert("same", Severity.HIGH)
    assert one_by_one(told, 1, [worse, alert("n7"), same]) == ["", "worse", "worse"]


SEVERITY = st.sampled_from([Severity.INFO, Severity.LOW, Severity.MEDIUM, Severity.HIGH])


@given(st.lists(st.tuples(st.lists(SEVERITY, min_size=1, max_size=5), st.integers(0, 400)), min_size=1, max_size=12))
def test_nothing_in_a_thread_is_worse_than_what_began_it_and_all_of_it_is_counted_there(batches):
    told, numbers = Told(), itertools.count()
    for severities, seconds in batches:
        batch = [alert(f"n{next(numbers)}", severity) for severity in severities]
        later(told, seconds).tell(*([folded(batch)] if len(batch) > 2 else batch))
    shown, ranks = told.workspace, list(MARKS.values())
    in_threads = Counter()
    for ts, (key, _) in shown.shown.items():
        if thread := shown.threads[ts]:
            began = shown.shown[thread][0]
            assert ranks.index(header(shown, key)[0]) <= ranks.index(header(shown, began)[0])
            in_threads[began] += int(key.partition("+")[2] or 0) + 1
    worst = max(severity.rank for severities, _ in batches for severity in severities)
    in_sight = [header(shown, key) for ts, (key, _) in shown.shown.items() if not shown.threads[ts]]
    assert max(ranks.index(title[0]) for title in in_sight) == worst
    for began, count in in_threads.items():
        assert header(shown, began).endswith(f" 🧵 +{count}")


def test_a_gate_whose_message_became_a_thread_says_both_how_it_and_how_all_ended():
    told = Told()
    one_by_one(told, 1, alerts(*range(1, 5)))
    shown = told.tell(WEB, DESK, DESK_CLOSED)
    assert (shown.line("web"), shown.color("web")) == ("☑️ 1 of 2 closed", RED)
    told.tell(WEB_CLOSED)
    assert shown.line("web") == "✅ Closed after 14 min by `alice`\n✅ 2 of 2 closed"
    assert (header(shown, "web"), shown.color("web")) == ("🟠 web 🧵 +1", GREEN)


def test_a_long_headline_is_cut_to_make_room_for_the_count_and_never_through_an_entity():
    told = Told()
    long = msgspec.structs.replace(alert("long"), body=body("🔵 " + "x" * 138 + "&amp;" * 2))
    one_by_one(told, 1, [*alerts(1, 2, 3, 4), long, alert("n6")])
    assert header(told.workspace, "long") == "🔵 " + "x" * 138 + "… 🧵 +1"


def test_a_gate_in_the_thread_counts_above_and_is_edited_where_it_stands():
    told = Told()
    first = folded([NARROW, alert("n1", Severity.HIGH, place="1/eu-west-1/sg-9", opened=(SSH,)), alert("n2")])
    closed = alert("n1 closed", at=60.0, place="1/eu-west-1/sg-9", who="bob", closed=(SSH,))
    shown = told.tell(first, WEB, closed)
    assert (head(shown, first.key), shown.color(first.key)) == ("☑️ 1 of 2 closed", RED)
    told.tell(WEB_CLOSED)
    assert (shown.line("web"), shown.color("web")) == ("✅ Closed after 14 min by `alice`", GREEN)
    assert (head(shown, first.key), shown.color(first.key)) == ("✅ 2 of 2 closed", GREEN)
    assert [shown.thread(key) for key in ("web", "web closed")] == [first.key, first.key]
    told.tell(alert("again", Severity.HIGH, at=1000.0, opened=(SSH,)))
    assert (head(shown, first.key), shown.color(first.key)) == ("☑️ 2 of 3 closed", RED)


def test_a_rollup_that_somebody_deleted_is_not_gone_on_with():
    told = Told()
    first, second, third = folded(alerts(1, 2, 3)), folded(alerts(4, 5, 6)), alert("n7")
    told.tell(first)
    told.workspace.refusals = [PermanentDeliveryError("message_not_found")]
    shown = told.tell(second, third)
    assert [shown.thread(each.key) for each in (second, third)] == ["", second.key]


def test_a_thread_that_is_gone_after_all_begins_anew_in_the_channel():
    told = Told()
    first, second, third = folded(alerts(1, 2, 3)), folded(alerts(4, 5, 6)), alert("n7")
    told.tell(first)
    told.workspace.update = lambda *_: None
    told.workspace.refusals = [PermanentDeliveryError("thread_not_found")]
    shown = told.tell(second)
    del told.workspace.update
    told.tell(third)
    assert [shown.thread(each.key) for each in (second, third)] == ["", second.key]


def test_a_failure_between_the_count_and_the_answer_counts_nothing_twice():
    told = Told()
    first, second = folded(alerts(1, 2, 3)), folded(alerts(4, 5, 6))
    told.tell(first)
    posted, told.workspace.post = told.workspace.post, refusing
    with pytest.raises(TransientDeliveryError):
        told.tell(second)
    told.workspace.post = posted
    shown = told.tell(second)
    assert header(shown, first.key) == "🔵 n1 · +2 🧵 +3"
    assert shown.thread(second.key) == first.key


def test_a_count_that_took_long_is_done_and_the_message_comes_again():
    told, seconds = Told(), itertools.count(step=6)
    first, second = folded(alerts(1, 2, 3)), folded(alerts(4, 5, 6))
    told.tell(first)
    book = ThreadStore(told.table, "gatewatch-test", lambda: told.now)
    threads = threads_of(told.workspace, book, lambda: next(seconds))
    with pytest.raises(TransientDeliveryError, match="more to edit"):
        threads.post(second, APP)
    threads.post(second, APP)
    assert header(told.workspace, first.key) == "🔵 n1 · +2 🧵 +3"
    assert told.workspace.thread(second.key) == first.key


def refusing(_message, _destination):
    raise TransientDeliveryError("busy")


GATES = tuple(
    msgspec.structs.replace(each, body=body(f"🔵 {each.key}"), account_id="1", actor="a", severity=Severity.LOW)
    for each in STORY
)
END = {"opened": "✅ Closed after 1 min by `alice`", "again": "✅ Closed after 2 min by `erin`"}


def line_of(shown, key):
    """Under the headline of the alert, wherever it is told."""
    for known, _ in shown.shown.values():
        if known == key:
            return head(shown, key) if "rule" not in head(shown, key) else ""
        if "+" in known and key in lines(shown, known):
            return lines(shown, known)[key]
    return ""


LAST_CLOSED_BY = {"opened": "closed", "again": "deleted"}


def colors_above(shown, message):
    """Those of a message and of the one in whose thread it stands."""
    (ts,) = [ts for ts, (key, _) in shown.shown.items() if key == message.key]
    above = shown.threads[ts]
    return {shown.shown[each][1]["attachments"][0]["color"] for each in (ts, above or ts)}


@given(st.permutations(GATES), st.integers(0, 5), st.integers(0, 5), st.lists(st.booleans(), max_size=30))
def test_whatever_is_folded_with_what_in_any_order_and_through_failures_ends_the_same(order, first, last, throttled):
    """As far as a lost row allows: what it is about is not edited, and nothing more is told in a thread of it."""
    rolled = order[first:last]
    messages = [*order[:first], folded(rolled), *order[last:]] if len(rolled) > 1 else list(order)
    told, untroubled = Told(), Told()
    told.table.faults = throttled
    for each in messages:
        Once(told)(each)
    told.table.faults = []
    untroubled.tell(*messages)
    shown = told.workspace
    assert [key for key, _ in shown.shown.values()] == [each.key for each in messages]
    assert all(slack_problems(body) == () for _, body in shown.shown.values())
    assert story_of(told.rows()) == story_of(untroubled.rows())
    for key, line in END.items():
        own, *of_all = line_of(shown, key).split("\n")
        if told.knows(key):
            assert own == line
            assert told.lost or not of_all  # only after a loss does a thread begin with a single alert
        else:
            assert own == line or "Was open for" in line_of(shown, LAST_CLOSED_BY[key])
    if all(map(told.knows, END)):
        openings = [each for each in messages if any(gate.opened for gate in each.gates)]
        assert set().union(*(colors_above(shown, each) for each in openings)) == {GREEN}
    if not told.lost:
        assert shown.shown == untroubled.workspace.shown
        assert told.rows() == untroubled.rows()


@pytest.mark.parametrize("faults", [[False, True], [False, False, True]], ids=["the run", "the message"])
def test_after_a_rollup_of_which_a_row_was_lost_the_next_stands_in_the_channel_and_is_gone_on_with(faults):
    told = Told()
    first, second, third = folded(alerts(1, 2, 3)), folded(alerts(4, 5, 6)), alert("n7")
    told.table.faults = faults
    shown = told.tell(first, second, third)
    assert len(told.lost) == 1
    assert [shown.thread(each.key) for each in (second, third)] == ["", second.key]
    assert [header(shown, each.key) for each in (first, second)] == ["🔵 n1 · +2", "🔵 n4 · +2 🧵 +1"]


def test_a_gate_whose_row_was_lost_is_not_edited_and_counts_as_open_above_but_its_closing_says_what_it_closed():
    told = Told()
    first = folded([NARROW, DESK, alert("n2")])
    told.tell(first)
    told.table.faults = [False] * 6 + [True]
    shown = told.tell(WEB, WEB_CLOSED, DESK_CLOSED)
    assert len(told.lost) == 1
    assert (head(shown, "web"), shown.thread("web"), shown.thread("web closed")) == ("", first.key, "")
    assert shown.line("web closed") == "✅ Was open for 14 min, opened by `terraform`"
    assert (head(shown, first.key), shown.color(first.key)) == ("☑️ 1 of 2 closed", RED)
