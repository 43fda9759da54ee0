"""The short seeded run of the chaos suite, and the proof that its invariant can fail."""

from dataclasses import replace

import msgspec
import pytest

from chaos.simulation import simulate
from chaos.verdict import judge, table
from gatewatch.delivery.dead_lettering import DeadLettering
from gatewatch.delivery.ledger import DeliveryState, Ledger, LedgerEntry
from gatewatch.handlers.deliver import DeliveryHandler


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_every_change_is_told_or_dead_and_told_elsewhere_exactly_once(seed):
    world, arrivals = simulate(300, seed)
    verdict = judge(world, arrivals)
    assert verdict.violations == []
    assert verdict.counts["told again because of a kill"] <= world.kills
    assert world.kills
    assert verdict.counts["dead, told by fallback"]
    assert len(table(world, verdict).splitlines()) > 20


def test_a_seed_gives_the_same_run_again():
    first, second = (simulate(100, 7)[0] for _ in range(2))
    assert first.fate.injected == second.fate.injected
    assert first.clock.now == second.clock.now
    assert first.told.order["oncall"] == second.told.order["oncall"]


class AcknowledgesWhenTold429(DeliveryHandler):
    def _attempt(self, each, time_left):
        delay = super()._attempt(each, time_left)
        return None if delay else delay


class ForgetsTheLedger(DeliveryHandler):
    def _delivered(self, _message, _answer):
        self.log.info("delivered")


class GoesOnBehindAFailure(DeliveryHandler):
    def _group(self, group, time_left):
        return [failed for each in group for failed in super(GoesOnBehindAFailure, self)._group([each], time_left)]


class SilentBurial(DeadLettering):
    def _fallback_messages(self, _message):
        return []


class BuriesInSilence(DeliveryHandler):
    def _deliver_or_give_up(self, message, each, time_left):
        silent = replace(self, dead_lettering=SilentBurial(**vars(self.dead_lettering)))
        DeliveryHandler._deliver_or_give_up(silent, message, each, time_left)  # noqa: SLF001


class ForgetfulLedger(Ledger):
    def get(self, key):
        entry = super().get(key)
        return None if entry and entry.state is DeliveryState.GIVING_UP else entry


class DeliversWhatWasGivenUp(DeliveryHandler):
    def _settle(self, each, time_left):
        self.ledger.__class__ = ForgetfulLedger
        super()._settle(each, time_left)


class LogsTheWebhook(DeliveryHandler):
    def _posted(self, message, time_left):
        self.log.info("posting to https://hooks.slack.example/services/T00000000/B00000001/sEcReTaLl0000000000000001")
        return super()._posted(message, time_left)


class RepeatsWhenTheRowFails(DeliveryHandler):
    def _delivered(self, message, answer):
        self.ledger.write(message.key, LedgerEntry(DeliveryState.DELIVERED, answer))


class ForgetsTheGates(DeliveryHandler):
    def _posted(self, message, time_left):
        return super()._posted(msgspec.structs.replace(message, gates=()), time_left)


@pytest.mark.parametrize(
    ("broken", "violated"),
    [
        (ForgetsTheGates, "a closing that says nothing of its opening"),
        (AcknowledgesWhenTold429, "lost"),
        (ForgetsTheLedger, "told too often"),
        (GoesOnBehindAFailure, "out of order"),
        (BuriesInSilence, "dead and nobody told"),
        (DeliversWhatWasGivenUp, "both delivered and dead"),
        (LogsTheWebhook, "a secret"),
        (RepeatsWhenTheRowFails, "told too often"),
    ],
)
def test_a_stage_that_breaks_its_promise_is_found_out(broken, violated):
    world, arrivals = simulate(300, 4, kill=0.002, throttle=0.3, stage=broken)
    assert f"VIOLATED: {violated}" in judge(world, arrivals).counts
