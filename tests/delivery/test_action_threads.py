"""Buttons and states of actions on Slack messages, and what is posted in the thread."""

import json
import logging

import msgspec
import pytest

from gatewatch.actions.view import ActionView, content_id
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.actions import ActionMode, ActionSettings
from gatewatch.delivery.action_store import ActionStore
from gatewatch.delivery.message_updates import MessageUpdates
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.delivery.threads import Threads
from gatewatch.model.alert_actions import ActionStatus, AlertActions, Mark, RevertProposal
from gatewatch.model.message import OutboxMessage, Rollup
from gatewatch.model.notification import NoticeKind, OperatorNotice, Sentence
from gatewatch.model.severity import Severity
from gatewatch.rendering.presentation import Presentation
from gatewatch.rendering.slack_validation import slack_problems
from support.actions import ALICE, NOW, PLAN, SETTINGS
from support.rendering import SLACK
from support.threads import APP, CLOSED, OPENED, WEBHOOK, Channel, Table, alert


class Hub:
    """Threads with actions over a table that holds what people did."""

    def __init__(self, settings=SETTINGS):
        self.table, self.channel, self.state = Table(), Channel(), {}
        hub_table = HubTable(self.table, "gatewatch-test", lambda: NOW)
        self.store = ActionStore(hub_table)
        self.threads = ThreadStore(hub_table)
        view = ActionView(self.store, settings, lambda alert: alert.changes[0].is_applied)
        updates = MessageUpdates(self.channel, self.threads, logging.getLogger("test"), lambda: 0.0, shown=view.shown)
        self.delivery = Threads(self.channel, updates, self.threads, self.record)

    def record(self, _content, alert_name, message):
        self.store.record_message_later(alert_name, message)

    def post(self, content, destination=APP, **part):
        return self.delivery.post(content, Presentation(**part), destination)

    def set_actions(self, content, actions):
        body = msgspec.json.encode(actions).decode()
        row = {"pk": {"S": f"action#{content_id(content)}"}, "version": {"N": "1"}, "body": {"S": body}}
        self.table.rows[row["pk"]["S"]] = row


def elements(payload):
    blocks = [block for each in payload["attachments"] for block in each["blocks"]]
    return [element for block in blocks if block["type"] == "actions" for element in block["elements"]]


def action_ids(payload):
    return [each["action_id"] for each in elements(payload) if "action_id" in each]


def options(payload):
    return [each["value"].partition(":")[0] for menu in elements(payload) for each in menu.get("options", ())]


def note(parent_key):
    return OutboxMessage(
        destination="sec-app",
        notification=OperatorNotice(
            key="note-1",
            kind=NoticeKind.ACTION,
            severity=Severity.INFO,
            title=Sentence("action_acknowledge", {"person": "<!channel> *alice*"}),
            paragraphs=((Sentence("action_reason", {"text": "`<@U0BOB>`"}),),),
            language="en",
            parent_key=parent_key,
        ),
    )


def test_an_alert_has_buttons_that_carry_an_opaque_id_only():
    hub = Hub()
    receipt = hub.post(OPENED)
    payload = hub.channel.of("opened")
    assert action_ids(payload) == [
        "gatewatch.acknowledge",
        "gatewatch.propose_revert",
        "gatewatch.ask_actor",
        "gatewatch.menu",
    ]
    assert options(payload) == ["propose_exception"]  # the alert is critical
    values = {each["value"] for each in elements(payload) if "action_id" in each and "value" in each}
    assert values == {content_id(OPENED)}
    assert "opened" not in values.pop()
    (message,) = [row for key, row in hub.table.rows.items() if key.startswith("action-message#")]
    assert json.loads(message["body"]["S"])["ts"] == receipt.ts


def test_an_alert_below_critical_can_be_snoozed():
    hub = Hub()
    hub.post(alert("one", Severity.HIGH))
    assert options(hub.channel.of("one")) == ["snooze_hour", "snooze_day", "snooze_until", "propose_exception"]


def test_read_only_mode_has_the_buttons_to_acknowledge_and_snooze():
    hub = Hub(msgspec.structs.replace(SETTINGS, written_mode=ActionMode.READ_ONLY))
    hub.post(alert("one", Severity.HIGH))
    assert action_ids(hub.channel.of("one")) == ["gatewatch.acknowledge", "gatewatch.menu"]
    assert options(hub.channel.of("one")) == ["snooze_hour", "snooze_day", "snooze_until"]


@pytest.mark.parametrize(
    ("content", "settings", "destination"),
    [
        (OPENED, ActionSettings(), APP),
        (OPENED, SETTINGS, WEBHOOK),
        (alert("info", Severity.INFO), SETTINGS, APP),
        (CLOSED, SETTINGS, APP),
        (note(""), SETTINGS, APP),
    ],
    ids=["off", "webhook", "info", "closing", "notice"],
)
def test_a_message_without_actions_has_no_buttons_and_no_word_of_them(content, settings, destination):
    hub, without = Hub(settings), Hub(ActionSettings())
    hub.post(content, destination)
    without.post(content, destination)
    assert list(hub.channel.shown.values()) == list(without.channel.shown.values())
    assert not [key for key in hub.table.rows if key.startswith("action")]


def test_only_the_first_part_has_buttons():
    hub = Hub()
    hub.post(OPENED, part=2, cut=(1, 2))
    assert action_ids(hub.channel.of("opened")) == []


def test_a_rollup_is_acknowledged_or_snoozed_as_one():
    hub = Hub()
    rollup = Rollup(tuple(alert(f"n{number}", Severity.MEDIUM) for number in range(3)))
    hub.post(rollup)
    assert action_ids(hub.channel.of("n0+2")) == ["gatewatch.acknowledge", "gatewatch.menu"]
    assert elements(hub.channel.of("n0+2"))[-2]["value"] == content_id(rollup)


def test_a_note_renders_the_message_again_and_answers_in_its_thread():
    hub = Hub()
    hub.post(OPENED)
    hub.set_actions(OPENED, AlertActions(status=ActionStatus.ACKNOWLEDGED, acknowledged=Mark(ALICE, NOW)))
    hub.post(note(OPENED.key))
    assert "gatewatch.acknowledge" not in action_ids(hub.channel.of("opened"))
    assert hub.channel.thread("note-1") == "opened"


def test_what_a_person_wrote_cannot_format_mention_or_link():
    text = json.dumps(SLACK.render(note("parent")), ensure_ascii=False)
    assert "<!channel>" not in text
    assert "<@U0BOB>" not in text
    assert "&lt;!channel&gt;" in text


def test_a_note_about_a_message_that_is_not_known_is_posted_in_the_channel():
    hub = Hub()
    hub.post(note("gone#sec-app"))
    assert hub.channel.thread("note-1") == ""


def proposed(lines=PLAN.lines, proposal="p1"):
    plan = msgspec.structs.replace(PLAN, lines=lines)
    return AlertActions(
        status=ActionStatus.REVERT_PROPOSED,
        proposal=RevertProposal(id=proposal, plan=plan, proposed=Mark(ALICE, NOW), expires_at=NOW + 900),
    )


def test_a_proposal_shows_the_plan_with_its_hash_and_buttons_that_name_it():
    hub = Hub()
    hub.set_actions(OPENED, proposed())
    hub.post(OPENED)
    payload = hub.channel.of("opened")
    by_id = {each["action_id"]: each for each in elements(payload) if "action_id" in each}
    assert by_id["gatewatch.approve_revert"]["value"] == f"{content_id(OPENED)}.p1"
    assert by_id["gatewatch.approve_revert"]["confirm"]
    assert "gatewatch.break_glass" not in by_id  # off by default
    text = json.dumps(payload, ensure_ascii=False)
    assert "`alice`" in text
    assert f"`{PLAN.hash[:12]}`" in text


def test_a_long_plan_is_cut_and_says_so():
    hub = Hub()
    hub.set_actions(OPENED, proposed(tuple(Sentence("test", {"destination": "d" * 200}) for _ in range(500))))
    hub.post(OPENED)
    payload = hub.channel.of("opened")
    assert slack_problems(payload) == ()
    assert "and 49" in json.dumps(payload)


def test_a_closed_exposure_has_no_buttons_any_more():
    hub = Hub()
    hub.post(OPENED)
    hub.post(CLOSED)
    assert action_ids(hub.channel.of("opened")) == []


def test_a_state_that_cannot_be_read_keeps_no_alert_from_being_delivered():
    hub = Hub()
    hub.table.rows[f"action#{content_id(OPENED)}"] = {"pk": {"S": "x"}, "body": {"S": "{"}, "version": {"N": "1"}}
    hub.post(OPENED)
    assert action_ids(hub.channel.of("opened")) == []
