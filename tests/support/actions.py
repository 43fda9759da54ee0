"""Settings, people, requests and a store for tests of actions."""

import threading

from gatewatch.actions.request import ActionRequest, Subject
from gatewatch.config.actions import ActionMode, ActionSettings
from gatewatch.model.alert_actions import ActionEvent, Person
from gatewatch.model.notification import Sentence
from gatewatch.model.revert import FrozenPlan
from gatewatch.model.severity import Severity

NOW = 1_800_000_000.0
ALICE = Person("U0ALICE", "alice", "alice@example.com", ("arn:aws:iam::111122223333:user/alice",))
BOB = Person("U0BOB", "bob", "bob@example.com", ("bob@example.com",))
CAROL = Person("U0CAROL", "carol", "carol@example.com", ("carol@example.com",))
GUEST = Person("U0GUEST", "guest", "guest@example.com")
PLAN = FrozenPlan("3f2a" * 16, (Sentence("action_reason", {"text": "tcp 22"}),), '{"changes":[]}')
SETTINGS = ActionSettings(
    written_mode=ActionMode.FULL, team="T0TEAM", app="A0APP", allow=("U0ALICE", "bob@example.com", "U0CAROL", "U0GUEST")
)
SUBJECT = Subject(severity=Severity.HIGH, actor=frozenset({"mallory"}), actor_is_person=True)


def asks(event, person=ALICE, **fields):
    """A request at `NOW`; an event that needs a reason, a plan or an end gets one."""
    defaults = {"at": NOW, "source": "C1/1.1"} | _NEEDED.get(event, {})
    return ActionRequest(event=event, person=person, **defaults | fields)


_NEEDED = {
    ActionEvent.SNOOZE: {"until": NOW + 3600},
    ActionEvent.ASK_ACTOR: {"asked": "U0MALLORY"},
    ActionEvent.PROPOSE_EXCEPTION: {"reason": "expected"},
    ActionEvent.PROPOSE_REVERT: {"plan": PLAN, "proposal": "p1"},
    ActionEvent.APPROVE_REVERT: {"proposal": "p1"},
    ActionEvent.REJECT_REVERT: {"proposal": "p1"},
    ActionEvent.PROPOSE_UNDO: {"plan": PLAN, "proposal": "u1"},
    ActionEvent.APPROVE_UNDO: {"proposal": "u1"},
    ActionEvent.REJECT_UNDO: {"proposal": "u1"},
    ActionEvent.BREAK_GLASS: {"proposal": "p1", "reason": "nobody else is awake"},
}


class AtomicDynamoDB:
    """moto checks the condition of a write and writes without a lock in between; DynamoDB does both at once."""

    def __init__(self, dynamodb):
        self._dynamodb = dynamodb
        self._lock = threading.Lock()

    def __getattr__(self, name):
        operation = getattr(self._dynamodb, name)

        def locked(**request):
            with self._lock:
                return operation(**request)

        return locked
