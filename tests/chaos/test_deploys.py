"""The same faults over a deploy: one account and one actor, so that whole batches become one message."""

import dataclasses
import json

import pytest

from chaos.fate import Dice, Script
from chaos.simulation import SLACK, weather
from chaos.story import ACCOUNTS, SPAN, story
from chaos.verdict import judge
from chaos.world import World

DEPLOYED = ACCOUNTS[4]


def of_a_deploy(arrival):
    if arrival.kind == "malformed":
        return arrival
    event = json.loads(arrival.body)
    event["account"] = event["detail"]["recipientAccountId"] = DEPLOYED
    event["detail"]["userIdentity"] |= {"userName": "terraform", "accountId": DEPLOYED}
    return dataclasses.replace(arrival, at=arrival.at / 100, body=json.dumps(event))


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_deploy_is_a_handful_of_messages_and_every_change_is_told_whatever_fails(seed):
    dice = Dice(seed, kill=0.002, throttle=0.01, lose=0.002, slack=SLACK)
    world = World(dice, weather)
    arrivals = [of_a_deploy(each) for each in story(300, seed)]
    world.arrive(arrivals)
    world.run()
    verdict = judge(world, arrivals)
    assert verdict.violations == []
    rolled = {text for texts in world.told.texts.values() for text in texts if " · +" in text}
    assert len(rolled) > 10
    assert world.http.edits > 10
    assert verdict.counts["gates whose message ends as closed"] >= 5


def test_a_message_that_was_not_edited_is_found_out():
    world = World(Script())
    arrivals = [of_a_deploy(each) for each in story(100, 1)]
    world.arrive(arrivals)
    world.run()
    assert judge(world, arrivals).violations == []
    world.http.shown = json.loads(json.dumps(world.http.shown, ensure_ascii=False).replace("✅", ""))
    assert "VIOLATED: closed and not said where it was opened" in judge(world, arrivals).counts


MARKS = "⚪🔵🟡🟠🔴"


def severity(text):
    """By the mark that a headline begins with."""
    return MARKS.index(json.loads(text)["attachments"][0]["blocks"][0]["text"]["text"][0])


@pytest.mark.parametrize("seconds", [1, 60, 600], ids="within {}s".format)
def test_two_hundred_changes_are_a_handful_of_messages_in_the_channel_and_none_is_worse_than_these(seconds):
    world = World(Script())
    arrivals = [of_a_deploy(each) for each in story(200, 1) if each.kind == "event"]
    world.arrive([dataclasses.replace(each, at=each.at * 100 / SPAN * seconds) for each in arrivals])
    world.run()
    assert judge(world, arrivals).violations == []
    posts = {keys: world.told.texts[keys[0]][0] for keys in world.told.posts["payments"]}
    alone = {keys: text for keys, text in posts.items() if "thread_ts" not in json.loads(text)}
    critical = [text for text in alone.values() if severity(text) == MARKS.index("🔴")]
    in_parts = [keys for keys, text in alone.items() if "Part " in text]
    handful = len(alone) - len(critical) - len(in_parts)
    assert handful <= 10
