"""The same faults over a deploy: one account and one actor, so that whole batches become one message."""

import dataclasses
import json

import pytest

from chaos.assertions import judge
from chaos.faults import Dice, Script
from chaos.harness import Harness
from chaos.scenario import ACCOUNTS, SPAN, scenario
from chaos.simulation import SLACK, weather

DEPLOYED = ACCOUNTS[4]


def of_a_deploy(arrival):
    if arrival.kind == "malformed":
        return arrival
    event = json.loads(arrival.body)
    event["account"] = event["detail"]["recipientAccountId"] = DEPLOYED
    event["detail"]["userIdentity"] |= {"userName": "terraform", "accountId": DEPLOYED}
    return dataclasses.replace(arrival, at=arrival.at / 100, body=json.dumps(event))


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_deployment_is_a_handful_of_messages_and_every_change_is_delivered(seed):
    dice = Dice(seed, kill=0.002, throttle=0.01, lose=0.002, slack=SLACK)
    harness = Harness(dice, weather)
    arrivals = [of_a_deploy(each) for each in scenario(300, seed)]
    harness.arrive(arrivals)
    harness.run()
    verdict = judge(harness, arrivals)
    assert verdict.violations == []
    rolled = {text for texts in harness.deliveries.texts.values() for text in texts if " · +" in text}
    assert len(rolled) > 10
    assert harness.http.edits > 10
    assert verdict.counts["exposures whose message ends as closed"] >= 5


def test_a_message_that_was_not_updated_violates_the_invariant():
    harness = Harness(Script())
    arrivals = [of_a_deploy(each) for each in scenario(100, 1)]
    harness.arrive(arrivals)
    harness.run()
    assert judge(harness, arrivals).violations == []
    harness.http.shown = json.loads(json.dumps(harness.http.shown, ensure_ascii=False).replace("✅", ""))
    assert "VIOLATED: closed without an update of the opening" in judge(harness, arrivals).counts


MARKS = "⚪🔵🟡🟠🔴"


def severity(text):
    """By the mark that a headline begins with."""
    return MARKS.index(json.loads(text)["attachments"][0]["fallback"][0])


@pytest.mark.parametrize("seconds", [1, 60, 600], ids="within {}s".format)
def test_two_hundred_changes_are_a_handful_of_messages_in_the_channel(seconds):
    harness = Harness(Script())
    arrivals = [of_a_deploy(each) for each in scenario(200, 1) if each.kind == "event"]
    harness.arrive([dataclasses.replace(each, at=each.at * 100 / SPAN * seconds) for each in arrivals])
    harness.run()
    assert judge(harness, arrivals).violations == []
    posts = {keys: harness.deliveries.texts[keys[0]][0] for keys in harness.deliveries.posts["payments"]}
    alone = {keys: text for keys, text in posts.items() if "thread_ts" not in json.loads(text)}
    critical = [text for text in alone.values() if severity(text) == MARKS.index("🔴")]
    in_parts = [keys for keys, text in alone.items() if "Part " in text]
    handful = len(alone) - len(critical) - len(in_parts)
    assert handful <= 10
