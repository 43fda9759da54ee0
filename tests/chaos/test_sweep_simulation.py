"""Days of sweeps under injected faults, and the proof that the invariants can fail."""

import pytest
from msgspec.structs import replace

from chaos.sweep import __main__ as command
from chaos.sweep.simulation import KilledOnce, simulate
from chaos.sweep.verdict import accused, violations
from gatewatch.inventory.model import ResourceKind
from gatewatch.inventory.recording import InventoryRecorder


def titles(found):
    return sorted(each.title.key for each in found.outbox.notices.values())


@pytest.mark.parametrize("seed", [1, 2])
def test_silent_changes_are_reported_once_and_others_never_under_every_fault(seed):
    found = simulate(20, 4, seed)
    assert list(violations(found)) == []
    assert sum(each in accused(found) for each in found.silent) >= 15
    assert sum(each in accused(found) for each in found.late) >= 5
    assert {"request throttled", "role missing", "request refused", "task received twice"} <= {*found.fate.injected}
    assert found.tasks["Killed"]


def steps():
    fate = KilledOnce(None)
    simulate(1, 2, 1, fate)
    return len(fate.steps)


@pytest.mark.parametrize("every", [41, pytest.param(1, marks=pytest.mark.slow)])
def test_a_process_that_ends_at_any_step_is_followed_by_one_that_finishes_its_work(every):
    for number in range(0, steps(), every):
        found = simulate(1, 2, 1, KilledOnce(number))
        assert list(violations(found)) == [], number
        assert titles(found).count("baseline_title") == 1, number
        assert set(titles(found)) == {"baseline_title", "silent_change_title"}, number
        assert found.queue.given_up == [], number


@pytest.mark.slow
def test_the_invariants_hold_for_two_hundred_accounts_and_seventeen_regions(capsys):
    assert command.main(200, 17, 2) == 0
    assert "the invariants hold" in capsys.readouterr().out


class TakesUnreadForClosed(InventoryRecorder):
    def record(self, current, rules, unread_ids):
        read_at = dict.fromkeys(ResourceKind, current.at)
        return super().record(replace(current, unread={}, read_at=read_at), rules, unread_ids)


class AccusesAtFirstSight(InventoryRecorder):
    def record(self, current, rules, unread_ids):
        found = super().record(current, rules, unread_ids)
        return replace(found, unexplained={}, unreported=found.unexplained)


class ReportsNothing(InventoryRecorder):
    def report(self, _inventory, _event_history):
        """Sends nothing."""


class RemembersNoReport(InventoryRecorder):
    def _still_unexplained(self, inventory):
        return [each for each in inventory.items if each.identity in inventory.unreported]


class ForgetsWhatItReported(InventoryRecorder):
    def report(self, inventory, event_history):
        super().report(inventory, event_history)
        if inventory.unreported:
            again = replace(inventory, unreported={each: at + 1 for each, at in inventory.unreported.items()})
            super().report(again, event_history)


@pytest.mark.parametrize(
    ("recorder", "violation"),
    [
        (TakesUnreadForClosed, "accused, though its event arrived in time"),
        (AccusesAtFirstSight, "accused, though its event arrived in time"),
        (ReportsNothing, "not noticed"),
        (RemembersNoReport, "not corrected"),
        (ForgetsWhatItReported, "reported 2 times"),
    ],
)
def test_a_sweep_that_is_wrong_breaks_an_invariant(recorder, violation):
    found = simulate(20, 4, 1, recorder=recorder)
    assert any(each.startswith(violation) for each in violations(found))
