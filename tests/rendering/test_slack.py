"""Slack messages: hostile text is escaped, no rule is dropped, and every message stays within Slack's limits."""

import copy
import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.config.settings import LANGUAGES
from gatewatch.delivery.wire import encode_message
from gatewatch.model.notification import Section
from gatewatch.rendering.parts import presentations_of
from gatewatch.rendering.slack_validation import mentions, slack_problems
from support.hostile import (
    ATTACKS,
    CODE,
    EVENTS,
    HOSTILE,
    MARKS,
    SEVERAL_EVENTS,
    SHAPE,
    TEXTS,
    alert_of_record,
    is_hidden,
    many_rules,
    one_record,
    with_texts,
)
from support.rendering import SLACK, blocks_of, message_for, slack_payloads


def payloads_of(alert):
    return slack_payloads(alert)


def texts_of(value):
    """Every text object of a payload."""
    if isinstance(value, dict) and value.get("type") in {"mrkdwn", "plain_text"}:
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts_of(inner)


def strings_of(value):
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings_of(inner)


def rule_lines(payload):
    sections = (block for block in blocks_of(payload) if block["type"] == "section" and "text" in block)
    return [line for block in sections for line in block["text"]["text"].split("\n") if line.startswith(MARKS)]


LINK = re.compile(r"<(https://[^<>|]+)\|[^<>|]+>")


def urls_of(payload):
    found = [url for text in texts_of(payload) for url in LINK.findall(text["text"])]
    return {url.replace("&amp;", "&") for url in found}


def assert_harmless(alert, payloads):
    for payload in payloads:
        assert slack_problems(payload) == ()
        assert mentions(payload) == ()
        assert urls_of(payload) <= set(msgspec.structs.astuple(alert.links))
        assert not [char for text in strings_of(payload) for char in text if is_hidden(char)]
        for text in texts_of(payload):
            written = LINK.sub("", text["text"]) if text["type"] == "mrkdwn" else text["text"]
            assert not {"<", ">"} & set(written)
            if text["type"] == "mrkdwn":
                assert text["verbatim"]
                outside = CODE.sub("", written)
                assert "`" not in outside
                assert HOSTILE not in outside


def assert_complete(alert, payloads):
    """One line per change; a single change without a rule has only the headline."""
    lines = [line for payload in payloads for line in rule_lines(payload)]
    assert len(lines) == len(alert.changes) or (len(alert.changes) == 1 and not lines)
    raw = [payload for payload in payloads if '"eventName"' in json.dumps(payload) or "```" in str(payload)]
    assert all(each.change.understood for each in alert.changes) or raw


@given(st.sampled_from(sorted(set(EVENTS) - {"sixty-rules"})), TEXTS, st.randoms(use_true_random=False))
def test_random_text_in_an_event_is_escaped_and_no_rule_is_lost(case, text, chance):
    share, unchanged = chance.random(), chance.choice([SHAPE, SHAPE, set()])
    document = with_texts(
        one_record(EVENTS[case]), lambda key, old: text if key not in unchanged and chance.random() <= share else old
    )
    alert = alert_of_record(document, chance.choice(LANGUAGES))
    if alert is None:
        assert case.startswith("hub-")  # a rule or trail of another name is not part of the alerting pipeline
        return
    payloads = payloads_of(alert)
    assert_harmless(alert, payloads)
    assert_complete(alert, payloads)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", [name for name in EVENTS if name != "sixty-rules"])
@pytest.mark.parametrize("attack", [HOSTILE.join(ATTACKS), (HOSTILE + "`<&") * 200])
def test_hostile_text_in_every_kind_of_event_is_escaped_and_no_rule_is_lost(case, language, attack):
    document = with_texts(one_record(EVENTS[case]), lambda key, old: old if key in SHAPE else attack)
    alert = alert_of_record(document, language)
    if alert is None:
        assert case.startswith("hub-")  # a rule or trail of another name is not part of the alerting pipeline
        return
    payloads = payloads_of(alert)
    assert_harmless(alert, payloads)
    assert_complete(alert, payloads)
    assert max(sum(len(text["text"]) for text in texts_of(payload)) for payload in payloads) < 10_500


@given(st.sampled_from(["world", "not-understood", "denied-without-parameters", "prefix-list-delete"]), TEXTS)
def test_hostile_event_names_ids_and_regions_are_escaped(case, text):
    alert = alert_of_record(one_record(EVENTS[case]))
    safe = json.loads(json.dumps(text).encode("utf-8", "replace")).encode("utf-8", "replace").decode()
    call = msgspec.structs.replace(alert.call, event_name=safe, event_id=safe, region=safe, error_code=safe)
    renamed = msgspec.structs.replace(alert, call=call)
    assert_harmless(renamed, payloads_of(renamed))


@pytest.mark.parametrize("case", [name for name in EVENTS if name not in SEVERAL_EVENTS])
def test_every_change_of_an_event_is_in_its_messages(case):
    alert = alert_of_record(EVENTS[case])
    assert_complete(alert, payloads_of(alert))


@pytest.mark.parametrize("description", ["", "d" * 255, "&" * 255, "홈" * 255])
def test_a_call_with_a_thousand_rules_has_five_parts_and_counts_the_rules_that_are_left_out(description):
    payloads = payloads_of(alert_of_record(many_rules(1000, description)))
    found = re.findall(r"sgr-\d{17}", json.dumps(payloads))
    (left_out,) = re.findall(r"(\d+) more changes are not shown \(", json.dumps(payloads[-1]))
    assert len(payloads) <= 5
    assert len(set(found)) == len(found) > 20
    assert len(found) + int(left_out) == 1000
    assert [slack_problems(payload) for payload in payloads] == [()] * len(payloads)


def test_a_refused_call_shows_twenty_rules_and_counts_the_others():
    document = copy.deepcopy(EVENTS["denied"])
    permissions = document["detail"]["requestParameters"]["ipPermissions"]
    permissions["items"] = [permissions["items"][0] | {"toPort": 22 + number} for number in range(100)]
    (payload,) = payloads_of(alert_of_record(document))
    assert len(rule_lines(payload)) == 20
    assert "80 more changes are not shown" in json.dumps(payload)
    assert "(+99 more)" in blocks_of(payload)[0]["text"]["text"]


def test_an_event_with_very_long_texts_gives_a_bounded_notification():
    document = many_rules(300, "홈" * 5000)
    size = len(encode_message(message_for(alert_of_record(document))))
    assert size < 200_000


def test_a_part_that_is_rendered_alone_is_that_of_the_whole_message():
    message = message_for(alert_of_record(many_rules(100, "d" * 255)))
    alone = [SLACK.render(message, each) for each in presentations_of(SLACK.cut(message))]
    assert len(alone) == 5
    assert alone == list(SLACK.messages(message))


def test_the_blocks_of_a_message_stay_below_slacks_total_limit():
    for payload in payloads_of(alert_of_record(many_rules(1000, "d" * 255))):
        assert len(json.dumps(blocks_of(payload), ensure_ascii=False)) < 12_000


def test_the_worst_rule_comes_first():
    lines = rule_lines(payloads_of(alert_of_record(EVENTS["sixty-rules"]))[0])
    assert lines[0].startswith("🔴")
    assert "sgr-0ade5449324ec82de" in lines[0]
    assert {line[0] for line in lines[1:]} == {"🔵"}


def test_parts_are_numbered_and_only_the_first_has_reasons():
    first, second = payloads_of(alert_of_record(EVENTS["sixty-rules"]))
    assert blocks_of(first)[0]["text"]["text"].endswith(" · Part 1 of 2")
    assert blocks_of(second)[0]["text"]["text"].endswith(" · Part 2 of 2")
    assert ["*Why*" in json.dumps(each) for each in (first, second)] == [True, False]


def test_a_long_headline_keeps_the_number_of_its_part():
    document = with_texts(EVENTS["hostile-texts"], lambda key, old: old if key in SHAPE else "&" * 300)
    document["detail"]["requestParameters"]["ipPermissions"]["items"][0]["groups"]["items"] *= 40
    for number, payload in enumerate(payloads_of(alert_of_record(document)), start=1):
        assert f" · Part {number} of " in blocks_of(payload)[0]["text"]["text"]


def test_a_link_that_is_too_long_for_slack_is_left_out():
    document = copy.deepcopy(EVENTS["world"])
    document["detail"]["eventID"] = "x" * 3000
    (payload,) = payloads_of(alert_of_record(document))
    assert len(urls_of(payload)) == 1


def test_a_message_has_no_links_where_the_partition_has_no_console():
    (payload,) = payloads_of(alert_of_record(EVENTS["region-iso"]))
    assert urls_of(payload) == set()


def test_the_raw_event_shows_the_request_first_and_no_secret():
    (payload,) = payloads_of(alert_of_record(EVENTS["not-understood"]))
    raw = json.dumps(payload)
    assert "meshIds" in raw
    assert raw.index("requestParameters") < raw.index("userIdentity")
    assert "5f0c7b5a-made-up-token" not in raw
    assert "ASIAEXAMPLE000000011" not in raw
    assert "ASIA\\u20260011" in raw


SECTIONS = (
    Section("ingress_before", "tcp 22 <a>\ntcp 80 `b`", 2400),
    Section("ingress_undo", "gatewatch undo chg-1"),
)


def test_sections_stand_before_the_event_name():
    (payload,) = slack_payloads(alert_of_record(EVENTS["world"]), sections=SECTIONS)
    *_, before, undo, event = payload["attachments"][1]["blocks"]
    assert slack_problems(payload) == ()
    assert before["text"]["text"] == "*Before*\n```tcp 22 &lt;a&gt;\ntcp 80 ˋbˋ```"
    assert undo["text"]["text"] == "*To undo* `gatewatch undo chg-1`"
    assert event["type"] == "context"
