"""Clicks that are worked off: what each does, who is refused, and who is informed of what."""

import dataclasses
import logging
from concurrent.futures import ThreadPoolExecutor

import boto3
import msgspec
import pytest
import yaml
from moto import mock_aws

from gatewatch.actions.click import Click
from gatewatch.actions.due import DueAlerts
from gatewatch.actions.identity_center import FoundUser
from gatewatch.actions.slack_users import SlackUsers
from gatewatch.aws.hub_table import HubTableError
from gatewatch.config.destinations import SlackWebhook, SnsTopic
from gatewatch.config.people import PersonEntry
from gatewatch.config.suppression_rules import PolicyException
from gatewatch.delivery.action_store import ACTIONS
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UndecodableError
from gatewatch.model.alert_actions import NO_ACTIONS, ActionButton, ActionEvent
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.iam import Entity, IamFacts, IamOperation
from gatewatch.model.message import Rollup
from gatewatch.model.monitoring import MonitoringComponent, MonitoringEffect, MonitoringFacts
from gatewatch.model.revert import RevertOutcome, RevertReport
from gatewatch.model.severity import Severity
from gatewatch.remediation.revert.plan import NotRevertibleError, Obstacle
from support.act import LABELS, PEOPLE, ActingHub
from support.actions import CAROL, NOW, PLAN, SETTINGS, AtomicDynamoDB
from support.slack_requests import ALERT
from support.tables import create_table
from support.threads import CLOSED, OPENED, alert

ENGLISH = LABELS["en"].action


@pytest.fixture
def dynamodb():
    with mock_aws():
        client = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        create_table(client, "t")
        yield AtomicDynamoDB(client)


@pytest.fixture
def hub(dynamodb):
    return ActingHub(dynamodb)


@pytest.fixture
def where(hub):
    return hub.post(OPENED)


def titles(messages):
    return [each.notification.title.key for each in messages]


def refusals(hub):
    """The reasons that people were given, as keys of the labels."""
    keys = {text: key.removeprefix("refused_") for key, text in ENGLISH.items() if key.startswith("refused_")}
    return [keys[text] for text in hub.workspace.texts()]


def test_an_acknowledged_alert_says_so_in_the_thread_and_stops_its_escalation(hub, where):
    hub.click(where, "acknowledge")
    assert hub.status(where) == "acknowledged"
    assert hub.stopped == [OPENED.notification]
    (note,) = hub.deliver()
    assert note.notification.title.values["person"] == "alice"
    assert hub.channel.thread(note.notification.key) == "opened"
    assert "acknowledge" not in str(hub.channel.of("opened"))
    assert hub.meter.names == ["Actions"]


def test_the_audit_record_has_user_identity_message_and_request(hub, where):
    click = hub.click(where, "acknowledge", "U0BOB")
    (record,) = hub.actions(where).audit
    assert (record.person.id, record.person.identities) == ("U0BOB", ("bob@example.com",))
    assert (record.source, record.key, record.at) == (f"{where[1]}/{where[2]}", click.key, NOW)


def test_a_double_click_has_one_effect_and_says_to_the_second_why(hub, where):
    hub.click(where, "acknowledge")
    hub.click(where, "acknowledge")
    assert len(hub.actions(where).audit) == 1
    assert refusals(hub) == ["not_acknowledged"]


def test_a_click_that_is_worked_off_again_has_one_effect_and_loses_no_note(hub, where):
    hub.outbox.is_down = True
    click = None
    with pytest.raises(TransientDeliveryError):
        click = hub.click(where, "acknowledge", key="a" * 64)
    hub.outbox.is_down = False
    for _ in range(2):
        hub.click(where, "acknowledge", key="a" * 64)
    assert click is None
    assert len(hub.actions(where).audit) == 1
    assert len({each.key for each in hub.outbox.messages}) == 1  # the ledger delivers it once
    assert hub.workspace.texts() == []


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"ts": "1712345678.999999"}, "another message"),
        ({"channel": "C0OTHER"}, "another channel"),
        ({"alert": ALERT}, "an id that no alert has"),
    ],
)
def test_a_forged_value_has_no_effect(hub, where, fields, name):
    assert name
    hub.click(where, "acknowledge", **fields)
    assert hub.status(where) == "open"
    assert refusals(hub) == ["unknown_alert"]


def test_the_id_of_another_alert_is_refused_in_this_message(hub, where):
    other = hub.post(alert("other", Severity.CRITICAL, at=5.0))
    hub.click((other[0], *where[1:]), "acknowledge")
    assert (hub.status(where), hub.status(other)) == ("open", "open")
    assert refusals(hub) == ["unknown_alert"]


NO_MEMBERS = {
    "deactivated": {"deleted": True},
    "bot": {"is_bot": True},
    "guest of several channels": {"is_restricted": True},
    "guest of one channel": {"is_ultra_restricted": True},
    "guest from another organization": {"is_stranger": True},
    "member of another workspace": {"team_id": "T0OTHER"},
    "user that Slack describes in another form": {"deleted": None},
    "user of another id": {"id": "U0OTHER"},
}


@pytest.mark.parametrize("fields", NO_MEMBERS.values(), ids=NO_MEMBERS)
def test_only_full_members_of_the_workspace_act(hub, where, fields):
    hub.workspace.add("U0MALLORY", **fields)
    hub.click(where, "acknowledge", "U0MALLORY")
    assert hub.status(where) == "open"
    assert refusals(hub) == ["not_a_member"]


GRID = msgspec.structs.replace(SETTINGS, enterprise="E0ORG")


@pytest.mark.parametrize(
    ("settings", "organization", "teams", "may"),
    [
        (GRID, "E0ORG", ["T0OTHER", "T0TEAM"], True),
        (GRID, "E0ORG", ["T0OTHER"], False),
        (GRID, "E0ORG", None, False),
        (GRID, "E0ORG", "T0TEAM", False),
        (GRID, "E0OTHER", ["T0TEAM"], False),
        (GRID, None, ["T0TEAM"], False),
        (SETTINGS, "E0ORG", ["T0TEAM"], False),
        (SETTINGS, "", ["T0TEAM"], False),
    ],
)
def test_on_enterprise_grid_only_members_of_the_workspace_act(dynamodb, settings, organization, teams, may):
    hub = ActingHub(dynamodb, settings)
    where = hub.post(OPENED)
    enterprise = {"id": "U0ALICE", "enterprise_id": organization, "teams": teams}
    hub.workspace.add("U0ALICE", team_id="E0ORG", enterprise_user=enterprise)
    hub.click(where, "acknowledge")
    assert (hub.status(where) == "acknowledged") is may


def test_an_address_that_is_not_confirmed_is_nobodys(dynamodb):
    hub = ActingHub(dynamodb)
    mallory = {"profile": {"email": "bob@example.com"}, "is_email_confirmed": False}
    hub.workspace.add("U0MALLORY", **mallory)
    people = (PersonEntry(("arn:aws:iam::111122223333:user/bob",), email="bob@example.com"),)
    users = SlackUsers(hub.workspace, SETTINGS, people)
    hub.handler = dataclasses.replace(hub.handler, users=users)
    where = hub.post(OPENED)
    hub.click(where, "propose_revert", "U0MALLORY")
    assert refusals(hub) == ["mapped"]


def test_a_user_who_does_not_exist_and_users_that_cannot_be_read_are_refused(hub, where):
    hub.click(where, "acknowledge", "U0NOBODY")
    hub.workspace.error = PermanentDeliveryError("missing_scope")
    hub.click(where, "acknowledge")
    assert hub.status(where) == "open"


def test_a_click_is_tried_again_while_slack_does_not_answer(hub, where):
    hub.workspace.error = TransientDeliveryError("ratelimited")
    with pytest.raises(TransientDeliveryError):
        hub.click(where, "acknowledge")


def test_a_member_who_is_not_mapped_may_acknowledge_only(hub, where):
    hub.workspace.add("U0DAVE")
    hub.click(where, "propose_revert", "U0DAVE")
    assert refusals(hub) == ["mapped"]
    assert hub.reverts.planned == 0  # nothing is read in the member account
    hub.click(where, "acknowledge", "U0DAVE")
    assert hub.status(where) == "acknowledged"


class Directory:
    """Stands for `IdentityCenter`: user names by address, or one problem for everybody."""

    def __init__(self, names, problem="no_user"):
        self.names, self.problem = names, problem

    def find(self, email):
        name = self.names.get(email, "")
        return FoundUser(name) if name else FoundUser(problem=self.problem)


def looked_up(dynamodb, names, problem="no_user", settings=SETTINGS):
    """A hub that looks up who is not in `people`."""
    hub = ActingHub(dynamodb, settings)
    users = SlackUsers(hub.workspace, settings, PEOPLE, Directory(names, problem))
    hub.handler = dataclasses.replace(hub.handler, users=users)
    return hub


def test_a_looked_up_user_acts_under_the_user_name_of_identity_center(dynamodb):
    hub = looked_up(dynamodb, {"dave@example.com": "Dave.D"})
    hub.workspace.add("U0DAVE", profile={"email": "dave@example.com"})
    where = hub.post(alert("one", Severity.HIGH))
    hub.click(where, "snooze_day", "U0DAVE")
    assert hub.actions(where).audit[0].person.identities == ("dave.d",)


def test_a_looked_up_user_with_the_identity_of_who_proposed_does_not_approve(dynamodb):
    names = {"alice2@example.com": "alice-sso", "bob2@example.com": "bob@example.com"}
    hub = looked_up(dynamodb, names, settings=msgspec.structs.replace(SETTINGS, allow=("U0BOB", "U0ALSO")))
    hub.workspace.add("U0ALSO", profile={"email": "bob2@example.com"})
    where = hub.post(OPENED)
    hub.click(where, "propose_revert", "U0BOB")
    hub.click(where, "approve_revert", "U0ALSO", proposal=hub.proposal(where))
    assert refusals(hub) == ["second_person"]


@pytest.mark.parametrize(
    ("problem", "fields"),
    [
        ("no_user", {"profile": {"email": "dave@example.com"}}),
        ("not_readable", {"profile": {"email": "dave@example.com"}}),
        ("no_user", {"profile": {"email": "alice-sso@example.com"}, "is_email_confirmed": False}),
    ],
)
def test_who_is_not_found_may_acknowledge_only_and_gets_the_reason(dynamodb, problem, fields):
    hub = looked_up(dynamodb, {"alice-sso@example.com": "alice-sso"}, problem)
    hub.workspace.add("U0DAVE", **fields)
    where = hub.post(OPENED)
    hub.click(where, "propose_revert", "U0DAVE")
    assert refusals(hub) == [f"mapped_{problem}"]
    hub.click(where, "acknowledge", "U0DAVE")
    assert hub.status(where) == "acknowledged"


def test_a_snooze_ends_at_its_time(hub):
    where = hub.post(alert("one", Severity.HIGH))
    hub.click(where, "snooze_hour")
    assert hub.status(where) == "snoozed"
    hub.now += 3599
    hub.due_transitions.settle_due()
    assert hub.status(where) == "snoozed"
    hub.now += 1
    hub.due_transitions.settle_due()
    hub.due_transitions.settle_due()
    assert hub.status(where) == "open"
    assert titles(hub.deliver()) == ["action_snooze", "action_end_snooze"]
    assert [now for _, now in hub.resumed] == [NOW + 3600]
    hub.click(where, "acknowledge")
    assert hub.status(where) == "acknowledged"


def in_zone(message, zone="Asia/Seoul"):
    found = message.notification.alert
    account = msgspec.structs.replace(found.account, timezone=zone)
    notification = msgspec.structs.replace(message.notification, alert=msgspec.structs.replace(found, account=account))
    return msgspec.structs.replace(message, notification=notification)


@pytest.mark.parametrize("button", ["snooze_hour", "propose_revert"])
def test_times_are_shown_in_the_time_zone_of_the_account(hub, button):
    where = hub.post(in_zone(alert("a", Severity.MEDIUM)))
    hub.click(where, button)
    (note,) = hub.deliver()
    assert note.notification.paragraphs[0][0].values["time"].endswith(" KST")
    (shown,) = [line for line in texts_in(hub.channel.of("a")) if "until" in line]
    assert " KST" in shown
    assert "UTC" not in shown


def texts_in(message):
    """The texts of the blocks of a Slack message."""
    blocks = [block for each in message["attachments"] for block in each["blocks"]]
    return [block["text"]["text"] for block in blocks if block["type"] == "section" and "text" in block]


def test_a_snooze_ends_when_an_alert_about_the_same_group_has_a_higher_severity(hub):
    snoozed, same = alert("a", Severity.MEDIUM), alert("b", Severity.MEDIUM, at=1.0)
    where = hub.post(snoozed)
    hub.click(where, "snooze_day")
    hub.post(same)
    hub.post(alert("d", Severity.CRITICAL, at=9.0, group_key="1/eu-west-1/sg-2"))
    hub.due_transitions.settle_due()
    assert hub.status(where) == "snoozed"
    hub.post(alert("e", Severity.HIGH, at=10.0))
    hub.due_transitions.settle_due()
    assert hub.status(where) == "open"
    assert titles(hub.deliver()) == ["action_snooze", "action_raise_severity"]


def about(key, severity, change, at=0.0, **actor):
    """An alert of one change, which names its subject."""
    message = alert(key, severity, at=at, group_key="")
    found = message.notification.alert
    changes = (msgspec.structs.replace(found.changes[0], change=change),)
    call = msgspec.structs.replace(found.call, actor=msgspec.structs.replace(found.call.actor, **actor))
    notification = msgspec.structs.replace(
        message.notification, alert=msgspec.structs.replace(found, changes=changes, call=call)
    )
    return msgspec.structs.replace(message, notification=notification)


def changed(family, **fields):
    return Change(family=family, action=Action.OTHER, outcome=Outcome.APPLIED, **fields)


def role_change(name):
    return changed(Family.IAM, facts=IamFacts(operation=IamOperation.TRUST_CHANGED, entity=Entity("role", name)))


def trail_change(name):
    facts = MonitoringFacts(component=MonitoringComponent.TRAIL, name=name, effect=MonitoringEffect.DISABLES)
    return changed(Family.HUB, facts=facts)


def bucket_change(name):
    return changed(Family.PUBLIC_ACCESS, resource_id=name)


@pytest.mark.parametrize("change", [role_change, trail_change, bucket_change])
def test_a_snooze_ends_when_an_alert_about_the_same_resource_or_principal_has_a_higher_severity(hub, change):
    where = hub.post(about("a", Severity.MEDIUM, change("one")))
    hub.click(where, "snooze_day")
    hub.post(about("b", Severity.CRITICAL, change("other"), at=1.0))
    hub.post(about("c", Severity.MEDIUM, change("one"), at=2.0))
    hub.due_transitions.settle_due()
    assert hub.status(where) == "snoozed"
    hub.post(about("d", Severity.HIGH, change("one"), at=3.0))
    hub.due_transitions.settle_due()
    assert hub.status(where) == "open"


def test_an_alert_without_a_resource_is_about_its_actor(hub):
    nothing = changed(Family.DETECTION)
    where = hub.post(about("a", Severity.MEDIUM, nothing, name="mallory"))
    hub.click(where, "snooze_day")
    hub.post(about("b", Severity.CRITICAL, nothing, at=1.0, name="eve"))
    hub.due_transitions.settle_due()
    assert hub.status(where) == "snoozed"
    hub.post(about("c", Severity.CRITICAL, nothing, at=2.0, name="mallory"))
    hub.due_transitions.settle_due()
    assert hub.status(where) == "open"


@pytest.mark.parametrize(
    ("button", "seconds", "title"),
    [("snooze_hour", 3600, "action_end_snooze"), ("propose_revert", 900, "action_expire_revert")],
)
def test_a_note_is_not_lost_when_the_process_ends_between_the_state_and_the_note(hub, button, seconds, title):
    where = hub.post(alert("one", Severity.HIGH))
    hub.click(where, button)
    hub.deliver()
    hub.now += seconds
    hub.outbox.is_down = True
    with pytest.raises(TransientDeliveryError):
        hub.due_transitions.settle_due()
    hub.outbox.is_down = False
    hub.now += 60
    for _ in range(2):
        hub.due_transitions.settle_due()
    assert titles(hub.deliver()) == [title]


@pytest.mark.parametrize("decision", ["reject_revert", "expired", "failed"])
def test_a_snooze_ends_at_its_time_whatever_became_of_a_proposed_revert(hub, decision):
    where = hub.post(alert("one", Severity.HIGH))
    hub.click(where, "snooze_hour")
    hub.click(where, "propose_revert")
    if decision == "reject_revert":
        hub.click(where, "reject_revert", "U0BOB", proposal=hub.proposal(where))
    elif decision == "failed":
        hub.reverts.report = RevertReport(RevertOutcome.FAILED)
        hub.click(where, "approve_revert", "U0BOB", proposal=hub.proposal(where))
    hub.now += 900
    hub.due_transitions.settle_due()
    assert hub.status(where) == ("revert_failed" if decision == "failed" else "snoozed")
    hub.now += 2700
    hub.due_transitions.settle_due()
    assert hub.actions(where).snoozed is None
    assert hub.status(where) == ("revert_failed" if decision == "failed" else "open")
    assert [now for _, now in hub.resumed] == [NOW + 3600]
    assert titles(hub.deliver())[-1] == "action_end_snooze"


def test_a_proposal_expires_although_a_higher_severity_ended_the_snooze_before(hub):
    where = hub.post(alert("a", Severity.MEDIUM))
    hub.click(where, "snooze_day")
    hub.click(where, "propose_revert")
    hub.post(alert("b", Severity.HIGH, at=1.0))
    hub.due_transitions.settle_due()
    assert (hub.status(where), hub.actions(where).snoozed) == ("revert_proposed", None)
    assert len(hub.resumed) == 1
    hub.now += 900
    hub.due_transitions.settle_due()
    assert hub.status(where) == "revert_expired"
    assert titles(hub.deliver())[-2:] == ["action_raise_severity", "action_expire_revert"]


@pytest.mark.parametrize("button", ["propose_exception", "propose_revert", "snooze_day"])
def test_a_higher_severity_is_not_forgotten_because_somebody_clicked_before_it_was_looked_at(hub, button):
    where = hub.post(alert("a", Severity.MEDIUM))
    hub.click(where, "snooze_day")
    hub.post(alert("b", Severity.HIGH, at=1.0))
    hub.click(where, button, inputs={"reason": "planned"})
    hub.due_transitions.settle_due()
    assert hub.actions(where).snoozed is None
    assert len(hub.resumed) == 1


def test_an_acknowledged_alert_whose_proposed_revert_expires_is_acknowledged(hub, where):
    hub.click(where, "acknowledge", "U0CAROL")
    hub.click(where, "propose_revert")
    hub.now += 900
    hub.due_transitions.settle_due()
    assert hub.status(where) == "acknowledged"
    hub.deliver()
    assert "Acknowledged by" in str(hub.channel.of("opened"))


def test_a_snooze_that_starts_while_the_one_before_ends_is_not_forgotten(hub):
    where = hub.post(alert("one", Severity.HIGH))
    hub.click(where, "snooze_hour")
    hub.now += 3600
    (ended,) = DueAlerts(hub.table).due(hub.now)
    hub.click(where, "snooze_hour")
    DueAlerts(hub.table).settled(ended, NO_ACTIONS)  # by a process that read it before the click
    hub.now += 3600
    hub.due_transitions.settle_due()
    assert hub.status(where) == "open"


def test_two_alerts_about_one_group_that_are_snoozed_at_once_both_end_when_the_severity_rises(hub):
    places = [hub.post(alert(f"n{number}", Severity.MEDIUM)) for number in range(8)]
    clicks = [
        Click(
            key=f"{number:064x}",
            button=ActionButton.SNOOZE_DAY,
            alert=where[0],
            user="U0ALICE",
            channel=where[1],
            ts=where[2],
            at=NOW,
        )
        for number, where in enumerate(places)
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hub.work_off, clicks))
    hub.post(alert("worse", Severity.HIGH, at=1.0))
    hub.due_transitions.settle_due()
    assert {hub.status(where) for where in places} == {"open"}


def test_a_note_is_not_repeated_after_a_person_did_something_else(hub):
    where = hub.post(alert("one", Severity.HIGH))
    hub.click(where, "snooze_hour")
    hub.now += 3600
    hub.outbox.is_down = True
    with pytest.raises(TransientDeliveryError):
        hub.due_transitions.settle_due()
    hub.outbox.is_down = False
    hub.click(where, "acknowledge")
    hub.due_transitions.settle_due()
    assert hub.resumed == []
    assert hub.status(where) == "acknowledged"


def test_one_alert_that_cannot_be_settled_does_not_keep_the_others(hub):
    places = [hub.post(alert(name, Severity.HIGH)) for name in ("one", "two", "three")]
    for where in places:
        hub.click(where, "snooze_hour")
    broken = places[1][0]
    hub.table.update(ACTIONS, broken, "SET body = :body", {":body": "{"})
    hub.now += 3600
    with pytest.raises(HubTableError):
        hub.due_transitions.settle_due()
    assert [hub.status(where) for where in (places[0], places[2])] == ["open", "open"]


@pytest.mark.parametrize(
    ("zone", "until", "hours"),
    [  # it is 2027-01-15 08:00 in UTC, 17:00 in Seoul and 03:00 in New York
        ("UTC", "2027-01-16", 16),
        ("Asia/Seoul", "2027-01-16", 7),
        ("America/New_York", "2027-01-16", 21),
        ("Asia/Kathmandu", "2027-01-17", 34.25),
        ("UTC", "2027-02-14", 30 * 24 - 8),
    ],
)
def test_a_snooze_until_a_day_ends_when_the_day_starts_where_the_account_is(hub, zone, until, hours):
    where = hub.post(in_zone(alert("one", Severity.HIGH), zone))
    hub.click(where, "snooze_until", inputs={"until": until})
    assert hub.actions(where).snoozed_until == NOW + hours * 3600


@pytest.mark.parametrize(
    "until", ["2027-01-14", "2027-01-15", "2027-06-01", "9999-12-31", "tomorrow", "", "2027-02-31"]
)
def test_a_day_that_is_none_or_too_far_away_is_refused(hub, until):
    where = hub.post(alert("one", Severity.HIGH))
    hub.click(where, "snooze_until", inputs={"until": until})
    assert refusals(hub) == ["snooze_in_range"]


def test_a_critical_alert_is_not_snoozed_by_a_click_that_has_no_button(hub, where):
    hub.click(where, "snooze_day")
    assert refusals(hub) == ["not_critical"]


def test_two_people_revert_and_the_thread_has_plan_result_and_undo(hub, where):
    hub.click(where, "propose_revert", "U0ALICE")
    hub.click(where, "approve_revert", "U0BOB", proposal=hub.proposal(where))
    assert hub.status(where) == "reverted"
    assert hub.reverts.executed == [PLAN]
    notes = hub.deliver()
    assert titles(notes) == ["action_propose_revert", "action_approve_revert", "action_complete_revert"]
    assert PLAN.hash in str(notes[0].notification.paragraphs)
    assert "gatewatch undo rev-1" in str(notes[2].notification.paragraphs)
    assert hub.stopped == [OPENED.notification]


def test_a_decision_from_a_terminal_while_a_click_executes_the_revert_is_refused(hub, where):
    hub.click(where, "propose_revert", "U0ALICE")
    proposal, execute = hub.proposal(where), hub.reverts.execute
    at_terminal = {"user": "terminal", "channel": "terminal", "ts": "", "alert": where[0], "at": NOW}

    def meanwhile(plan, notification):
        for button in ("approve_revert", "reject_revert", "break_glass", "propose_revert", "propose_undo"):
            decision = Click(
                key=button, button=ActionButton(button), proposal=proposal, inputs={"reason": "now"}, **at_terminal
            )
            hub.handler.act(decision, hub.handler.alerts.find(where[0]), CAROL)
        return execute(plan, notification)

    hub.reverts.execute = meanwhile
    hub.click(where, "approve_revert", "U0BOB", proposal=proposal)
    assert (hub.status(where), hub.reverts.executed) == ("reverted", [PLAN])
    assert refusals(hub) == ["status_revert_executing"] * 5


def test_who_proposed_does_not_approve_and_gets_the_reason(hub, where):
    hub.click(where, "propose_revert", "U0ALICE")
    hub.click(where, "approve_revert", "U0ALICE", proposal=hub.proposal(where))
    assert refusals(hub) == ["second_person"]
    assert hub.reverts.executed == []


def test_a_click_on_a_message_with_an_older_proposal_is_refused(hub, where):
    hub.click(where, "propose_revert", "U0ALICE")
    old = hub.proposal(where)
    hub.click(where, "reject_revert", "U0BOB", proposal=old)
    hub.click(where, "propose_revert", "U0CAROL")
    hub.click(where, "approve_revert", "U0BOB", proposal=old)
    assert refusals(hub) == ["current_proposal"]
    assert hub.reverts.executed == []


def test_an_approval_that_comes_too_late_expires_the_proposal(hub, where):
    hub.click(where, "propose_revert", "U0ALICE")
    hub.now += 900
    hub.click(where, "approve_revert", "U0BOB", proposal=hub.proposal(where), at=NOW)
    assert hub.status(where) == "revert_expired"
    assert hub.reverts.executed == []


def test_a_proposal_that_is_worked_off_again_keeps_its_plan_and_its_note(hub, where):
    hub.outbox.is_down = True
    with pytest.raises(TransientDeliveryError):
        hub.click(where, "propose_revert", key="e" * 64)
    hub.outbox.is_down, hub.reverts.refusal = False, NotRevertibleError(Obstacle.ALREADY_CLOSED)
    hub.click(where, "propose_revert", key="e" * 64)
    assert (hub.status(where), hub.reverts.planned) == ("revert_proposed", 1)
    assert titles(hub.deliver()) == ["action_propose_revert"]
    assert hub.workspace.texts() == []
    hub.now += 900
    hub.due_transitions.settle_due()
    assert hub.status(where) == "revert_expired"


def test_a_proposal_expires_without_a_click_and_its_message_says_so(hub, where):
    hub.click(where, "propose_revert")
    hub.now += 900
    hub.due_transitions.settle_due()
    assert hub.status(where) == "revert_expired"
    assert titles(hub.deliver())[-1] == "action_expire_revert"


def test_a_resource_that_changed_since_the_plan_stops_the_revert(hub, where):
    hub.reverts.report = RevertReport(RevertOutcome.CHANGED)
    hub.click(where, "propose_revert", "U0ALICE")
    hub.click(where, "approve_revert", "U0BOB", proposal=hub.proposal(where))
    assert hub.status(where) == "revert_failed"
    assert titles(hub.deliver())[-1] == "action_fail_revert"


def test_an_execution_that_was_interrupted_is_started_again_and_one_that_ended_is_not(hub, where):
    hub.click(where, "propose_revert", "U0ALICE")
    proposal, done = hub.proposal(where), hub.reverts.report
    hub.reverts.report = TransientDeliveryError("the process ended")
    with pytest.raises(TransientDeliveryError):
        hub.click(where, "approve_revert", "U0BOB", key="b" * 64, proposal=proposal)
    assert hub.status(where) == "revert_executing"
    hub.reverts.report = done
    for _ in range(3):
        hub.click(where, "approve_revert", "U0BOB", key="b" * 64, proposal=proposal)
    assert hub.status(where) == "reverted"
    assert len(hub.reverts.executed) == 2
    assert hub.workspace.texts() == []


def test_a_revert_on_which_the_queue_gave_up_does_not_stay_open_for_ever(hub, where):
    hub.click(where, "propose_revert", "U0ALICE")
    hub.reverts.report = TransientDeliveryError("the process ended")
    with pytest.raises(TransientDeliveryError):
        hub.click(where, "approve_revert", "U0BOB", proposal=hub.proposal(where))
    hub.now += 3899
    hub.due_transitions.settle_due()
    assert hub.status(where) == "revert_executing"
    hub.now += 1
    hub.due_transitions.settle_due()
    assert hub.status(where) == "revert_failed"
    assert titles(hub.deliver())[-1] == "action_abandon_revert"
    hub.click(where, "propose_revert", "U0ALICE")
    assert hub.status(where) == "revert_proposed"


def test_what_cannot_be_reverted_is_said_to_the_person_and_nothing_is_proposed(hub, where):
    hub.reverts.refusal = NotRevertibleError(Obstacle.REQUIRED, "sg-1")
    hub.click(where, "propose_revert")
    assert hub.status(where) == "open"
    assert len(hub.workspace.texts()) == 1


def test_break_glass_executes_with_a_reason_and_informs_everybody(dynamodb):
    hub = ActingHub(
        dynamodb, msgspec.structs.replace(SETTINGS, break_glass=True), alerts=SnsTopic(), hook=SlackWebhook(None)
    )
    where = hub.post(OPENED)
    hub.click(where, "propose_revert", "U0ALICE")
    hub.click(where, "break_glass", "U0ALICE", proposal=hub.proposal(where), inputs={"reason": "<!channel> *now*"})
    assert hub.status(where) == "reverted"
    everybody = [each for each in hub.outbox.messages if each.notification.title.key == "action_break_glass_title"]
    assert [each.destination for each in everybody] == ["sec-app"]  # the default destinations
    assert everybody[0].notification.severity is Severity.HIGH
    hub.deliver()
    assert "<!channel>" not in str(hub.channel.shown)


@pytest.fixture
def undoable(hub, where):
    """An alert that alice and bob reverted, and whose message knows since then that it is closed."""
    hub.click(where, "propose_revert", "U0ALICE")
    hub.click(where, "approve_revert", "U0BOB", proposal=hub.proposal(where))
    hub.deliver()
    hub.post(CLOSED)
    return where


def buttons(hub, where):
    """The names of the buttons that the message has now."""
    blocks = [block for each in hub.channel.shown[where[2]][1]["attachments"] for block in each["blocks"]]
    elements = [each for block in blocks if block["type"] == "actions" for each in block["elements"]]
    return [each["action_id"].removeprefix("gatewatch.") for each in elements if each["type"] == "button"]


def test_two_people_undo_a_revert_from_the_message_that_says_reverted(hub, undoable):
    assert "propose_undo" in buttons(hub, undoable)
    hub.click(undoable, "propose_undo", "U0CAROL")
    hub.deliver()
    assert {"approve_undo", "reject_undo"} <= set(buttons(hub, undoable))
    hub.click(undoable, "approve_undo", "U0CAROL", proposal=hub.proposal(undoable))
    assert refusals(hub) == ["second_person"]
    hub.click(undoable, "approve_undo", "U0ALICE", proposal=hub.proposal(undoable))
    assert hub.status(undoable) == "undone"
    assert len(hub.reverts.undone) == 1
    assert [now for _, now in hub.resumed] == [NOW]
    notes = hub.deliver()
    assert titles(notes) == ["action_approve_undo", "action_complete_undo"]
    assert "gatewatch undo" not in str(notes[-1].notification.paragraphs)
    assert "Revert undone" in str(hub.channel.shown[undoable[2]])
    hub.due_transitions.settle_due()
    assert hub.status(undoable) == "undone"


def test_a_double_click_and_a_repeated_approval_undo_a_revert_once(hub, undoable):
    for _ in range(2):
        hub.click(undoable, "propose_undo", "U0ALICE")
    assert refusals(hub) == ["status_undo_proposed"]
    for _ in range(3):
        hub.click(undoable, "approve_undo", "U0BOB", key="c" * 64, proposal=hub.proposal(undoable))
    assert (hub.status(undoable), len(hub.reverts.undone)) == ("undone", 1)


def test_the_approval_of_a_revert_is_no_approval_of_its_undo(hub, undoable):
    old = hub.proposal(undoable)
    hub.click(undoable, "propose_undo", "U0ALICE")
    hub.click(undoable, "approve_undo", "U0BOB", proposal=old)
    hub.click(undoable, "approve_revert", "U0BOB", proposal=hub.proposal(undoable))
    assert refusals(hub) == ["current_proposal", "status_undo_proposed"]
    assert hub.reverts.undone == []


def test_an_undo_of_something_that_changed_meanwhile_is_not_done(hub, undoable):
    hub.click(undoable, "propose_undo", "U0ALICE")
    hub.reverts.report = RevertReport(RevertOutcome.CHANGED, (), "rev-1")
    hub.click(undoable, "approve_undo", "U0BOB", proposal=hub.proposal(undoable))
    assert hub.status(undoable) == "undo_failed"
    assert titles(hub.deliver())[-1] == "action_fail_undo"


def test_an_undo_that_is_not_possible_is_said_to_the_person_without_a_command_that_closes(hub, undoable):
    hub.reverts.refusal = NotRevertibleError(Obstacle.NOT_READABLE, "AccessDenied")
    hub.click(undoable, "propose_undo", "U0ALICE")
    assert hub.status(undoable) == "reverted"
    assert ["aws " in each for each in hub.workspace.texts()] == [False]


def test_an_undo_that_was_interrupted_is_started_again_and_expires_without_approval(hub, undoable):
    hub.click(undoable, "propose_undo", "U0ALICE")
    hub.now += 900
    hub.due_transitions.settle_due()
    assert hub.status(undoable) == "reverted"
    hub.click(undoable, "propose_undo", "U0ALICE")
    proposal, done = hub.proposal(undoable), hub.reverts.report
    hub.reverts.report = TransientDeliveryError("the process ended")
    with pytest.raises(TransientDeliveryError):
        hub.click(undoable, "approve_undo", "U0BOB", key="d" * 64, proposal=proposal)
    assert hub.status(undoable) == "undo_executing"
    hub.reverts.report = done
    hub.click(undoable, "approve_undo", "U0BOB", key="d" * 64, proposal=proposal)
    assert (hub.status(undoable), len(hub.reverts.undone)) == ("undone", 2)


def test_an_alert_that_was_closed_meanwhile_is_closed_for_clicks(hub, where):
    hub.post(CLOSED)
    hub.click(where, "propose_revert")
    assert hub.status(where) == "closed"
    assert refusals(hub) == ["status_closed"]
    assert hub.reverts.planned == 0


def by_session(name):
    """An alert by a session of IAM Identity Center with this name."""
    message = alert("by a person", Severity.HIGH)
    actor = msgspec.structs.replace(
        message.notification.alert.call.actor, type="AssumedRole", session=name, is_session_verified=True
    )
    call = msgspec.structs.replace(message.notification.alert.call, actor=actor)
    changed = msgspec.structs.replace(message.notification.alert, call=call)
    return msgspec.structs.replace(message, notification=msgspec.structs.replace(message.notification, alert=changed))


def test_the_actor_is_asked_in_a_direct_message_and_the_answer_is_in_the_thread(hub):
    hub.workspace.add("U0MALLORY", profile={"email": "mallory@example.com"})
    where = hub.post(by_session("mallory@example.com"))
    hub.click(where, "ask_actor")
    method, fields = hub.workspace.calls[-1]
    assert (method, fields["channel"]) == ("chat.postMessage", "U0MALLORY")
    (buttons,) = [block["elements"] for block in fields["blocks"] if block["type"] == "actions"]
    assert [each["value"] for each in buttons] == [where[0]] * 2
    hub.click((where[0], "D0MALLORY", "9.9"), "answer_no", "U0BOB")
    assert refusals(hub) == ["was_asked"]
    hub.click((where[0], "D0MALLORY", "9.9"), "answer_no", "U0MALLORY")
    assert titles(hub.deliver())[-1] == "action_answer_no"


def test_the_actor_of_an_alert_is_asked_nothing_when_nobody_is_found(hub):
    where = hub.post(by_session("nobody@example.com"))
    hub.click(where, "ask_actor")
    assert refusals(hub) == ["actor_is_a_person"]


def test_a_session_name_that_the_caller_chose_asks_nobody(hub):
    message = by_session("alice@example.com")
    actor = msgspec.structs.replace(message.notification.alert.call.actor, is_session_verified=False)
    assert hub.handler.users.actor(actor) == ""


def test_an_exception_is_proposed_as_a_snippet_that_policy_yaml_accepts(hub, where):
    typed = {"owner": '"} \n- id: evil', "reason": "*expected*", "ticket": "SEC-1", "expires": "2027-01-31"}
    hub.click(where, "propose_exception", inputs=typed)
    (note,) = hub.outbox.messages
    (entry,) = yaml.safe_load(note.notification.excerpt)
    exception = msgspec.convert(entry, PolicyException)
    assert (exception.owner, exception.ticket) == (typed["owner"], "SEC-1")
    assert exception.match.account == "1"
    assert hub.status(where) == "open"


def test_a_rollup_is_acknowledged_as_one(hub):
    where = hub.post(Rollup(tuple(alert(f"n{number}", Severity.MEDIUM) for number in range(3))))
    hub.click(where, "acknowledge")
    assert hub.status(where) == "acknowledged"


def test_a_body_that_is_no_click_is_dead_lettered_by_the_queue(hub):
    with pytest.raises(UndecodableError):
        hub.handler.handle({"body": "{}"})


def test_every_reason_of_a_refusal_has_a_text():
    from gatewatch.actions import guards  # noqa: PLC0415
    from gatewatch.model.alert_actions import ActionStatus  # noqa: PLC0415

    named = {
        name
        for name, each in vars(guards).items()
        if callable(each) and getattr(each, "__annotations__", {}).get("return") == "bool" and not name.startswith("_")
    }
    assert {"mapped", "second_person"} <= named
    reasons = (
        named
        | {"mapped_no_user", "mapped_not_readable"}
        | {f"status_{each}" for each in ActionStatus}
        | {"unknown_alert", "not_a_member"}
    )
    for labels in LABELS.values():
        assert {f"refused_{each}" for each in reasons} <= set(labels.action)
        assert {f"action_{each}" for each in ActionEvent} <= set(labels.notice)


def test_no_secret_is_logged_and_the_log_names_person_action_and_alert(hub, where, caplog):
    caplog.set_level(logging.INFO, "test")
    hub.click(where, "acknowledge")
    (line,) = [each for each in caplog.records if each.message == "action"]
    assert (line.user, line.action, line.alert) == ("U0ALICE", "acknowledge", where[0])


def test_fifty_clicks_on_one_button_at_once_have_one_effect(hub, where):
    clicks = [
        Click(
            key=f"{number:064x}",
            button=ActionButton.ACKNOWLEDGE,
            alert=where[0],
            user="U0ALICE" if number % 2 else "U0BOB",
            channel=where[1],
            ts=where[2],
            at=NOW,
        )
        for number in range(50)
    ]
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(hub.work_off, clicks))
    assert len(hub.actions(where).audit) == len({each.key for each in hub.outbox.messages}) == 1
    assert hub.meter.names.count("Actions") == 1
    assert refusals(hub) == ["not_acknowledged"] * 49
