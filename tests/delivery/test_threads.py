"""One thread for each gate: in whatever order its messages come, and however often, it ends the same."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.config.destinations import SnsTopic
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.delivery.thread_text import lasting
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.model.exposure import RuleRef
from gatewatch.rendering.sns_body import build_sns_body
from support.threads import (
    APP,
    CLOSED,
    END,
    EVENT,
    GREEN,
    OPENED,
    OWN,
    RDP,
    SSH,
    STORY,
    WEBHOOK,
    WORDS,
    Once,
    Told,
    Workspace,
    message,
    story_of,
    threads_of,
)


def test_the_closing_edits_the_opening_and_answers_in_its_thread():
    shown = Told().tell(OPENED, CLOSED)
    assert shown.line("opened") == "✅ Closed after 14 min by `alice`"
    assert shown.color("opened") == GREEN
    assert shown.thread("closed") == "opened"
    assert shown.line("closed") == "✅ Was open for 14 min, opened by `bob`"


@pytest.mark.parametrize(
    "closing",
    [
        {"closed": (RuleRef("sgr-1"),)},
        {"closed": (RuleRef("", SSH.shape),)},
        {"narrowed": (RuleRef("sgr-1", "ingress tcp 22-22 10.0.0.0/8"),)},
        {"is_group_deleted": True},
    ],
    ids=["by id", "by what it lets through", "narrowed", "with its group"],
)
def test_a_gate_is_closed_in_four_ways(closing):
    shown = Told().tell(OPENED, message("closed", 60.0, **closing))
    assert shown.line("opened") in {"✅ Closed after 1 min by `alice`", "✅ Narrowed after 1 min by `alice`"}
    assert shown.thread("closed") == "opened"


@pytest.mark.parametrize(
    "closing",
    [
        {"closed": (RDP,)},
        {"closed": (RuleRef("sgr-9", SSH.shape),)},
        {"closed": (SSH,), "place": "1/eu-west-1/sg-2"},
        {"closed": (SSH,), "place": "2/eu-west-1/sg-1"},
    ],
    ids=["another rule", "another id", "another group", "another account"],
)
def test_another_gate_closes_nothing(closing):
    shown = Told().tell(OPENED, message("closed", 60.0, **closing))
    assert (shown.line("opened"), shown.color("opened")) == ("", "#8b0000")
    assert shown.thread("closed") == ""


def test_what_was_closed_before_it_was_opened_is_another_rule():
    shown = Told().tell(OPENED, message("closed", -60.0, closed=(RuleRef("", SSH.shape),)))
    assert shown.line("opened") == ""


def test_a_message_with_two_gates_is_over_when_both_are():
    opened = message("opened", 0.0, opened=(SSH, RDP))
    told = Told()
    shown = told.tell(opened, CLOSED)
    assert (shown.line("opened"), shown.color("opened")) == ("☑️ 1 of 2 closed", "#8b0000")
    told.tell(message("later", 3600.0 * 5, "carol", closed=(RDP,)))
    assert (shown.line("opened"), shown.color("opened")) == ("✅ Closed after 5 h by `carol`", GREEN)


def test_who_comes_from_an_event_and_is_harmless():
    shown = Told().tell(OPENED, message("closed", 60.0, "<!here>`*x*", closed=(SSH,)))
    assert shown.line("opened") == "✅ Closed after 1 min by `&lt;!here&gt;ˋ*x*`"


@pytest.mark.parametrize("order", [(OWN, EVENT), (EVENT, OWN)])
def test_a_removal_that_gatewatch_and_cloudtrail_tell_is_two_answers_in_one_thread(order):
    shown = Told().tell(OPENED, *order)
    assert shown.line("opened") == "✅ Closed after 1 min by `gatewatch`"
    assert [shown.thread(each.key) for each in order] == ["opened", "opened"]


def test_two_removals_of_what_looks_the_same_are_not_one():
    again = message("again", 1000.0, "bob", opened=(RuleRef("sgr-3", SSH.shape),))
    shown = Told().tell(OPENED, CLOSED, again, message("later", 3600.0, closed=(RuleRef("sgr-3", SSH.shape),)))
    assert (shown.thread("closed"), shown.thread("later")) == ("opened", "again")


def test_a_webhook_says_the_same_in_a_message_of_its_own():
    shown = Told(WEBHOOK).tell(OPENED, CLOSED)
    assert shown.line("opened") == ""
    assert shown.line("closed") == "✅ Was open for 14 min, opened by `bob`"
    assert shown.thread("closed") == ""


def test_where_a_channel_groups_by_a_name_the_closing_has_that_of_the_opening():
    names = []

    class Topic(Workspace):
        def post(self, message, destination):
            names.append(message.thread)
            return super().post(message, destination)

    told = Told(SnsTopic())
    told.workspace = Topic()
    told.tell(OPENED, CLOSED, message("other", 99.0, closed=(RDP,)))
    assert names == ["event-opened", "event-opened", "event-other"]


def test_what_was_worded_for_a_topic_and_falls_back_to_an_app_is_edited_there_like_any_other():
    def worded(told):
        body = build_sns_body("Title", ["`text`"], subject="S", keywords=(), thread="t").encode()
        return msgspec.structs.replace(told, body=body, instead_of="everyone")

    shown = Told().tell(worded(OPENED), worded(CLOSED))
    assert shown.line("opened") == "✅ Closed after 14 min by `alice`"
    assert shown.line("closed") == "✅ Was open for 14 min, opened by `bob`"
    assert shown.thread("closed") == "opened"
    assert shown.color("opened") == GREEN


@pytest.mark.parametrize("order", list(itertools.permutations(STORY)))
def test_every_order_ends_the_same(order):
    told = Told()
    shown = told.tell(*order)
    assert {key: shown.line(key) for key in END} == END
    assert {shown.color(key) for key in END} == {GREEN}
    assert sorted(key for key, _ in shown.shown.values()) == sorted(each.key for each in STORY)
    assert told.rows() == in_order()


def in_order():
    told = Told()
    told.tell(*STORY)
    return told.rows()


@given(
    st.lists(st.sampled_from(STORY), max_size=8),
    st.permutations(STORY),
    st.lists(st.booleans(), max_size=30),
    st.lists(st.booleans(), max_size=10),
)
def test_duplicates_and_failures_in_any_order_end_the_same_and_tell_each_once(first, rest, throttled, refused):
    told = Told()
    told.table.faults = throttled
    tell = Once(told)
    for number, each in enumerate([*first, *rest]):
        if number < len(refused) and refused[number]:
            told.workspace.refusals = [TransientDeliveryError("busy")]
        tell(each)
        told.workspace.refusals = []
    lost = [name for name in in_order() if name.startswith("root#") and name not in told.rows()]
    if not lost:  # a row that a dying process owed is lost with it: its message is answered, not edited
        assert {key: told.workspace.line(key) for key in END} == END
        assert told.rows() == in_order()
    assert sorted(key for key, _ in told.workspace.shown.values()) == sorted(each.key for each in STORY)
    assert story_of(told.rows()) == story_of(in_order())


def test_an_edit_that_slack_refuses_for_good_does_not_hold_up_the_answer():
    told = Told()
    told.tell(OPENED)
    told.workspace.refusals = [PermanentDeliveryError("message_not_found")]
    assert told.tell(CLOSED).thread("closed") == "opened"


def test_an_answer_to_a_thread_that_is_gone_stands_in_the_channel():
    told = Told()
    told.tell(OPENED)
    gone = PermanentDeliveryError("message_not_found")
    told.workspace.refusals = [gone, gone]
    assert told.tell(CLOSED).thread("closed") == ""


def test_any_other_refusal_of_an_answer_is_the_last_word():
    told = Told()
    told.tell(OPENED)
    told.workspace.refusals = [PermanentDeliveryError("message_not_found"), PermanentDeliveryError("is_archived")]
    with pytest.raises(PermanentDeliveryError, match="is_archived"):
        told.tell(CLOSED)


def test_a_row_that_cannot_be_written_after_the_yes_is_written_later_and_nothing_is_told_twice():
    told = Told()
    book = ThreadStore(told.table, "gatewatch-test", lambda: 1000.0)
    threads = threads_of(told.workspace, book)
    told.table.faults = [False, False, True]
    threads.post(OPENED, APP)
    threads.post(CLOSED, APP)
    assert told.workspace.thread("closed") == "opened"


def test_a_group_with_very_many_gates_is_edited_over_several_attempts():
    told, seconds = Told(), itertools.count(step=3)
    gates = [RuleRef(f"sgr-{number}", f"ingress tcp {number}-{number} 0.0.0.0/0") for number in range(10)]
    told.tell(*(message(f"opened-{n}", float(n), opened=(rule,)) for n, rule in enumerate(gates)))
    book = ThreadStore(told.table, "gatewatch-test", lambda: 1000.0)
    threads = threads_of(told.workspace, book, lambda: next(seconds))
    attempts = 0
    while "deleted" not in {key for key, _ in told.workspace.shown.values()}:
        attempts += 1
        try:
            threads.post(message("deleted", 99.0, is_group_deleted=True), APP)
        except TransientDeliveryError:
            continue
    assert 1 < attempts < 12
    assert {told.workspace.color(f"opened-{n}") for n in range(10)} == {GREEN}


def test_a_message_without_a_gate_asks_the_table_nothing():
    told = Told()
    told.tell(msgspec.structs.replace(OPENED, gates=()))
    assert told.table.rows == {}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "119 min"), (7200, "2 h"), (172800, "2 d")],
)
def test_a_time_is_said_in_one_unit(seconds, text):
    assert lasting(seconds, WORDS) == text
