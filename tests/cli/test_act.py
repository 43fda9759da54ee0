"""`gatewatch act` on a hub in the embedded AWS, as two people with an identity of their own each."""

import json

import msgspec
import pytest
from typer.main import get_command

from gatewatch.actions.view import content_id
from gatewatch.alerts.notifications import notification_of
from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.aws.hub_table import HubTable
from gatewatch.cli.act import act_app
from gatewatch.config.settings import load_settings
from gatewatch.delivery.action_store import ActionStore, PostedMessage
from gatewatch.delivery.escalations import Escalations
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.route_escalations import RouteEscalations
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.delivery.wire import decode_message
from gatewatch.events.decoding import decode
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.aws.sessions import LocalCredentials, isolated_variables
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from gatewatch.model.alert_actions import ActionStatus
from gatewatch.model.message import OutboxMessage
from gatewatch.model.slack_thread import ParentMessage
from support.builders import authorize, event, item, rule_set
from support.command import gatewatch
from support.revert import rule_in_call
from support.tables import create_table

MEMBER, TABLE = "111122223333", "gatewatch-prod"
ROLES = {name: f"arn:aws:iam::{HUB_ACCOUNT}:role/{name}" for name in ("alice", "bob", "mallory", "stranger")}
ACCOUNTS = f"""
accounts: {{"{MEMBER}": {{alias: shop, environment: prod}}}}
people:
  - {{slack: U0ALICE, aws: ["{ROLES["alice"]}"]}}
  - {{slack: U0BOB, aws: ["{ROLES["bob"]}"]}}
  - {{slack: U0MALLORY, aws: ["{ROLES["mallory"]}", "arn:aws:iam::{MEMBER}:user/mallory"]}}
"""
POLICY = """
destinations: {sec-app: {kind: slack_app, channel: C0SEC, token: {ssm: /gatewatch/slack/token}}}
routes: [{to: [sec-app], escalate: {after: 15m, to: alerts}}]
actions:
  mode: %s
  team: T0TEAM
  app: A0APP
  signing_secret: {ssm: /gatewatch/actions/signing-secret}
  token: {ssm: /gatewatch/actions/token}
  allow: [U0ALICE, U0BOB, U0MALLORY]
  break_glass: true
"""


class Hub:
    """A hub with one alert in Slack: mallory opened SSH to the world in a member."""

    def __init__(self, cloud, folder):
        self.cloud, self.folder = cloud, folder
        (folder / "accounts.yaml").write_text(ACCOUNTS, "utf-8")
        self.set_mode("full")
        session = cloud.session(HUB_ACCOUNT, HUB_REGION)
        create_table(session.client("dynamodb"), TABLE)
        self.table = HubTable(session.client("dynamodb"), TABLE)
        self.sqs = session.client("sqs")
        self.outbox = self.sqs.create_queue(QueueName=f"{TABLE}-outbox.fifo", Attributes={"FifoQueue": "true"})[
            "QueueUrl"
        ]
        self.ec2 = cloud.session(MEMBER, HUB_REGION).client("ec2")
        self.notification = self._open()
        self.alert = self._post(self.notification)

    def settings(self):
        return load_settings(self.folder / "accounts.yaml", self.folder / "policy.yaml")

    def set_mode(self, mode):
        (self.folder / "policy.yaml").write_text(POLICY % mode, "utf-8")

    def _open(self):
        vpc = self.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        self.group = self.ec2.create_security_group(GroupName="web", Description="x", VpcId=vpc)["GroupId"]
        permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        made = self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[permission])
        response = rule_set(*(rule_in_call(each) for each in made["SecurityGroupRules"]))
        user = {
            "type": "IAMUser",
            "arn": f"arn:aws:iam::{MEMBER}:user/mallory",
            "accountId": MEMBER,
            "userName": "mallory",
        }
        found = authorize(item(v4=["0.0.0.0/0"]), response=response, awsRegion=HUB_REGION, userIdentity=user)
        (call,) = decode(event(found, region=HUB_REGION))
        return notification_of(assess_call(call, Assessor(self.settings(), InMemoryRuleHistory())))

    def _post(self, notification):
        message = OutboxMessage(destination="sec-app", notification=notification)
        name = content_id(message)
        ThreadStore(self.table).save_parent_later(
            "sec-app", message.key, ParentMessage(channel="C0SEC", ts="1.1", content=message)
        )
        ActionStore(self.table).record_message_later(name, PostedMessage("sec-app", message.key, "C0SEC", "1.1"))
        return name

    def post_again(self, count):
        """Post the same alert under other keys; return their ids."""
        return {
            self._post(msgspec.structs.replace(self.notification, key=f"again-{number}")) for number in range(count)
        }

    def rules(self):
        found = self.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [self.group]}])
        return [each["CidrIpv4"] for each in found["SecurityGroupRules"] if not each["IsEgress"]]

    def act(self, person, *arguments):
        """Run `gatewatch act` as the role of a person."""
        sts = self.cloud.session(HUB_ACCOUNT, HUB_REGION).client("sts")
        found = sts.assume_role(RoleArn=ROLES[person], RoleSessionName=person)["Credentials"]
        credentials = LocalCredentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
        with lambda_environment(isolated_variables(self.cloud.endpoint, HUB_REGION, credentials)):
            return gatewatch("act", *arguments, "--config", str(self.folder))

    def undo(self, change_id, *answers):
        with lambda_environment(self.cloud.variables(HUB_ACCOUNT, HUB_REGION)):
            return gatewatch("undo", change_id, *answers)

    def state(self, person="alice"):
        ran = self.act(person, "show", self.alert, "--format", "json")
        (found,) = json.loads(ran.out)
        return found

    def notes(self):
        """Return the titles of what was put on the outbox."""
        messages = self.sqs.receive_message(QueueUrl=self.outbox, MaxNumberOfMessages=10).get("Messages", [])
        return [decode_message(each["Body"]).notification.title.key for each in messages]


@pytest.fixture
def hub(tmp_path):
    with Cloud() as cloud:
        yield Hub(cloud, tmp_path)


def test_a_revert_needs_two_people_and_neither_is_the_actor(hub):
    assert hub.act("alice", "propose-revert", hub.alert).status == 0
    assert hub.state()["status"] == "revert_proposed"
    for person in ("alice", "mallory", "stranger"):
        refused = hub.act(person, "approve-revert", hub.alert, "--yes")
        assert (refused.status, refused.err.partition(":")[0]) == (1, "refused"), person
        assert hub.rules() == ["0.0.0.0/0"]
    approved = hub.act("bob", "approve-revert", hub.alert, "--yes", "--format", "json")
    assert (approved.status, hub.rules()) == (0, [])
    (state,) = json.loads(approved.out)
    assert state["status"] == "reverted"
    assert state["undo"] == f"gatewatch undo rev-{state['proposal']['hash'][:12]}"
    people = [(each["event"], each["person"], each["source"]) for each in state["audit"]]
    assert people[:2] == [("propose_revert", "U0ALICE", "terminal"), ("approve_revert", "U0BOB", "terminal")]
    assert state["audit"][1]["identities"] == [ROLES["bob"]]
    assert {"action_propose_revert", "action_approve_revert", "action_complete_revert"} <= set(hub.notes())


def test_a_revert_is_undone_by_its_change_id_after_a_confirmation(hub):
    hub.act("alice", "propose-revert", hub.alert)
    hub.act("bob", "approve-revert", hub.alert, "--yes")
    change_id = hub.state()["undo"].removeprefix("gatewatch undo ")
    asked = hub.undo(change_id)
    assert (asked.status, hub.rules()) == (1, [])
    assert f"Restore {hub.group}/sgr-" in asked.out
    assert (hub.undo(change_id, "--yes").status, hub.rules()) == (0, ["0.0.0.0/0"])
    assert (hub.undo(change_id, "--yes").status, hub.rules()) == (0, ["0.0.0.0/0"])


def test_two_people_undo_a_revert(hub):
    hub.act("alice", "propose-revert", hub.alert)
    hub.act("bob", "approve-revert", hub.alert, "--yes")
    assert hub.act("bob", "propose-undo", hub.alert).status == 0
    assert (hub.act("bob", "approve-undo", hub.alert, "--yes").status, hub.rules()) == (1, [])
    assert (hub.act("bob", "reject-undo", hub.alert).status, hub.state()["status"]) == (0, "reverted")
    hub.act("bob", "propose-undo", hub.alert)
    assert (hub.act("alice", "approve-undo", hub.alert, "--yes").status, hub.rules()) == (0, ["0.0.0.0/0"])
    assert hub.state()["status"] == "undone"


def test_a_decision_that_is_repeated_finishes_what_a_process_that_ended_left(hub):
    hub.act("alice", "propose-revert", hub.alert)
    assert hub.act("bob", "approve-revert", hub.alert, "--yes").status == 0
    store = ActionStore(hub.table)
    stored = store.load(hub.alert)
    started = msgspec.structs.replace(
        stored.actions, status=ActionStatus.REVERT_EXECUTING, result=None, audit=stored.actions.audit[:-1]
    )
    assert store.save(hub.alert, stored.version, started)  # as a process leaves it that ends after its last call of AWS
    assert hub.act("alice", "approve-revert", hub.alert, "--yes").status == 1
    for _ in range(2):
        assert hub.act("bob", "approve-revert", hub.alert, "--yes").status == 0
        assert hub.state()["status"] == "reverted"
    events = [each["event"] for each in hub.state()["audit"]]
    assert events == ["propose_revert", "approve_revert", "start_revert", "start_revert", "complete_revert"]


def test_the_plan_is_shown_with_its_hash_before_it_is_approved(hub):
    hub.act("alice", "propose-revert", hub.alert)
    ran = hub.act("bob", "approve-revert", hub.alert)
    assert f"plan {hub.state()['proposal']['hash']}" in ran.out
    assert (ran.status, hub.rules()) == (1, ["0.0.0.0/0"])


def test_a_revert_stops_when_the_rule_has_changed_and_the_exit_status_says_so(hub):
    hub.act("alice", "propose-revert", hub.alert)
    found = hub.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [hub.group]}])
    (rule,) = [each for each in found["SecurityGroupRules"] if not each["IsEgress"]]
    new = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "10.0.0.0/8"}
    update = {"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "SecurityGroupRule": new}
    hub.ec2.modify_security_group_rules(GroupId=hub.group, SecurityGroupRules=[update])
    ran = hub.act("bob", "approve-revert", hub.alert, "--yes")
    assert (ran.status, hub.rules()) == (1, ["10.0.0.0/8"])
    assert "changed since" in ran.out


def test_one_person_reverts_alone_with_a_reason(hub):
    hub.act("alice", "propose-revert", hub.alert)
    ran = hub.act("alice", "break-glass", hub.alert, "--reason", "nobody else is awake", "--yes")
    assert (ran.status, hub.rules()) == (0, [])
    assert "nobody else is awake" in ran.out
    assert "action_break_glass_title" in hub.notes()
    watched = Escalations(hub.table).due(float("inf"))
    assert len([each for each in watched if "action_break_glass_title" in each.key]) == 1


def test_an_alert_that_is_acknowledged_is_not_escalated(hub):
    escalations, outbox = Escalations(hub.table), Outbox(hub.sqs, hub.outbox)
    message = OutboxMessage(destination="sec-app", notification=hub.notification)
    routes = RouteEscalations(escalations, outbox, hub.settings())
    routes.schedule(hub.settings().routes, [message], arrived=0.0)
    assert escalations.due(float("inf"))
    hub.act("alice", "acknowledge", hub.alert)
    assert escalations.due(float("inf")) == []


def test_an_alert_is_acknowledged_and_listed(hub):
    assert hub.act("stranger", "acknowledge", hub.alert).status == 0
    (row,) = json.loads(hub.act("alice", "list", "--format", "json").out)
    assert (row["id"], row["status"], row["severity"]) == (hub.alert, "acknowledged", "critical")
    assert hub.state()["acknowledged_by"].endswith("assumed-role/stranger/stranger")
    again = hub.act("alice", "acknowledge", hub.alert)
    assert again.status == 1


def test_a_list_is_bounded_and_says_what_it_leaves_out(hub):
    older = hub.post_again(10)
    listed = hub.act("alice", "list", "--limit", "3", "--format", "json")
    assert len(json.loads(listed.out)) == 3
    assert "8 older alerts are not listed; use --limit" in listed.err
    assert len(older | {hub.alert}) == 11
    everything = hub.act("alice", "list", "--format", "json")
    assert {each["id"] for each in json.loads(everything.out)} == older | {hub.alert}
    assert everything.err == ""


@pytest.mark.parametrize("until", ["1h", "1d", "2100-01-01", "yesterday"])
def test_a_critical_alert_is_not_snoozed(hub, until):
    ran = hub.act("alice", "snooze", hub.alert, "--until", until)
    assert (ran.status, hub.state()["status"]) == (1, "open")


def test_an_exception_is_proposed_in_the_thread(hub):
    ran = hub.act(
        "alice", "propose-exception", hub.alert, "--reason", "scan", "--owner", "@sec", "--expires", "2100-01-01"
    )
    assert ran.status == 0
    assert hub.notes() == ["action_propose_exception"]


def test_a_proposal_is_rejected(hub):
    hub.act("alice", "propose-revert", hub.alert)
    assert hub.act("bob", "reject-revert", hub.alert).status == 0
    assert hub.state()["status"] == "revert_rejected"
    assert hub.act("bob", "approve-revert", hub.alert, "--yes").status == 1
    assert hub.rules() == ["0.0.0.0/0"]


def test_in_read_only_mode_nothing_is_reverted(hub):
    hub.set_mode("read_only")
    assert hub.act("alice", "propose-revert", hub.alert).status == 1
    assert hub.act("alice", "acknowledge", hub.alert).status == 0


@pytest.mark.parametrize("alert", ["0" * 32, "x", "../../etc"])
def test_an_unknown_alert_is_wrong_usage(hub, alert):
    ran = hub.act("alice", "acknowledge", alert)
    assert (ran.status, ran.out) == (2, "")
    assert "no message shows an alert" in ran.err


def test_every_command_has_the_options_of_the_stage_after_its_own():
    shared = ["output", "stage", "config", "accounts", "policy"]
    commands = get_command(act_app).commands
    assert len(commands) == 12
    for name, each in commands.items():
        assert [option.name for option in each.params][-5:] == shared, name
