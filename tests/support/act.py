"""A hub with actions for tests: posted messages, clicks, a Slack workspace and a reverter, all in memory."""

import logging

import msgspec

from gatewatch.actions.alert_transitions import AlertTransitions
from gatewatch.actions.answers import Answers
from gatewatch.actions.click import Click, encode_click
from gatewatch.actions.due import DueAlerts
from gatewatch.actions.due_transitions import DueTransitions
from gatewatch.actions.posted_alerts import PostedAlerts
from gatewatch.actions.slack_users import SlackUsers
from gatewatch.actions.snoozed_alerts import SnoozedAlerts
from gatewatch.actions.view import ActionView, content_id
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.destinations import Route
from gatewatch.config.paths import TEMPLATES
from gatewatch.config.people import PersonEntry
from gatewatch.config.settings import emergency_settings
from gatewatch.delivery.action_store import ActionStore
from gatewatch.delivery.message_updates import MessageUpdates
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.delivery.threads import Threads
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.handlers.act import ActHandler
from gatewatch.model.alert_actions import ActionButton
from gatewatch.model.notification import Sentence
from gatewatch.model.revert import FrozenPlan, RevertOutcome, RevertReport
from gatewatch.rendering.presentation import Presentation
from gatewatch.rendering.text.labels import load_labels
from support.actions import ALICE, BOB, CAROL, NOW, PLAN, SETTINGS
from support.threads import APP, Channel

PEOPLE = tuple(PersonEntry(each.identities, slack=each.id) for each in (ALICE, BOB, CAROL))
LABELS = {language: load_labels(TEMPLATES, language) for language in ("en", "ko", "ja")}
PRESENT = {"deleted": False, "is_bot": False, "is_restricted": False, "is_ultra_restricted": False}


class Workspace:
    """Stands for `SlackApi`: members of a workspace, and what was sent to whom."""

    def __init__(self):
        self.users = {
            each.id: {"id": each.id, "team_id": "T0TEAM", "name": each.name, "profile": {"email": each.email}} | PRESENT
            for each in (ALICE, BOB, CAROL)
        }
        self.calls, self.error = [], None

    def add(self, user_id, **fields):
        self.users[user_id] = {"id": user_id, "team_id": "T0TEAM", "name": user_id, "profile": {}} | PRESENT | fields

    def call(self, method, fields):
        self.calls.append((method, fields))
        if self.error:
            raise self.error
        if method == "users.info":
            return {"ok": True, "user": self._found(self.users.get(fields["user"]))}
        if method == "users.lookupByEmail":
            by_email = {each["profile"].get("email"): each for each in self.users.values()}
            return {"ok": True, "user": self._found(by_email.get(fields["email"]))}
        return {"ok": True, "channel": "D1", "ts": "1.1"}

    def _found(self, user):
        if user is None:
            raise PermanentDeliveryError("users_not_found")
        return user

    def texts(self, method="chat.postEphemeral"):
        return [fields["text"] for name, fields in self.calls if name == method]


class FakeReverts:
    def __init__(self):
        self.planned, self.executed, self.undone, self.refusal = 0, [], [], None
        self.report = RevertReport(RevertOutcome.REVERTED, (Sentence("action_reason", {"text": "done"}),), "rev-1")

    def plan(self, _notification):
        self.planned += 1
        if self.refusal:
            raise self.refusal
        return PLAN

    def plan_undo(self, report):
        self.planned += 1
        if self.refusal:
            raise self.refusal
        return FrozenPlan(report.change_id.ljust(64, "0"), (Sentence("action_reason", {"text": "tcp 22"}),), "{}")

    def undo(self, plan):
        self.undone.append(plan)
        if isinstance(self.report, Exception):
            raise self.report
        is_done = self.report.outcome is RevertOutcome.REVERTED
        outcome = RevertOutcome.UNDONE if is_done else self.report.outcome
        return msgspec.structs.replace(self.report, outcome=outcome)

    def execute(self, plan, _notification):
        self.executed.append(plan)
        if isinstance(self.report, Exception):
            raise self.report
        return self.report


class Sink:
    """The outbox; `hub.deliver()` posts what is in it."""

    def __init__(self):
        self.messages, self.is_down = [], False

    def put(self, messages):
        if self.is_down:
            raise TransientDeliveryError("the outbox cannot be written")
        self.messages += messages


class Counts:
    def __init__(self):
        self.names = []

    def count(self, name, value=1):
        self.names += [name] * value


class ActingHub:
    def __init__(self, dynamodb, settings=SETTINGS, **more):
        self.now, self.keys = NOW, 0
        self.channel, self.workspace, self.reverts = Channel(), Workspace(), FakeReverts()
        self.outbox, self.meter, self.stopped, self.resumed = Sink(), Counts(), [], []
        self.table = HubTable(dynamodb, "t", lambda: self.now)
        self.store, self.threads = ActionStore(self.table), ThreadStore(self.table)
        self.settings = msgspec.structs.replace(
            emergency_settings(),
            destinations={"sec-app": APP, **more},
            routes=(Route(to=("sec-app",)),),
            actions=settings,
            people=PEOPLE,
        )
        self.log = logging.getLogger("test")
        self.snoozed = SnoozedAlerts(self.table, DueAlerts(self.table))
        answers = Answers(self.workspace, LABELS.__getitem__, self.log)
        alerts = PostedAlerts(self.settings, self.store, self.threads)
        transitions = AlertTransitions(
            settings=self.settings,
            store=self.store,
            due=DueAlerts(self.table),
            snoozed=self.snoozed,
            outbox=self.outbox,
            answers=answers,
            reverts=self.reverts,
            escalations=self,
            now=lambda: self.now,
            log=self.log,
        )
        self.due_transitions = DueTransitions(alerts, transitions)
        self.handler = ActHandler(
            settings=self.settings,
            alerts=alerts,
            transitions=transitions,
            due_transitions=self.due_transitions,
            users=SlackUsers(self.workspace, settings, PEOPLE),
            answers=answers,
            now=lambda: self.now,
            log=self.log,
            meter=self.meter,
        )
        view = ActionView(self.store, settings, lambda alert: alert.changes[0].is_applied)
        updates = MessageUpdates(self.channel, self.threads, self.log, lambda: 0.0, shown=view.shown)
        self.delivery = Threads(self.channel, updates, self.threads, self.record)

    def stop(self, notification):
        self.stopped.append(notification)

    def resume(self, notification, now):
        self.resumed.append((notification, now))

    def record(self, content, alert, message):
        self.store.record_message_later(alert, message)
        self.snoozed.wake(content)

    def post(self, content):
        """Deliver an alert; return where it is, for `click`."""
        receipt = self.delivery.post(content, Presentation(), APP)
        return content_id(content), receipt.channel, receipt.ts

    def click(self, where, button, user="U0ALICE", **fields):
        """Work off a click by a person on a message; return the click, to work it off again."""
        self.keys += 1
        alert, channel, ts = where
        facts = {
            "key": f"{self.keys:x}".ljust(64, "0"),
            "alert": alert,
            "channel": channel,
            "ts": ts,
            "at": self.now,
        } | fields
        click = Click(button=ActionButton(button), user=user, **facts)
        self.work_off(click)
        return click

    def work_off(self, click):
        self.handler.handle({"body": encode_click(click), "messageId": "1"})

    def deliver(self):
        messages, self.outbox.messages = self.outbox.messages, []
        for each in messages:
            self.delivery.post(each, Presentation(), APP)
        return messages

    def actions(self, where):
        return self.store.load(where[0]).actions

    def status(self, where):
        return self.actions(where).status.value

    def proposal(self, where):
        return self.actions(where).proposal.id


NEW_PLAN = FrozenPlan("0" * 64, (), "{}")
