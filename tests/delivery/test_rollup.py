"""Many alerts of one account and actor become one message, in which nothing is missing and nothing critical hidden."""

import itertools
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.fate import Killed, Script, throttled
from chaos.verdict import Verdict, order
from chaos.world import World
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.rollup import foldable, folded
from gatewatch.handlers.deliver import DeliveryHandler
from gatewatch.model.message import Message
from gatewatch.model.severity import Severity
from gatewatch.rendering.slack_validation import slack_problems
from support.paths import GOLDEN

MARKS = {"info": "⚪", "low": "🔵", "medium": "🟡", "high": "🟠", "critical": "🔴"}


def together(messages):
    return tuple(messages[place] for place in foldable(messages))


def text(written):
    return {"type": "section", "text": {"type": "mrkdwn", "text": written}}


def message(number, severity=Severity.LOW, rules=1, **facts):
    title = f"{MARKS[severity]} alert {number}"
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Account*\n`payments-prod`"}]},
        text("\n".join(f"{MARKS[severity]} rule {number}.{each} {'x' * 60}" for each in range(rules))),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": f"`Authorize` `event-{number}`"}]},
    ]
    body = json.dumps({"attachments": [{"color": "#0c3f7d", "fallback": title, "blocks": blocks}]})
    whole = {"key": f"key-{number}", "destination": "sec-all", "account_id": "1", "actor": "terraform"} | facts
    return Message(body=body, severity=severity, **whole)


GOLDEN = [
    (json.loads(file.read_text("utf-8"))[0], file.parent.name)
    for file in sorted(GOLDEN.glob("*/slack.en.json"))
    if len(json.loads(file.read_text("utf-8"))) == 1
]


def alert(number):
    """A golden message as the outbox holds it."""
    body, name = GOLDEN[number]
    (header,) = (block["text"]["text"] for block in body["attachments"][0]["blocks"] if block["type"] == "header")
    (severity,) = (each for each, mark in MARKS.items() if header.startswith(mark))
    said = Severity.HIGH if severity == "critical" else Severity(severity)
    return Message(key=name, destination="sec-all", body=json.dumps(body), account_id="1", actor="a", severity=said)


def words(message, *kinds):
    """The texts in the blocks of some kinds; a section has them in its text or in its fields."""
    for block in json.loads(message.body)["attachments"][0]["blocks"]:
        if block["type"] in kinds:
            for each in [block.get("text"), *block.get("fields", ()), *block.get("elements", ())]:
                yield from [each["text"]] if each and "text" in each else []


@given(st.lists(st.integers(0, len(GOLDEN) - 1), min_size=3, max_size=10, unique=True))
def test_an_alert_that_is_folded_keeps_its_rules_its_facts_its_reasons_and_its_link(numbers):
    messages = [alert(number) for number in numbers]
    chosen = together(messages)
    if not chosen:
        return
    made = folded(chosen)
    whole = json.loads(made.body)
    blocks = whole["attachments"][0]["blocks"]
    said = "\n".join(words(made, "section", "context"))
    assert slack_problems(whole) == ()
    assert len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))) < 13_000
    worst = max(chosen, key=lambda each: each.severity.rank)
    assert next(words(made, "header")).startswith(next(words(worst, "header"))[:100])
    for each in chosen:
        for text in words(each, "section", "context"):
            assert text in said or text.replace("\n", " ") in said
        links = [block for block in json.loads(each.body)["attachments"][0]["blocks"] if block["type"] == "actions"]
        kept = [block for block in blocks if block["type"] == "actions"]
        if links and each is worst:
            assert kept == links
        if links:
            assert f"<{links[0]['elements'][0]['url'].replace('&', '&amp;')}|" in said


def test_ten_different_alerts_fit_into_one_message():
    assert len(foldable([alert(number) for number in range(0, len(GOLDEN), len(GOLDEN) // 10)][:10])) == 10


SEVERITIES = st.lists(st.sampled_from(list(Severity)), max_size=12)


@given(SEVERITIES, st.integers(1, 20))
def test_what_is_folded_is_all_there_the_worst_first_and_nothing_critical_in_it(severities, rules):
    messages = [message(number, severity, rules) for number, severity in enumerate(severities)]
    chosen = together(messages)
    assert all(each.severity is not Severity.CRITICAL for each in chosen)
    if chosen:
        assert 3 <= len(chosen) <= 10
        made = folded(chosen)
        body = json.loads(made.body)
        worst = max(chosen, key=lambda each: each.severity.rank).severity
        assert slack_problems(body) == ()
        assert made.severity is worst
        assert made.folded == chosen
        assert body["attachments"][0]["blocks"][0]["text"]["text"].startswith(MARKS[worst])
        for number in range(len(chosen)):
            assert f"event-{number}`" in made.body
            assert all(f"rule {number}.{each} " in made.body for each in range(rules))


def test_ten_calls_of_a_deploy_are_one_message():
    assert len(foldable([message(number) for number in range(10)])) == 10


@pytest.mark.parametrize(
    "other",
    [
        {"actor": "alice"},
        {"account_id": "2"},
        {"severity": Severity.CRITICAL},
        {"instead_of": "sec-prod"},
        {"parts": 2},
        {"actor": ""},
        {"key": "key-0"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_does_not_belong_stands_alone(other):
    messages = [message(0), message(1), message(2, **other), message(3)]
    assert foldable(messages) == ((0, 1, 3) if "account_id" in other else ())
    grouped = [msgspec.structs.replace(each, about=f"1/eu-west-1/sg-{number}") for number, each in enumerate(messages)]
    assert foldable(grouped) == (0, 1, 3)
    assert foldable(messages[2:]) == ()


SWAPS = [
    ("1", "sg-1", "1", "sg-2", True),
    ("1", "sg-1", "1", "sg-1", False),
    ("1", "sg-1", "1", "", False),
    ("1", "", "1", "sg-1", False),
    ("1", "", "1", "", False),
    ("1", "", "2", "", True),
]


@pytest.mark.parametrize(("account", "about", "other_account", "other_about", "may"), SWAPS)
def test_nothing_overtakes_what_may_be_about_the_same(account, about, other_account, other_about, may):
    last = message(3, account_id=account, about=about)
    between = message(2, account_id=other_account, about=other_about, actor="alice")
    first = [message(number, account_id=account, about=f"sg-9{number}") for number in range(2)]
    assert foldable([*first, between, last]) == ((0, 1, 3) if may else ())


@given(
    st.lists(
        st.tuples(st.sampled_from("12"), st.sampled_from("ab"), st.sampled_from(["", "x", "y", "z"])),
        min_size=1,
        max_size=10,
    )
)
def test_however_two_actors_alternate_each_group_is_told_in_its_order(facts):
    messages = [
        message(n, account_id=account, actor=actor, about=about) for n, (account, actor, about) in enumerate(facts)
    ]
    told, waiting = [], messages
    while waiting:
        chosen = together(waiting) or tuple(waiting[:1])
        assert chosen[0] is waiting[0]
        assert len({(each.account_id, each.actor) for each in chosen}) == 1
        told += chosen
        waiting = [each for each in waiting if each not in chosen]
    for one, other in itertools.combinations(told, 2):
        if one.account_id == other.account_id and (one.about == other.about or not one.about or not other.about):
            assert messages.index(one) < messages.index(other)


def test_two_are_told_alone():
    assert foldable([message(0), message(1)]) == ()
    assert foldable([]) == ()


def test_what_is_no_alert_is_told_alone():
    odd = Message(key="k", destination="sec-all", body="no JSON", account_id="1", actor="terraform")
    assert foldable([odd] * 3) == ()


def test_what_slack_would_not_take_together_is_left_for_the_next_message():
    messages = [message(number, rules=30) for number in range(10)]
    assert 3 <= len(foldable(messages)) < 10


def told(*answers, faults=None, count=5):
    """A channel after five messages waited for it: what it says to each post in turn, then yes."""
    world = World(Script(faults, answers))
    Outbox(world.aws.sqs, "outbox.fifo").put([message(number) for number in range(count)])
    world.run()
    return world


def posts(world):
    return len(set(map(tuple, world.told.texts.values())))


KEYS = {f"key-{number}" for number in range(5)}


def test_one_post_settles_every_message_that_it_holds():
    world = told()
    assert posts(world) == 1
    assert set(world.told.copies) == {row.removeprefix("delivered#") for row in world.aws.dynamodb.rows} == KEYS
    assert not world.outbox.messages


def test_a_channel_that_says_wait_gets_all_of_it_later_and_once():
    world = told("429 with Retry-After 30")
    assert posts(world) == 1
    assert world.told.copies == dict.fromkeys(KEYS, 1)


def test_a_refusal_of_the_whole_is_settled_message_by_message():
    world = told("invalid_blocks", "invalid_blocks")
    dead = [json.loads(sent.body)["key"] for sent in world.outbox_dead.messages.values()]
    assert dead == ["key-0"]
    assert {key: world.told.copies[key] for key in KEYS} == dict.fromkeys(KEYS, 1) | {"key-0": 0}
    assert world.told.copies["key-0#instead"] == 1


def test_who_dies_between_the_yes_and_the_rows_leaves_at_most_one_duplicate_of_each():
    world = told(faults={("ledger.write done", 2): Killed()})
    assert world.kills == 1
    assert set(world.told.copies) == KEYS
    assert max(world.told.copies.values()) <= 2
    assert not world.outbox.messages


def alternating(count):
    """Two actors by turns, each in groups of its own."""
    return [message(number, actor="ab"[number % 2], about=f"1/eu-west-1/sg-{number}") for number in range(count)]


def test_two_actors_by_turns_are_one_message_each():
    world = World(Script())
    Outbox(world.aws.sqs, "outbox.fifo").put(alternating(10))
    world.run()
    assert [len(keys) for keys in world.told.posts["sec-all"]] == [5, 5]
    assert {row.removeprefix("delivered#") for row in world.aws.dynamodb.rows} == {f"key-{n}" for n in range(10)}


@pytest.mark.parametrize(
    ("answers", "faults"),
    [
        ([None, "429 with Retry-After 30"], {}),
        (["429 with Retry-After 30"], {}),
        (["invalid_blocks", None], {}),
        ([], {("ledger.write", 3): throttled("ledger.write")}),
        ([], {("ledger.write done", 3): Killed()}),
        ([], {("slack.post done", 2): Killed()}),
        ([], {("visibility.change", 1): throttled("visibility.change")}),
    ],
    ids=[
        "second waits",
        "first waits",
        "first refused",
        "a row fails",
        "killed in the rows",
        "killed at the yes",
        "peace",
    ],
)
def test_what_overtook_a_failure_is_settled_and_does_not_come_again(answers, faults):
    world = World(Script(faults, answers))
    Outbox(world.aws.sqs, "outbox.fifo").put(alternating(10))
    world.run()
    keys = {f"key-{number}" for number in range(10)}
    assert {key for key in world.told.copies if "#instead" not in key} == keys
    again = {key for key, times in world.told.copies.items() if times > 1}
    assert all(world.told.lost_to_kills[key] for key in again)
    assert bool(again) == bool(world.kills)
    assert not world.outbox.messages


class TakesAlongWhateverThereIs(DeliveryHandler):
    """As if every message were about a group of its own."""

    def _attempt_together(self, group, time_left):
        apart = [
            msgspec.structs.replace(each, body=each.body.replace('"about":"', f'"about":"{number}'))
            for number, each in enumerate(group)
        ]
        settled, delay = super()._attempt_together(apart, time_left)
        ids = {each.message_id for each in settled}
        return [each for each in group if each.message_id in ids], delay


@pytest.mark.parametrize(("stage", "overtakes"), [(DeliveryHandler, False), (TakesAlongWhateverThereIs, True)])
def test_the_chaos_suite_finds_out_who_overtakes(stage, overtakes):
    world = World(Script(), stage=stage)
    one_group = [msgspec.structs.replace(each, about="1/eu-west-1/sg-1") for each in alternating(10)]
    Outbox(world.aws.sqs, "outbox.fifo").put(one_group)
    world.run()
    verdict = Verdict()
    order(world, verdict)
    assert bool(verdict.counts["VIOLATED: overtaken"]) == overtakes
    assert not verdict.counts["VIOLATED: out of order"]
