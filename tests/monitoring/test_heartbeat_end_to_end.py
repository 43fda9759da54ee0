"""The heartbeat over the whole local deployment: canaries, queue, table, heartbeat function, Slack."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest

from functions import heartbeat
from gatewatch.events.canary import AccountRegion, Canary
from gatewatch.local.aws.server import MEMBERS
from gatewatch.local.demo.deployment import deploy
from gatewatch.local.slack.inbox import Inbox

ORIGINS = {AccountRegion(*member) for member in MEMBERS}
SILENT = AccountRegion(*MEMBERS[0])


@pytest.fixture(scope="module")
def steps():
    """Slack messages after each heartbeat: all well, one silent, still silent, recovered; then the DLQ count."""
    with Inbox() as inbox, deploy(inbox) as deployed:
        os.environ["GATEWATCH_SILENCE_MINUTES"] = "60"
        heartbeat.compose.cache_clear()
        handler = heartbeat.compose()
        store = handler.last_seen
        assert sum(deployed.cloud.run_scheduled_rules(*member) for member in MEMBERS) == len(MEMBERS)
        deployed.poller.drain()
        assert store.last_canaries().keys() == ORIGINS
        recorded = []

        now = time.time()
        later = int(now) + 7000  # less than the two hours that a new hub has, which 900 seconds more are not

        def beat(now):
            replace(handler, now=lambda: now).run()
            deployed.poller.drain()
            recorded.append([one.message["attachments"][0] for one in inbox.received])

        beat(now)
        for origin in ORIGINS - {SILENT}:
            store.record(Canary(origin, later))
        beat(later)
        beat(later + 900)
        store.record(Canary(SILENT, later + 900))
        beat(later + 1800)
        recorded.append(deployed.dead_letter_count())
    return recorded


def test_nothing_is_reported_while_every_region_sends_canaries(steps):
    assert steps[0] == []


def test_a_silent_region_is_reported_with_the_alias_of_its_account(steps):
    (message,) = steps[1]
    assert message["fallback"] == "🔇 1 Region went silent"
    assert "payments-prod" in str(message["blocks"])
    assert SILENT.region in str(message["blocks"])


def test_silence_and_an_account_without_a_member_stack_are_reported_once(steps):
    (message,) = steps[2][1:]
    assert message["fallback"] == "🔇 1 account never reported"
    assert "security-hub" in str(message["blocks"])


def test_a_recovered_region_is_reported(steps):
    assert [message["fallback"] for message in steps[3][2:]] == ["🔊 1 Region recovered"]


def test_no_canary_is_dead_lettered(steps):
    assert steps[4] == 0
