"""A function that ends at any of its steps delays no severe alert beyond its time, whatever channels are down."""

from dataclasses import replace
from functools import cache

import pytest

from chaos import timing
from chaos.assertions import calls_of
from chaos.clock import START
from chaos.faults import KillAt, Killed
from chaos.harness import TIMEOUT, Harness
from chaos.scenario import scenario
from gatewatch.delivery.escalations import DELIVERY_SECONDS
from gatewatch.model.severity import Severity

DOWN = [
    (),
    ("oncall",),
    ("oncall", "sec-prod"),
]  # sec-prod is the fallback of oncall, the alerts topic that of sec-prod
ARRIVED = 21


class Ends(KillAt):
    """A process ends once, at the step of this number, after `seconds` at which it stood still."""

    def __init__(self, number=None, seconds=0.0):
        super().__init__(number)
        self.seconds, self.sleep = seconds, None

    def strike(self, point, key):
        try:
            super().strike(point, key)
        except Killed:
            self.sleep(self.seconds)
            raise


@cache
def severe_arrivals():
    """A critical and a high alert. Their time comes just after a run of functions/escalate."""
    harness, arrivals = Harness(KillAt()), scenario(100, 1)
    harness.arrive(arrivals)
    harness.run()
    found = [each for each in timing.deliveries(harness, arrivals) if each.destination == "oncall"]
    keys = {next(each.key for each in found if each.severity is severity) for severity in DELIVERY_SECONDS}
    return [
        replace(each, at=ARRIVED) for each in arrivals if keys & {call.delivery_key for call in calls_of(each.body)}
    ]


def delivered(fate, down, harness=Harness):
    ending = harness(fate, lambda _harness, channel, _key: "503" if channel in down else None)
    fate.sleep = ending.clock.sleep
    ending.arrive(severe_arrivals())
    ending.run(until=START + ARRIVED + DELIVERY_SECONDS[Severity.HIGH] + 1)
    return ending, list(timing.deliveries(ending, severe_arrivals()))


@cache
def steps(down):
    fate = Ends()
    delivered(fate, down)
    return fate.steps


QUICK = [((), 7), (DOWN[-1], 199)]
SLOW = [pytest.param(down, 11, marks=pytest.mark.slow) for down in DOWN]


@pytest.mark.parametrize("seconds", [0.0, TIMEOUT], ids=["killed", "timed out"])
@pytest.mark.parametrize(("down", "every"), [*QUICK, *SLOW])
def test_severe_alerts_are_in_time_wherever_a_function_ends(down, every, seconds):
    for number in range(0, len(steps(down)), every):
        harness, found = delivered(Ends(number, seconds), down)
        assert harness.kills == 1
        assert {each.severity for each in found} == {*DELIVERY_SECONDS}
        assert list(timing.late(found)) == [], number


class SixTimesTheTimeout(Harness):
    def compose(self):
        super().compose()
        self.outbox.visibility = 6 * TIMEOUT


def test_with_the_visibility_timeout_that_lambda_recommends_they_are_not():
    claims = [number for number, (point, _) in enumerate(steps(())) if point == "visibility.change"]
    runs = [delivered(Ends(number), (), SixTimesTheTimeout)[1] for number in claims]
    assert any(list(timing.late(found)) for found in runs)
    assert max(each.seconds for found in runs for each in found) >= 6 * TIMEOUT
