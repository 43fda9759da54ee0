"""A process that ends after any step of a click or of what has become due: the queue or the schedule repeats it."""

import boto3
import pytest
from moto import mock_aws

from gatewatch.model.severity import Severity
from support.act import ActingHub
from support.actions import AtomicDynamoDB
from support.tables import create_table
from support.threads import alert


class EndedError(Exception):
    """The process ended."""


class Steps:
    """Ends the process after a number of steps."""

    def __init__(self):
        self.left = None

    def after(self, call):
        def stepped(*arguments, **request):
            result = call(*arguments, **request)
            if self.left is not None:
                self.left -= 1
                if self.left == 0:
                    raise EndedError
            return result

        return stepped


class SteppedDynamoDB(AtomicDynamoDB):
    def __init__(self, dynamodb, steps):
        super().__init__(dynamodb)
        self._steps = steps

    def __getattr__(self, name):
        return self._steps.after(super().__getattr__(name))


@pytest.fixture
def steps():
    return Steps()


@pytest.fixture
def hub(steps):
    with mock_aws():
        client = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        create_table(client, "t")
        found = ActingHub(SteppedDynamoDB(client, steps))
        found.outbox.put = steps.after(found.outbox.put)
        found.workspace.call = steps.after(found.workspace.call)
        for name in ("execute", "undo"):
            setattr(found.reverts, name, steps.after(getattr(found.reverts, name)))
        for name in ("stop", "resume"):
            setattr(found, name, steps.after(getattr(found, name)))
        yield found


def click(hub, where, button, user, **fields):
    return lambda: hub.click(where, button, user, key=f"{button}{where[0]}".encode().hex()[:64], **fields)


def acknowledged(hub, where):
    return click(hub, where, "acknowledge", "U0ALICE"), "acknowledged", ["acknowledge"]


def snoozed(hub, where):
    return click(hub, where, "snooze_day", "U0ALICE"), "snoozed", ["snooze"]


def proposed(hub, where):
    return click(hub, where, "propose_revert", "U0ALICE"), "revert_proposed", ["propose_revert"]


def approved(hub, where):
    hub.click(where, "propose_revert", "U0ALICE")
    approve = click(hub, where, "approve_revert", "U0BOB", proposal=hub.proposal(where))
    return approve, "reverted", ["propose_revert", "approve_revert", "complete_revert"]


def undone(hub, where):
    hub.click(where, "propose_revert", "U0ALICE")
    hub.click(where, "approve_revert", "U0BOB", proposal=hub.proposal(where))
    hub.click(where, "propose_undo", "U0ALICE")
    approve = click(hub, where, "approve_undo", "U0BOB", proposal=hub.proposal(where))
    titles = ["propose_revert", "approve_revert", "complete_revert", "propose_undo", "approve_undo", "complete_undo"]
    return approve, "undone", titles


def snooze_over(hub, where):
    hub.click(where, "snooze_hour", "U0ALICE")
    hub.now += 3600
    return hub.due_transitions.settle_due, "open", ["snooze", "end_snooze"]


def expired(hub, where):
    hub.click(where, "snooze_hour", "U0ALICE")
    hub.click(where, "propose_revert", "U0ALICE")
    hub.now += 900
    return hub.due_transitions.settle_due, "snoozed", ["snooze", "propose_revert", "expire_revert"]


SLOW = (snoozed, proposed, approved, undone, snooze_over, expired)
FLOWS = (acknowledged, *(pytest.param(each, marks=pytest.mark.slow) for each in SLOW))


@pytest.mark.parametrize("flow", FLOWS)
def test_what_is_repeated_after_any_step_is_done_once_and_loses_nothing(hub, steps, flow):
    for number in range(1, 100):
        where = hub.post(alert(f"n{number}", Severity.HIGH, group_key=f"1/eu-west-1/sg-{number}"))
        hub.outbox.messages, hub.stopped, hub.resumed = [], [], []
        work_off, status, titles = flow(hub, where)
        steps.left = number
        try:
            work_off()
        except EndedError:
            steps.left = None
            hub.now += 720  # when the queue repeats it; the schedule does after a minute
            work_off()
        is_over, steps.left = steps.left is not None, None
        assert hub.status(where) == status, number
        noted = dict.fromkeys(each.key for each in hub.outbox.messages)
        assert [each.split("-")[2] for each in noted] == titles, number
        done = [each.event.value for each in hub.actions(where).audit]
        assert [each for each in done if not each.startswith("start_")] == titles, number
        assert bool(hub.stopped) is (status != "revert_proposed"), number
        assert bool(hub.resumed) is (status in {"undone", "open"}), number
        assert not hub.workspace.texts(), number
        assert_watched(hub, where)
        if is_over:
            return
    pytest.fail("more steps than expected")


def assert_watched(hub, where):
    """Whatever still becomes due has a row that says when."""
    hub.now += 30 * 86400
    hub.due_transitions.settle_due()
    hub.due_transitions.settle_due()
    assert hub.status(where) not in {"snoozed", "revert_proposed"}
    hub.now -= 30 * 86400
