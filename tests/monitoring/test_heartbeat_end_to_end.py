"""The sign of life over the whole road: members' canaries, the hub's queue, the table, the heartbeat, Slack."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest

from functions import heartbeat
from gatewatch.events.canary import Canary, Place
from gatewatch.local.aws.server import MEMBERS
from gatewatch.local.demo.run import road
from gatewatch.local.slack.inbox import Inbox

PLACES = {Place(*member) for member in MEMBERS}
SILENT = Place(*MEMBERS[0])
LATER = int(time.time()) + 2 * 3600


@pytest.fixture(scope="module")
def told():
    """Slack's texts after each step: all heard, one silent, still silent, heard again; then what is dead."""
    with Inbox() as inbox, road(inbox) as deployed:
        os.environ["GATEWATCH_SILENT_MINUTES"] = "60"
        heartbeat.compose.cache_clear()
        stage = heartbeat.compose()
        last_seen = stage.last_seen
        assert sum(deployed.cloud.tick(*member) for member in MEMBERS) == len(MEMBERS)
        deployed.worker.drain()
        assert last_seen.read().keys() == PLACES
        steps = []

        def beat(now):
            replace(stage, now=lambda: now).run()
            deployed.worker.drain()
            steps.append([one.message["attachments"][0] for one in inbox.received])

        beat(time.time())
        for place in PLACES - {SILENT}:
            last_seen.record(Canary(place, LATER))
        beat(LATER)
        beat(LATER + 900)
        last_seen.record(Canary(SILENT, LATER + 900))
        beat(LATER + 1800)
        steps.append(deployed.dead())
    return steps


def test_nothing_is_said_while_every_place_is_heard(told):
    assert told[0] == []


def test_a_place_that_falls_silent_is_told_with_its_alias(told):
    (message,) = told[1]
    assert message["fallback"] == "🔇 1 place fell silent"
    assert "payments-prod" in str(message["blocks"])
    assert SILENT.region in str(message["blocks"])


def test_silence_is_told_once_and_an_account_of_accounts_yaml_without_a_member_stack_as_well(told):
    (message,) = told[2][1:]
    assert message["fallback"] == "🔇 1 account never reported"
    assert "security-hub" in str(message["blocks"])


def test_a_place_that_is_heard_again_is_told_too(told):
    assert [message["fallback"] for message in told[3][2:]] == ["🔊 1 place heard again"]


def test_no_canary_is_taken_for_an_event_that_cannot_be_read(told):
    assert told[4] == 0
