"""Whatever one destination does, copies are bounded and severe alerts reach people in time; each bound can fail."""

from dataclasses import replace
from functools import cache

import pytest

from chaos import timing
from chaos.assertions import judge
from chaos.harness import Harness
from chaos.incidents import INCIDENTS, Incident, simulate_incident
from chaos.slack import REFUSALS, TAKEN_UNANSWERED, UNSEEN
from gatewatch.model.message import NO_MARK
from gatewatch.model.severity import Severity

BY_NAME = {each.name: replace(each, flood=min(each.flood, 20)) for each in INCIDENTS}


@cache
def run(name, seed):
    harness, arrivals = simulate_incident(BY_NAME[name], 100, seed)
    return harness, arrivals, list(timing.deliveries(harness, arrivals))


# A flood takes seconds, and so does each further seed.
QUICK = [(name, 1) for name, each in BY_NAME.items() if not each.flood]
SLOW = [(name, seed) for name in BY_NAME for seed in (1, 2, 3) if (name, seed) not in QUICK]


@pytest.mark.parametrize(("name", "seed"), [*QUICK, *(pytest.param(*each, marks=pytest.mark.slow) for each in SLOW)])
def test_copies_are_bounded_severe_alerts_are_in_time_and_nothing_is_lost(name, seed):
    harness, arrivals, found = run(name, seed)
    assert list(timing.violations(found)) == []
    assert judge(harness, arrivals).violations == []
    assert {each.severity for each in found} >= {Severity.CRITICAL, Severity.HIGH}


def test_without_a_fault_every_alert_has_one_copy():
    assert {each.copies for each in run("no fault", 1)[2]} == {1}


def test_answers_of_a_webhook_that_take_fifteen_seconds_are_waited_for():
    assert {each.copies for each in run("half the answers after 5 to 15 s", 1)[2]} == {1}


def test_a_channel_that_never_answers_gets_three_copies_and_its_fallback_one():
    found = [each for each in run("takes the post, never answers", 1)[2] if each.destination == "sec-prod"]
    assert {(each.copies, each.fallback_copies) for each in found} >= {(1, 0), (3, 1)}


def test_one_wait_of_a_day_is_over_after_fifteen_minutes():
    _, _, found = run("one 429 with Retry-After a day", 1)
    assert max(each.seconds for each in found) <= 900


def test_a_flood_of_large_calls_is_cut_to_a_message_each_and_delays_no_critical_alert():
    harness, _, found = run("flood of refused 1,000-rule calls", 1)
    keys = [key for key in harness.deliveries.copies if key.startswith("flood-") and "#sec-all#" in key]
    assert {key.rpartition("#")[2] for key in keys} == {"1"}
    assert sum(each.key.startswith("flood-") for each in found) >= 20
    assert max(each.seconds for each in found if each.severity is Severity.CRITICAL) <= 10


@pytest.mark.slow
@pytest.mark.parametrize("answer", [*REFUSALS, *UNSEEN, *TAKEN_UNANSWERED])
def test_whatever_a_channel_answers_a_critical_alert_is_somewhere_within_five_minutes(answer):
    for channel in ("sec-prod", "oncall", "C0123456789"):
        incident = Incident(answer, channel, lambda _hours, _random: answer)
        harness, arrivals = simulate_incident(incident, 60, 1)
        found = list(timing.deliveries(harness, arrivals))
        assert list(timing.violations(found)) == []
        assert judge(harness, arrivals).violations == []


class WithoutDeadlines(Harness):
    def compose(self):
        super().compose()
        self.alert = replace(self.alert, watch=lambda *_: None)


class CountsNothing(Harness):
    def compose(self):
        super().compose()
        self.deliver = replace(self.deliver, attempts=PostsAlways())


class PostsAlways:
    def post(self, _parts, _cut, post, _most):
        return post(NO_MARK)


@pytest.mark.parametrize(
    ("broken", "name", "violated"),
    [
        (WithoutDeadlines, "down for a night", "too late"),
        (CountsNothing, "takes the post, never answers", "too many copies"),
    ],
)
def test_a_broken_pipeline_exceeds_the_bounds(broken, name, violated):
    harness, arrivals = simulate_incident(BY_NAME[name], 100, 1, broken)
    found = timing.violations(list(timing.deliveries(harness, arrivals)))
    assert any(each.startswith(violated) for each in found)
