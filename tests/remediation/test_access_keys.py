"""The keeper of access keys against moto: several accounts, more users than a page, and a process that dies."""

import dataclasses
import json
import logging
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws
from msgspec.structs import replace

from functions import access_keys
from gatewatch.alerts.own_actions import DeedBook
from gatewatch.aws.clients import Aws, iam_of_members
from gatewatch.config.destinations import SecretRef, SlackWebhook
from gatewatch.config.iam import KeyExemption, KeyPolicy
from gatewatch.config.settings import LANGUAGES, emergency_settings
from gatewatch.delivery.outbox import Outbox, read_message
from gatewatch.model.account import Account
from gatewatch.remediation.access_keys import iam as keys_iam
from gatewatch.remediation.access_keys.executor import Books, UndoError, picture, undo
from gatewatch.remediation.access_keys.records import KeyRecordError, KeyRecords
from gatewatch.remediation.access_keys.runner import KeysError, KeyStage
from gatewatch.remediation.preimages import PreImageError, PreImages
from gatewatch.rendering.slack_validation import problems
from gatewatch.rendering.text.labels import load_labels
from support.paths import TEMPLATES

LABELS = {language: load_labels(TEMPLATES, language) for language in LANGUAGES}
HUB, PROD, DEV = "999988887777", "111122223333", "444455556666"
REGION = "us-east-1"
ENFORCE = KeyPolicy(mode="enforce")


def settings_of(policy, language="en"):
    accounts = {
        PROD: Account(id=PROD, alias="prod", timezone="UTC", language=language, owner="<!subteam^S0123ABC>"),
        DEV: Account(id=DEV, alias="dev", timezone="Asia/Seoul", language=language, owner="@dev"),
    }
    room = {"alerts": SlackWebhook(SecretRef(ssm="/gatewatch/room"))}
    return replace(emergency_settings(), accounts=accounts, access_keys=policy, destinations=room)


class House:
    """Two members and a hub, with a clock that tests turn."""

    def __init__(self):
        self.aws = Aws(boto3.Session("testing", "testing", "testing", region_name=REGION))
        self.iam_of = cache(iam_of_members(self.aws, REGION, "gatewatch-access-keys"))
        self.aws.dynamodb.create_table(
            TableName="gatewatch",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.queue = self.aws.sqs.create_queue(QueueName="outbox.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        self.books = Books(*(kind(self.aws.dynamodb, "gatewatch") for kind in (PreImages, KeyRecords, DeedBook)))
        self.days = 0

    def now(self):
        return datetime.now(UTC) + timedelta(days=self.days)

    def stage(self, policy=ENFORCE, **fields):
        whole = {
            "settings": settings_of(policy),
            "iam_of": self.iam_of,
            "books": self.books,
            "outbox": Outbox(self.aws.sqs, self.queue),
            "labels": LABELS,
            "now": self.now,
            "log": logging.getLogger("test"),
        }
        return KeyStage(**whole | fields)

    def user(self, name="bob", account=PROD, keys=1):
        iam = self.iam_of(account)
        user_id = iam.create_user(UserName=name)["User"]["UserId"]
        ids = [iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"] for _ in range(keys)]
        return SimpleNamespace(id=user_id, keys=ids, iam=iam, name=name, account=account)

    def status(self, user):
        listed = user.iam.list_access_keys(UserName=user.name)["AccessKeyMetadata"]
        return {each["AccessKeyId"]: each["Status"] for each in listed}

    def told(self):
        """The messages of the outbox, read and taken away."""
        found = []
        while batch := self.aws.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for each in batch:
                self.aws.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])
                found.append(read_message(each["Body"]))
        return found

    def titles(self):
        return [json.loads(each.body)["attachments"][0]["fallback"] for each in self.told()]


@pytest.fixture
def house(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield House()


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


def test_a_key_goes_its_way_from_warning_to_deletion(house):
    bob = house.user()
    stage = house.stage()
    for days, status, title in (
        (74, "Active", None),
        (75, "Active", "Access key of bob is 75 days old"),
        (90, "Inactive", "Access key of bob deactivated after 90 days"),
        (103, "Inactive", None),
        (104, None, "Access key of bob deleted after 104 days"),
    ):
        house.days = days
        stage.handle(SCHEDULE)
        assert house.status(bob).get(bob.keys[0]) == status, days
        assert [each[2:] for each in house.titles()] == ([title] if title else []), days


def test_the_other_key_of_a_user_that_is_young_is_left_alone(house):
    bob = house.user()
    house.days = 95
    house.stage().handle(SCHEDULE)
    young = bob.iam.create_access_key(UserName="bob")["AccessKey"]["AccessKeyId"]
    house.days = 0  # moto makes every key now: seen from today, both are young
    house.stage().handle(SCHEDULE)
    assert house.status(bob) == {bob.keys[0]: "Inactive", young: "Active"}


def test_more_users_than_a_page_in_several_accounts_are_all_looked_after(house):
    for number in range(130):
        house.user(f"user-{number:03}", account=PROD if number % 2 else DEV)
    last = house.user("zz-last", account=DEV)
    for number in range(101):
        house.iam_of(DEV).create_user(UserName=f"keyless-{number:03}")
    house.days = 91
    assert house.stage().handle(SCHEDULE) == {"deactivate": 131}
    assert set(house.status(last).values()) == {"Inactive"}
    told = house.told()
    assert len(told) == 131
    assert {each.account_id for each in told} == {PROD, DEV}


def test_a_user_that_config_names_by_its_id_is_found_behind_the_first_page(house):
    for number in range(120):
        house.user(f"a-{number:03}", keys=0)
    bob = house.user("zz-bob")
    other = house.user("zz-other")
    house.days = 91
    for rule in ("access-keys-rotated", "access-keys-rotated-conformance-pack-abcd1234"):
        house.stage().handle(non_compliant(bob, rule))
    house.stage().handle(non_compliant(bob, "OrgConfigRule-gatewatch-access-keys-rotated-abcdef12"))
    assert (set(house.status(bob).values()), set(house.status(other).values())) == ({"Inactive"}, {"Active"})
    assert len(house.told()) == 1


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
def test_an_event_that_is_none_of_our_business_touches_nothing(house, change):
    bob = house.user()
    house.days = 91
    assert house.stage().handle(non_compliant(bob, **change)) == {}
    assert set(house.status(bob).values()) == {"Active"}


def test_a_user_that_is_gone_is_no_error(house):
    bob = house.user(keys=0)
    bob.iam.delete_user(UserName="bob")
    assert house.stage().handle(non_compliant(bob)) == {}


def test_report_is_the_default_and_changes_nothing(house):
    bob = house.user()
    house.days = 91
    stage = house.stage(KeyPolicy())
    stage.handle(SCHEDULE)
    assert set(house.status(bob).values()) == {"Active"}
    (title,) = house.titles()
    assert "due for deactivation" in title


def test_a_second_run_does_and_tells_nothing_new(house):
    bob = house.user()
    house.days = 91
    for _ in range(3):
        house.stage().handle(SCHEDULE)
    assert set(house.status(bob).values()) == {"Inactive"}
    assert len(house.told()) == 1


def test_a_root_key_is_reported_and_never_touched(house):
    iam = SimpleNamespace(get_account_summary=lambda: {"SummaryMap": {"AccountAccessKeysPresent": 1}})
    (root,) = keys_iam.root_keys(iam, PROD)
    stage = house.stage()
    (action,) = stage._plan([root])  # noqa: SLF001  moto has no root keys to ask for
    step = stage.perform(action, house.iam_of(PROD))
    assert step.done == "done"
    assert house.titles() == ["🟠 The root user has an access key"]


def test_a_message_mentions_the_owner_and_never_holds_the_key_id(house):
    bob = house.user()
    house.days = 91
    house.stage().handle(SCHEDULE)
    (message,) = house.told()
    assert bob.keys[0] not in message.body + message.key
    assert f"{bob.keys[0][:4]}…{bob.keys[0][-4:]}" in message.body
    assert "<!subteam^S0123ABC>" in message.body
    assert problems(json.loads(message.body)) == ()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("days", [80, 91, 120])
@pytest.mark.parametrize("policy", [ENFORCE, KeyPolicy(), KeyPolicy(mode="enforce", delete_at_once=True)])
def test_every_language_has_the_words_for_every_action(house, language, days, policy):
    house.user("o.k@example.com")
    house.days = days
    house.stage(settings=settings_of(policy, language)).handle(SCHEDULE)
    (message,) = house.told()
    assert problems(json.loads(message.body)) == ()


def test_a_deactivation_can_be_taken_back_and_the_key_is_escalated_from_then_on(house):
    bob = house.user()
    house.days = 91
    house.stage().handle(SCHEDULE)
    (told,) = house.told()
    change_id = told.key.split("access-")[1].split("-deactivate")[0]
    assert change_id in told.body
    before = picture(change_id, house.books)
    assert (before.user, before.is_active) == ("bob", True)
    assert undo(before, bob.iam, house.books, house.now()).done == "done"
    assert undo(before, bob.iam, house.books, house.now()).done == "already"
    house.stage().handle(SCHEDULE)
    assert set(house.status(bob).values()) == {"Active"}
    assert "was brought back" in house.titles()[0]


def test_a_deleted_key_cannot_be_taken_back(house):
    bob = house.user()
    house.days = 91
    house.stage().handle(SCHEDULE)
    change_id = house.told()[0].key.split("access-")[1].split("-deactivate")[0]
    bob.iam.delete_access_key(UserName="bob", AccessKeyId=bob.keys[0])
    with pytest.raises(UndoError, match="is deleted"):
        undo(picture(change_id, house.books), bob.iam, house.books, house.now())
    with pytest.raises(PreImageError, match="no change key-nothing"):
        picture("key-nothing", house.books)


class FullOutbox:
    """The outbox of a process that dies before its message is out."""

    def put(self, _messages):
        raise RuntimeError("the process dies here")


@pytest.mark.parametrize(("days", "policy"), [(91, ENFORCE), (91, KeyPolicy(mode="enforce", delete_at_once=True))])
def test_a_deed_that_was_not_told_is_told_by_the_next_run(house, days, policy):
    house.user()
    house.days = days
    with pytest.raises(RuntimeError):
        house.stage(policy, outbox=FullOutbox()).account(PROD)
    assert house.told() == []
    house.stage(policy).account(PROD)
    house.stage(policy).account(PROD)
    assert len(house.titles()) == 1


def test_nothing_is_touched_while_the_books_cannot_be_kept(house):
    bob = house.user()
    house.days = 91
    books = dataclasses.replace(house.books, records=KeyRecords(house.aws.dynamodb, "gone"))
    with pytest.raises(KeysError, match=PROD):
        house.stage(books=books).handle(SCHEDULE)
    with pytest.raises(KeyRecordError):
        house.stage(books=books).account(PROD)
    assert set(house.status(bob).values()) == {"Active"}


def test_an_account_that_cannot_be_entered_does_not_stop_the_others(house):
    bob = house.user(account=PROD)
    house.days = 91

    def iam_of(account_id):
        if account_id == DEV:
            raise KeyRecordError("no door")
        return house.iam_of(account_id)

    with pytest.raises(KeysError, match=f"1 accounts could not be looked after: {DEV}"):
        house.stage(iam_of=iam_of).handle(SCHEDULE)
    assert set(house.status(bob).values()) == {"Inactive"}


def test_a_key_that_somebody_changed_since_the_plan_is_passed_over(house):
    bob = house.user()
    house.days = 91
    stage = house.stage()
    actions = stage.actions(PROD, bob.iam)
    bob.iam.update_access_key(UserName="bob", AccessKeyId=bob.keys[0], Status="Inactive")
    (step,) = [stage.perform(each, bob.iam) for each in actions]
    assert (step.done, step.why) == ("skipped", "changed_meanwhile")
    assert house.told() == []


def test_a_refusal_of_aws_is_told_with_its_code(house):
    bob = house.user()
    house.days = 91
    stage = house.stage()
    actions = stage.actions(PROD, bob.iam)
    bob.iam.meta.events.register(
        "before-call.iam.UpdateAccessKey",
        lambda **_: (
            SimpleNamespace(status_code=403, headers={}),
            {"Error": {"Code": "AccessDenied", "Message": "no"}, "ResponseMetadata": {}},
        ),
    )
    (step,) = [stage.perform(each, bob.iam) for each in actions]
    assert (step.done, step.why) == ("failed", "AccessDenied")
    (message,) = house.told()
    assert "AccessDenied" in message.body
    assert message.severity == "high"


def test_an_exempt_user_is_left_alone(house):
    house.user()
    house.days = 91
    until = (house.now() + timedelta(days=30)).date()
    policy = KeyPolicy(mode="enforce", exempt=(KeyExemption("bob", "@ci", "soon", until),))
    assert house.stage(policy).handle(SCHEDULE) == {}
    assert house.told() == []


def test_the_function_composes_itself_from_its_environment(house, monkeypatch, tmp_path):
    (tmp_path / "accounts.yaml").write_text('accounts: {"111122223333": {alias: prod}}\n')
    (tmp_path / "policy.yaml").write_text("access_keys: {mode: enforce}\nroutes: [{to: [alerts]}]\n")
    variables = {
        "AWS_REGION": REGION,
        "GATEWATCH_TABLE": "gatewatch",
        "GATEWATCH_OUTBOX_URL": house.queue,
        "GATEWATCH_ACCOUNTS": str(tmp_path / "accounts.yaml"),
        "GATEWATCH_POLICY": str(tmp_path / "policy.yaml"),
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    access_keys.compose.cache_clear()
    house.user()
    assert access_keys.handler(SCHEDULE, None) == {}
    access_keys.compose.cache_clear()
