"""The same faults over a deploy: one account and one actor, so that whole batches become one message."""

import dataclasses
import json

import pytest

from chaos.fate import Dice
from chaos.simulation import SLACK, weather
from chaos.story import ACCOUNTS, story
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


@pytest.mark.parametrize("seed", [1, 2])
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
