"""Many alerts of one account and actor become one message, in which nothing is missing and nothing critical hidden."""

import itertools
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.assertions import Verdict, order
from chaos.faults import Killed, Script, throttled
from chaos.harness import Harness
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.rollup import plan_rollup
from gatewatch.handlers.deliver import DeliveryHandler
from gatewatch.model.message import OutboxMessage, Rollup
from gatewatch.model.notification import Section, Sentence
from gatewatch.model.severity import Severity
from gatewatch.rendering.slack_validation import slack_problems
from support.hostile import EVENTS, SEVERAL_EVENTS, alert_of_record
from support.rendering import SLACK, blocks_of, message_for
from support.threads import alert

MARKS = {"info": "⚪", "low": "🔵", "medium": "🟡", "high": "🟠", "critical": "🔴"}


def plan(messages):
    return plan_rollup(messages, lambda message: len(SLACK.cut(message)) == 1, SLACK.fits)


def rolled_up(messages):
    return tuple(messages[index] for index in plan(messages))


def message(number, severity=Severity.LOW, **facts):
    """Each alert about a group of its own, unless a test says otherwise."""
    facts = {"destination": "sec-all", "group_key": f"eu-west-1/sg-{number}"} | facts
    return alert(f"key-{number}", severity, **facts)


def of_one_actor(name):
    """The message of an example event, below critical, as if everything was done by one actor in one account."""
    given = message_for(alert_of_record(EVENTS[name]))
    notification = given.notification
    changes = tuple(
        msgspec.structs.replace(each, assessment=msgspec.structs.replace(each.assessment, severity=Severity.HIGH))
        if each.assessment.severity is Severity.CRITICAL
        else each
        for each in notification.alert.changes
    )
    call = msgspec.structs.replace(
        notification.alert.call, actor=msgspec.structs.replace(notification.alert.call.actor, name="a")
    )
    account = msgspec.structs.replace(notification.alert.account, id="1")
    changed = msgspec.structs.replace(notification.alert, call=call, account=account, changes=changes)
    return msgspec.structs.replace(
        given, notification=msgspec.structs.replace(notification, key=name, alert=changed, group_key=name)
    )


EXAMPLES = [of_one_actor(name) for name in sorted(set(EVENTS) - SEVERAL_EVENTS)]
EXAMPLES = [each for each in EXAMPLES if len(SLACK.cut(each)) == 1]


def texts(payload, *kinds):
    """The texts in the blocks of some kinds; a section has them in its text or in its fields."""
    for block in blocks_of(payload):
        if block["type"] in kinds:
            for each in [block.get("text"), *block.get("fields", ()), *block.get("elements", ())]:
                yield from [each["text"]] if each and "text" in each else []


@given(st.lists(st.integers(0, len(EXAMPLES) - 1), min_size=3, max_size=10, unique=True))
def test_a_rolled_up_alert_keeps_its_rules_its_facts_its_reasons_and_its_link(numbers):
    messages = [EXAMPLES[number] for number in numbers]
    chosen = rolled_up(messages)
    if not chosen:
        return
    payload = SLACK.render(Rollup(chosen))
    blocks = blocks_of(payload)
    shown = "\n".join(texts(payload, "section", "context"))
    assert slack_problems(payload) == ()
    assert len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))) < 13_000
    worst = max(chosen, key=lambda each: each.notification.severity.rank)
    assert next(texts(payload, "header")).startswith(next(texts(SLACK.render(worst), "header"))[:100])
    for each in chosen:
        own = SLACK.render(each)
        overview, details = ({"attachments": [attachment]} for attachment in own["attachments"])
        for text in texts(details, "section", "context"):
            assert text in shown or text.replace("\n", " ") in shown
        for line in "\n".join(texts(overview, "section")).split("\n"):
            assert line in shown or not line.startswith((*MARKS.values(), "*Why*", " "))
        links = next(texts(overview, "context"), "")
        assert links.partition(" · ")[0] in shown
        if links and each is worst:
            assert links in shown


def test_ten_different_alerts_fit_into_one_message():
    assert len(plan([EXAMPLES[number] for number in range(0, len(EXAMPLES), len(EXAMPLES) // 10)][:10])) == 10


SEVERITIES = st.lists(st.sampled_from(list(Severity)), max_size=12)


@given(SEVERITIES)
def test_a_rollup_shows_every_alert_and_the_worst_first_and_none_is_critical(severities):
    messages = [message(number, severity) for number, severity in enumerate(severities)]
    chosen = rolled_up(messages)
    assert all(each.notification.severity is not Severity.CRITICAL for each in chosen)
    if chosen:
        assert 3 <= len(chosen) <= 10
        payload = SLACK.render(Rollup(chosen))
        worst = max(chosen, key=lambda each: each.notification.severity.rank).notification.severity
        assert slack_problems(payload) == ()
        assert payload["attachments"][0]["blocks"][0]["text"]["text"].startswith(MARKS[worst])
        for each in chosen:
            assert f"`{each.notification.event_id}`" in json.dumps(payload, ensure_ascii=False)


def test_ten_calls_of_a_deployment_are_one_message():
    assert len(plan([message(number) for number in range(10)])) == 10


def changed(given, **fields):
    return msgspec.structs.replace(given, notification=msgspec.structs.replace(given.notification, **fields))


@pytest.mark.parametrize(
    "other",
    [
        message(2, caller="alice"),
        message(2, account_id="2"),
        message(2, Severity.CRITICAL),
        msgspec.structs.replace(message(2), fallback_for="sec-prod"),
        message(2, caller=""),
        message(0),
        changed(message(2), sections=(Section("ingress_before", "-"),)),
        changed(message(2), banners=(Sentence("configuration_invalid", {"reason": "r"}),)),
    ],
    ids=["actor", "account", "critical", "fallback", "no actor", "same key", "sections", "banner"],
)
def test_other_alerts_are_not_rolled_up(other):
    messages = [message(0), message(1), other, message(3)]
    assert plan(messages) == (0, 1, 3)
    assert plan(messages[2:]) == ()


def test_an_alert_in_parts_is_not_rolled_up():
    messages = [message(number) for number in range(4)]
    assert plan_rollup(messages, lambda each: each is not messages[2], SLACK.fits) == (0, 1, 3)


SWAPS = [
    ("1", "sg-1", "1", "sg-2", True),
    ("1", "sg-1", "1", "sg-1", False),
    ("1", "sg-1", "1", "", False),
    ("1", "", "1", "sg-1", False),
    ("1", "", "1", "", False),
    ("1", "", "2", "", True),
]


@pytest.mark.parametrize(("account", "group", "other_account", "other_group", "may"), SWAPS)
def test_no_alert_overtakes_another_about_the_same_group(account, group, other_account, other_group, may):
    last = message(3, account_id=account, group_key=group)
    between = message(2, account_id=other_account, group_key=other_group, caller="alice")
    first = [message(number, account_id=account, group_key=f"sg-9{number}") for number in range(2)]
    assert plan([*first, between, last]) == ((0, 1, 3) if may else ())


@given(
    st.lists(
        st.tuples(st.sampled_from("12"), st.sampled_from("ab"), st.sampled_from(["", "x", "y", "z"])),
        min_size=1,
        max_size=10,
    )
)
def test_however_two_actors_alternate_the_order_within_each_group_is_kept(facts):
    messages = [
        message(n, account_id=account, caller=actor, group_key=group) for n, (account, actor, group) in enumerate(facts)
    ]
    delivered, waiting = [], messages
    while waiting:
        chosen = rolled_up(waiting) or tuple(waiting[:1])
        assert chosen[0] is waiting[0]
        assert len({(each.notification.account_id, each.notification.actor) for each in chosen}) == 1
        delivered += chosen
        waiting = [each for each in waiting if each not in chosen]
    for one, other in itertools.combinations(delivered, 2):
        first, second = one.notification, other.notification
        is_same = first.group_key == second.group_key or not first.group_key or not second.group_key
        if first.account_id == second.account_id and is_same:
            assert messages.index(one) < messages.index(other)


def test_two_alerts_are_posted_alone():
    assert plan([message(0), message(1)]) == ()
    assert plan([]) == ()


def test_what_slack_would_reject_together_is_left_for_the_next_message():
    many = [of_one_actor("hostile-texts")] * 10
    messages = [changed(each, key=f"k{number}", group_key=f"g{number}") for number, each in enumerate(many)]
    assert 3 <= len(plan(messages)) < 10


def delivered(*answers, faults=None, count=5):
    """A channel for which five messages waited: its answers to each post in turn, then it accepts."""
    harness = Harness(Script(faults, answers))
    Outbox(harness.aws.sqs, "outbox.fifo").put([message(number) for number in range(count)])
    harness.run()
    return harness


def posts(harness):
    return len(set(map(tuple, harness.deliveries.texts.values())))


KEYS = {f"key-{number}#sec-all#1" for number in range(5)}


def rows(harness):
    return {row.removeprefix("delivered#") for row in harness.aws.dynamodb.rows if row.startswith("delivered#")}


def test_one_post_delivers_every_message_in_it():
    harness = delivered()
    assert posts(harness) == 1
    assert set(harness.deliveries.copies) == rows(harness) == KEYS
    assert not harness.outbox.messages


def test_a_rate_limited_channel_gets_the_rollup_later_and_once():
    harness = delivered("429 with Retry-After 30")
    assert posts(harness) == 1
    assert harness.deliveries.copies == dict.fromkeys(KEYS, 1)


def test_a_refused_rollup_is_delivered_message_by_message():
    harness = delivered("invalid_blocks", "invalid_blocks")
    assert harness.dead_letters() == {"key-0#sec-all": "invalid_blocks"}
    assert {key: harness.deliveries.copies[key] for key in KEYS} == dict.fromkeys(KEYS, 1) | {"key-0#sec-all#1": 0}
    assert harness.deliveries.copies["key-0#alerts#for-sec-all#1"] == 1


def test_a_process_that_ends_between_post_and_rows_leaves_at_most_one_duplicate_of_each():
    harness = delivered(faults={("ledger.write done", 2): Killed()})
    assert harness.kills == 1
    assert set(harness.deliveries.copies) == KEYS
    assert max(harness.deliveries.copies.values()) <= 2
    assert not harness.outbox.messages


def alternating(count):
    """Two actors in turns, each alert about a group of its own."""
    return [message(number, caller="ab"[number % 2]) for number in range(count)]


def test_two_actors_in_turns_get_one_message_each():
    harness = Harness(Script())
    Outbox(harness.aws.sqs, "outbox.fifo").put(alternating(10))
    harness.run()
    assert [len(keys) for keys in harness.deliveries.posts["sec-all"]] == [5, 5]
    assert rows(harness) == {f"key-{number}#sec-all#1" for number in range(10)}


@pytest.mark.parametrize(
    ("answers", "faults"),
    [
        ([None, "429 with Retry-After 30"], {}),
        (["429 with Retry-After 30"], {}),
        (["invalid_blocks", None], {}),
        ([], {("ledger.write", 3): throttled("ledger.write")}),
        ([], {("ledger.write", 8): throttled("ledger.write")}),
        ([], {("ledger.write done", 8): Killed()}),
        ([], {("slack.post done", 2): Killed()}),
        ([], {("visibility.change", 1): throttled("visibility.change")}),
    ],
    ids=[
        "second waits",
        "first waits",
        "first refused",
        "a count fails",
        "a row fails",
        "killed in the rows",
        "killed after the post",
        "no fault",
    ],
)
def test_messages_that_overtook_a_failed_one_are_not_delivered_again(answers, faults):
    harness = Harness(Script(faults, answers))
    Outbox(harness.aws.sqs, "outbox.fifo").put(alternating(10))
    harness.run()
    keys = {f"key-{number}#sec-all#1" for number in range(10)}
    assert {key for key in harness.deliveries.copies if "#for-" not in key} == keys
    again = {key for key, times in harness.deliveries.copies.items() if times > 1}
    assert all(harness.deliveries.lost_to_kills[key] for key in again)
    assert bool(again) == bool(harness.kills)
    assert not harness.outbox.messages


class IgnoresGroups(DeliveryHandler):
    """As if every message were about a group of its own."""

    def _planned(self, messages, destination):
        apart = [changed(each, group_key=f"{number}") for number, each in enumerate(messages)]
        return super()._planned(apart, destination)


@pytest.mark.parametrize(("handler", "overtakes"), [(DeliveryHandler, False), (IgnoresGroups, True)])
def test_the_chaos_suite_finds_messages_that_overtake(handler, overtakes):
    harness = Harness(Script(), handler=handler)
    one_group = [changed(each, group_key="eu-west-1/sg-1") for each in alternating(10)]
    assert all(isinstance(each, OutboxMessage) for each in one_group)
    Outbox(harness.aws.sqs, "outbox.fifo").put(one_group)
    harness.run()
    verdict = Verdict()
    order(harness, verdict)
    assert bool(verdict.counts["VIOLATED: overtaken"]) == overtakes
    assert not verdict.counts["VIOLATED: out of order"]
