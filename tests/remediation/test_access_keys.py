"""Access key rotation against moto: several accounts, more users than a page, and a process that ends midway."""

import dataclasses
import logging
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from msgspec.structs import replace

from functions import access_keys
from gatewatch.alerts.own_actions import ActionLog
from gatewatch.aws.clients import Aws, member_iam_clients
from gatewatch.aws.hub_table import HubTable, HubTableError
from gatewatch.config.destinations import SecretRef, SlackWebhook
from gatewatch.config.iam import KeyExemption, KeyPolicy
from gatewatch.config.settings import LANGUAGES, emergency_settings
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.wire import decode_message
from gatewatch.errors import GatewatchError
from gatewatch.model.account import Account
from gatewatch.remediation.access_keys import iam as keys_iam
from gatewatch.remediation.access_keys.executor import KeyStores, KeyUndoError, load_key_snapshot, undo
from gatewatch.remediation.access_keys.records import KeyRecords
from gatewatch.remediation.access_keys.runner import AccessKeyRunError, AccessKeyRunner
from gatewatch.remediation.snapshots import SnapshotError, SnapshotStore
from gatewatch.rendering.slack_validation import slack_problems
from support.rendering import SLACK, slack_text
from support.tables import create_table

HUB, PROD, DEV = "999988887777", "111122223333", "444455556666"
REGION = "us-east-1"
ENFORCE = KeyPolicy(mode="enforce")


def settings_of(policy, language="en"):
    accounts = {
        PROD: Account(id=PROD, alias="prod", timezone="UTC", language=language, owner="<!subteam^S0123ABC>"),
        DEV: Account(id=DEV, alias="dev", timezone="Asia/Seoul", language=language, owner="@dev"),
    }
    destinations = {"alerts": SlackWebhook(SecretRef(ssm="/gatewatch/destinations"))}
    return replace(emergency_settings(), accounts=accounts, access_keys=policy, destinations=destinations)


class Environment:
    """Two members and a hub, with a clock that tests advance."""

    def __init__(self):
        self.aws = Aws(boto3.Session("testing", "testing", "testing", region_name=REGION))
        self.iam_of = cache(member_iam_clients(self.aws, REGION, "gatewatch-access-keys"))
        create_table(self.aws.dynamodb, "gatewatch")
        self.queue = self.aws.sqs.create_queue(QueueName="outbox.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        self.stores = KeyStores(
            *(kind(HubTable(self.aws.dynamodb, "gatewatch")) for kind in (SnapshotStore, KeyRecords, ActionLog))
        )
        self.days = 0

    def now(self):
        return datetime.now(UTC) + timedelta(days=self.days)

    def stage(self, policy=ENFORCE, **fields):
        whole = {
            "settings": settings_of(policy),
            "iam_of": self.iam_of,
            "stores": self.stores,
            "outbox": Outbox(self.aws.sqs, self.queue),
            "now": self.now,
            "log": logging.getLogger("test"),
        }
        return AccessKeyRunner(**whole | fields)

    def user(self, name="bob", account=PROD, keys=1):
        iam = self.iam_of(account)
        user_id = iam.create_user(UserName=name)["User"]["UserId"]
        ids = [iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"] for _ in range(keys)]
        return SimpleNamespace(id=user_id, keys=ids, iam=iam, name=name, account=account)

    def status(self, user):
        listed = user.iam.list_access_keys(UserName=user.name)["AccessKeyMetadata"]
        return {each["AccessKeyId"]: each["Status"] for each in listed}

    def messages(self):
        """Receive and delete the messages of the outbox."""
        found = []
        while batch := self.aws.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for each in batch:
                self.aws.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])
                found.append(decode_message(each["Body"]))
        return found

    def titles(self):
        return [SLACK.render(each)["attachments"][0]["fallback"] for each in self.messages()]


@pytest.fixture
def env(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield Environment()


SCHEDULE = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


def non_compliant(user, rule="access-keys-rotated", verdict="NON_COMPLIANT", **detail):
    whole = {
        "resourceId": user.id,
        "resourceType": "AWS::IAM::User",
        "awsAccountId": user.account,
        "configRuleName": rule,
        "newEvaluationResult": {"complianceType": verdict},
    }
    return {"source": "aws.config", "account": user.account, "detail-type": "x", "detail": whole | detail}


def test_a_key_is_warned_about_then_deactivated_then_deleted(env):
    bob = env.user()
    stage = env.stage()
    for days, status, title in (
        (74, "Active", None),
        (75, "Active", "Access key of bob is 75 days old"),
        (90, "Inactive", "Access key of bob deactivated after 90 days"),
        (103, "Inactive", None),
        (104, None, "Access key of bob deleted after 104 days"),
    ):
        env.days = days
        stage.handle(SCHEDULE)
        assert env.status(bob).get(bob.keys[0]) == status, days
        assert [each[2:] for each in env.titles()] == ([title] if title else []), days


def test_a_young_second_key_of_a_user_is_not_changed(env):
    bob = env.user()
    env.days = 95
    env.stage().handle(SCHEDULE)
    young = bob.iam.create_access_key(UserName="bob")["AccessKey"]["AccessKeyId"]
    env.days = 0  # moto makes every key now: seen from today, both are young
    env.stage().handle(SCHEDULE)
    assert env.status(bob) == {bob.keys[0]: "Inactive", young: "Active"}


def test_more_users_than_a_page_in_several_accounts_are_all_processed(env):
    for number in range(6):
        env.user(f"user-{number}", account=PROD if number % 2 else DEV)
    last = env.user("zz-last", account=DEV)
    for number in range(101):
        env.iam_of(DEV).create_user(UserName=f"keyless-{number:03}")
    env.days = 91
    assert env.stage().handle(SCHEDULE) == {"deactivate": 7}
    assert set(env.status(last).values()) == {"Inactive"}
    messages = env.messages()
    assert len(messages) == 7
    assert {each.notification.account_id for each in messages} == {PROD, DEV}


def test_a_user_that_config_names_by_id_is_found_after_the_first_page(env):
    for number in range(120):
        env.user(f"a-{number:03}", keys=0)
    bob = env.user("zz-bob")
    other = env.user("zz-other")
    env.days = 91
    for rule in ("access-keys-rotated", "access-keys-rotated-conformance-pack-abcd1234"):
        env.stage().handle(non_compliant(bob, rule))
    env.stage().handle(non_compliant(bob, "OrgConfigRule-gatewatch-access-keys-rotated-abcdef12"))
    assert (set(env.status(bob).values()), set(env.status(other).values())) == ({"Inactive"}, {"Active"})
    assert len(env.messages()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"rule": "iam-user-mfa-enabled"},
        {"rule": "my-access-keys-rotated"},
        {"verdict": "COMPLIANT"},
        {"resourceId": "bob"},
        {"newEvaluationResult": None},
        {"awsAccountId": "12"},
    ],
)
def test_an_unrelated_event_changes_nothing(env, change):
    bob = env.user()
    env.days = 91
    assert env.stage().handle(non_compliant(bob, **change)) == {}
    assert set(env.status(bob).values()) == {"Active"}


def test_a_deleted_user_is_no_error(env):
    bob = env.user(keys=0)
    bob.iam.delete_user(UserName="bob")
    assert env.stage().handle(non_compliant(bob)) == {}


def test_report_is_the_default_and_changes_nothing(env):
    bob = env.user()
    env.days = 91
    stage = env.stage(KeyPolicy())
    stage.handle(SCHEDULE)
    assert set(env.status(bob).values()) == {"Active"}
    (title,) = env.titles()
    assert "due for deactivation" in title


def test_a_second_run_changes_nothing_and_sends_nothing(env):
    bob = env.user()
    env.days = 91
    for _ in range(3):
        env.stage().handle(SCHEDULE)
    assert set(env.status(bob).values()) == {"Inactive"}
    assert len(env.messages()) == 1


def test_a_root_key_is_reported_and_never_changed(env):
    iam = SimpleNamespace(get_account_summary=lambda: {"SummaryMap": {"AccountAccessKeysPresent": 1}})
    (root,) = keys_iam.root_keys(iam, PROD)
    stage = env.stage()
    (action,) = stage._plan([root])  # noqa: SLF001  moto has no root keys to ask for
    step = stage.perform(action, env.iam_of(PROD))
    assert step.status == "done"
    assert env.titles() == ["🟠 The root user has an access key"]


def test_a_message_mentions_the_owner_and_never_holds_the_key_id(env):
    bob = env.user()
    env.days = 91
    env.stage().handle(SCHEDULE)
    (message,) = env.messages()
    assert bob.keys[0] not in slack_text(message) + message.key
    assert f"{bob.keys[0][:4]}…{bob.keys[0][-4:]}" in slack_text(message)
    assert "<!subteam^S0123ABC>" in slack_text(message)
    assert slack_problems(SLACK.render(message)) == ()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("days", [80, 91, 120])
@pytest.mark.parametrize("policy", [ENFORCE, KeyPolicy(), KeyPolicy(mode="enforce", delete_at_once=True)])
def test_every_language_has_texts_for_every_action(env, language, days, policy):
    env.user("o.k@example.com")
    env.days = days
    env.stage(settings=settings_of(policy, language)).handle(SCHEDULE)
    (message,) = env.messages()
    assert slack_problems(SLACK.render(message)) == ()


def test_a_deactivation_can_be_undone_and_the_key_is_escalated_from_then_on(env):
    bob = env.user()
    env.days = 91
    env.stage().handle(SCHEDULE)
    (message,) = env.messages()
    change_id = message.key.split("access-")[1].split("-deactivate")[0]
    assert change_id in slack_text(message)
    before = load_key_snapshot(change_id, env.stores)
    assert (before.user, before.is_active) == ("bob", True)
    assert undo(before, bob.iam, env.stores, env.now()).status == "done"
    assert undo(before, bob.iam, env.stores, env.now()).status == "already"
    env.stage().handle(SCHEDULE)
    assert set(env.status(bob).values()) == {"Active"}
    assert "was restored after deactivation" in env.titles()[0]


def test_a_deletion_cannot_be_undone(env):
    bob = env.user()
    env.days = 91
    env.stage().handle(SCHEDULE)
    change_id = env.messages()[0].key.split("access-")[1].split("-deactivate")[0]
    bob.iam.delete_access_key(UserName="bob", AccessKeyId=bob.keys[0])
    with pytest.raises(KeyUndoError, match="is deleted"):
        undo(load_key_snapshot(change_id, env.stores), bob.iam, env.stores, env.now())
    with pytest.raises(SnapshotError, match="no change key-nothing"):
        load_key_snapshot("key-nothing", env.stores)


class FullOutbox:
    """The outbox of a process that ends before its message is sent."""

    def put(self, _messages):
        raise RuntimeError("the process ends here")


@pytest.mark.parametrize(("days", "policy"), [(91, ENFORCE), (91, KeyPolicy(mode="enforce", delete_at_once=True))])
def test_a_message_that_a_run_did_not_send_is_sent_by_the_next_run(env, days, policy):
    env.user()
    env.days = days
    with pytest.raises(RuntimeError):
        env.stage(policy, outbox=FullOutbox()).account(PROD)
    assert env.messages() == []
    env.stage(policy).account(PROD)
    env.stage(policy).account(PROD)
    assert len(env.titles()) == 1


def test_nothing_is_changed_while_the_records_cannot_be_written(env):
    bob = env.user()
    env.days = 91
    stores = dataclasses.replace(env.stores, records=KeyRecords(HubTable(env.aws.dynamodb, "gone")))
    with pytest.raises(AccessKeyRunError, match=PROD):
        env.stage(stores=stores).handle(SCHEDULE)
    with pytest.raises(HubTableError):
        env.stage(stores=stores).account(PROD)
    assert set(env.status(bob).values()) == {"Active"}


def test_an_account_whose_role_cannot_be_assumed_does_not_stop_the_others(env):
    bob = env.user(account=PROD)
    env.days = 91

    def iam_of(account_id):
        if account_id == DEV:
            raise GatewatchError("no role")
        return env.iam_of(account_id)

    with pytest.raises(AccessKeyRunError, match=f"1 accounts failed: {DEV}"):
        env.stage(iam_of=iam_of).handle(SCHEDULE)
    assert set(env.status(bob).values()) == {"Inactive"}


def refuse(client, operation, code, when=lambda _: True):
    """Let the calls of an operation fail."""

    def handler(params, **_):
        error = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {}}
        return (SimpleNamespace(status_code=403, headers={}), error) if when(params["body"]) else None

    client.meta.events.register(f"before-call.iam.{operation}", handler)


def test_a_user_deleted_after_it_was_listed_does_not_stop_the_others(env):
    env.user("alice")
    env.user("bob")
    env.days = 91
    refuse(env.iam_of(PROD), "ListAccessKeys", "NoSuchEntity", lambda body: body.get("UserName") == "alice")
    assert env.stage().handle(SCHEDULE) == {"deactivate": 1}


def test_a_user_whose_keys_cannot_be_read_fails_the_account_after_the_others(env):
    env.user("alice")
    bob = env.user("bob")
    env.days = 91
    refuse(env.iam_of(PROD), "ListAccessKeys", "ServiceFailure", lambda body: body.get("UserName") == "alice")
    with pytest.raises(AccessKeyRunError, match=f"1 accounts failed: {PROD}"):
        env.stage().handle(SCHEDULE)
    assert set(env.status(bob).values()) == {"Inactive"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_account_that_refuses_the_role_is_one_message_a_day_with_the_same_key_and_no_error(env, language):
    env.user()
    env.days = 91

    def iam_of(account_id):
        if account_id == DEV:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole")
        return env.iam_of(account_id)

    stage = env.stage(iam_of=iam_of, settings=settings_of(ENFORCE, language))
    assert stage.handle(SCHEDULE) == {"deactivate": 1}
    env.messages()
    assert stage.handle(SCHEDULE) == {}
    assert stage.handle(non_compliant(SimpleNamespace(id="AIDAEXAMPLEEXAMPLE00", account=DEV))) == {}
    messages = env.messages()
    assert {each.key for each in messages} == {f"access-refused-{DEV}#alerts"}
    assert slack_problems(SLACK.render(messages[0])) == ()


def test_a_user_of_an_account_that_is_not_listed_is_not_processed(env):
    stage = env.stage(iam_of=None)
    assert stage.handle(non_compliant(SimpleNamespace(id="AIDAEXAMPLEEXAMPLE00", account="777788889999"))) == {}


def test_a_key_that_somebody_changed_since_the_plan_is_skipped(env):
    bob = env.user()
    env.days = 91
    stage = env.stage()
    actions = stage.actions(PROD, bob.iam)
    bob.iam.update_access_key(UserName="bob", AccessKeyId=bob.keys[0], Status="Inactive")
    (step,) = [stage.perform(each, bob.iam) for each in actions]
    assert (step.status, step.reason) == ("skipped", "changed_meanwhile")
    assert env.messages() == []


def test_an_error_of_aws_is_sent_with_its_code(env):
    bob = env.user()
    env.days = 91
    stage = env.stage()
    actions = stage.actions(PROD, bob.iam)
    refuse(bob.iam, "UpdateAccessKey", "AccessDenied")
    (step,) = [stage.perform(each, bob.iam) for each in actions]
    assert (step.status, step.reason) == ("failed", "AccessDenied")
    (message,) = env.messages()
    assert "AccessDenied" in slack_text(message)
    assert message.notification.severity == "high"


def test_keys_of_an_exempt_user_are_not_changed(env):
    env.user()
    env.days = 91
    until = (env.now() + timedelta(days=30)).date()
    policy = KeyPolicy(mode="enforce", exempt=(KeyExemption("bob", "@ci", "soon", until),))
    assert env.stage(policy).handle(SCHEDULE) == {}
    assert env.messages() == []


def test_the_function_composes_itself_from_its_environment(env, monkeypatch, tmp_path):
    (tmp_path / "accounts.yaml").write_text('accounts: {"111122223333": {alias: prod}}\n')
    (tmp_path / "policy.yaml").write_text("access_keys: {mode: enforce}\nroutes: [{to: [alerts]}]\n")
    variables = {
        "AWS_REGION": REGION,
        "GATEWATCH_TABLE": "gatewatch",
        "GATEWATCH_OUTBOX_URL": env.queue,
        "GATEWATCH_ACCOUNTS": str(tmp_path / "accounts.yaml"),
        "GATEWATCH_POLICY": str(tmp_path / "policy.yaml"),
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    access_keys.compose.cache_clear()
    env.user()
    assert access_keys.handler(SCHEDULE, None) == {}
    access_keys.compose.cache_clear()
