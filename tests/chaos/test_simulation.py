"""The short seeded run of the chaos suite, and the proof that its invariant can fail."""

from dataclasses import replace

import msgspec
import pytest

from chaos import timing
from chaos.assertions import judge, table
from chaos.simulation import simulate
from gatewatch.delivery.ledger import NOT_POSTED, DeliveryState, Ledger, LedgerEntry, part_key
from gatewatch.handlers.deliver import DeliveryHandler
from gatewatch.model.message import Rollup
from gatewatch.model.notification import AlertNotification


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_every_change_is_delivered_or_dead_lettered_and_sent_to_the_fallback_exactly_once(seed):
    harness, arrivals = simulate(300, seed)
    verdict = judge(harness, arrivals)
    assert verdict.violations == []
    assert verdict.counts["delivered again because of a kill"] <= harness.kills
    assert harness.kills
    assert list(timing.late(timing.deliveries(harness, arrivals))) == []
    assert verdict.counts["dead-lettered, sent to fallback"]
    assert len(table(harness, verdict).splitlines()) > 20


def test_a_seed_gives_the_same_run_again():
    first, second = (simulate(100, 7)[0] for _ in range(2))
    assert first.fate.injected == second.fate.injected
    assert first.clock.now == second.clock.now
    assert first.deliveries.order["oncall"] == second.deliveries.order["oncall"]


class AcknowledgesRateLimited(DeliveryHandler):
    def _attempt(self, each, time_left):
        delay = super()._attempt(each, time_left)
        return None if delay else delay


class IgnoresTheLedger(DeliveryHandler):
    def _delivered(self, *_arguments):
        self.log.info("delivered")


class ContinuesAfterAFailure(DeliveryHandler):
    def _group(self, group, time_left):
        return [failed for each in group for failed in super(ContinuesAfterAFailure, self)._group([each], time_left)]


class DropsMessages:
    def put(self, _messages):
        """Sends nothing."""


class SendsNoFallback(DeliveryHandler):
    def _deliver_or_give_up(self, *arguments):
        silent = replace(self, dead_lettering=replace(self.dead_lettering, outbox=DropsMessages()))
        return DeliveryHandler._deliver_or_give_up(silent, *arguments)  # noqa: SLF001


class ForgetfulLedger(Ledger):
    def get(self, key):
        entry = super().get(key)
        return NOT_POSTED if entry.state is DeliveryState.GIVING_UP else entry


class DeliversAfterGivingUp(DeliveryHandler):
    def _handle_message(self, each, time_left):
        self.ledger.__class__ = ForgetfulLedger
        super()._handle_message(each, time_left)


class LogsTheWebhook(DeliveryHandler):
    def _post(self, *arguments):
        self.log.info("posting to https://hooks.slack.example/services/T00000000/B00000001/sEcReTaLl0000000000000001")
        return super()._post(*arguments)


class RepeatsWhenTheRowFails(DeliveryHandler):
    def _delivered(self, message, presentation, response):
        entry = LedgerEntry(DeliveryState.DELIVERED, response, presentation.cut)
        self.ledger.write(part_key(message.key, presentation.part), entry)


class IgnoresExposures(DeliveryHandler):
    def _post(self, content, *arguments):
        return super()._post(_without_exposures(content), *arguments)


def _without_exposures(content):
    if isinstance(content, Rollup):
        return Rollup(tuple(map(_without_exposures, content.messages)))
    if not isinstance(content.notification, AlertNotification):
        return content
    notification = msgspec.structs.replace(content.notification, exposure_change=None)
    return msgspec.structs.replace(content, notification=notification)


class CutsAgain(DeliveryHandler):
    """As if every attempt were one of a release that divides messages in its own way."""

    def _deliver_or_give_up(self, message, presentation, *arguments):
        cut = presentation.cut and (0, *presentation.cut[1:])
        return super()._deliver_or_give_up(message, msgspec.structs.replace(presentation, cut=cut), *arguments)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "violated"),
    [
        (IgnoresExposures, "a closing without its opening"),
        (AcknowledgesRateLimited, "lost"),
        (IgnoresTheLedger, "delivered too often"),
        (ContinuesAfterAFailure, "out of order"),
        (SendsNoFallback, "dead-lettered without fallback"),
        (DeliversAfterGivingUp, "both delivered and dead-lettered"),
        (LogsTheWebhook, "a secret"),
        (RepeatsWhenTheRowFails, "delivered too often"),
        (CutsAgain, "changes left out"),
    ],
)
def test_a_broken_handler_violates_the_invariant(broken, violated):
    runs = (simulate(300, seed, kill=0.002, throttle=0.3, handler=broken) for seed in (4, 6))
    assert any(f"VIOLATED: {violated}" in judge(*run).counts for run in runs)
