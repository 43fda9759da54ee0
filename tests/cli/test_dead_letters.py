"""`gatewatch dead`, as a person runs it, against the queues and the table of a hub."""

import json
import re

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from gatewatch.aws.clients import Aws
from gatewatch.cli import dead_letter_queues as dead_queues
from gatewatch.cli.app import app
from gatewatch.cli.dead_letter_queues import DeadError, DeadQueues
from gatewatch.delivery.dead_letter_queue import DeadLetters
from gatewatch.delivery.ledger import Entry, Ledger, State
from gatewatch.delivery.outbox import Outbox, read_message
from gatewatch.errors import GatewatchError
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from gatewatch.model.message import Message
from support.paths import ROOT

QUEUES = ("events", "events-dead", "outbox.fifo", "outbox-dead.fifo", "access-keys-dead")
EVENT = json.dumps({"source": "aws.ec2", "detail": {"eventName": "CreateSecurityGroup", "eventID": "event-1"}})
MESSAGE = Message(key="event-2#sec-all#1", destination="sec-all", body="{}", event_id="event-2")


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud:
        yield cloud


@pytest.fixture
def hub(cloud):
    """The URLs of a stage's queues, and the command in its environment."""
    aws = cloud.session(HUB_ACCOUNT, HUB_REGION)
    sqs, dynamodb = aws.client("sqs"), aws.client("dynamodb")
    urls = {
        name: sqs.create_queue(QueueName=f"gatewatch-prod-{name}", Attributes=_kind(name))["QueueUrl"]
        for name in QUEUES
    }
    dynamodb.create_table(
        TableName="gatewatch-prod",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION) | {"COLUMNS": "250"}):
        yield Hub(Aws(), urls)
    for url in urls.values():
        sqs.delete_queue(QueueUrl=url)
    dynamodb.delete_table(TableName="gatewatch-prod")


def _kind(name):
    return {"FifoQueue": "true"} if name.endswith(".fifo") else {}


class Hub:
    def __init__(self, aws, urls):
        self.aws, self.urls = aws, urls
        self.ledger = Ledger(aws.dynamodb, "gatewatch-prod", lambda: 0)

    def bury_event(self, body=EVENT, reason="is not valid JSON", died_as="id-of-the-event"):
        DeadLetters(self.aws.sqs, self.urls["events-dead"]).keep(body, reason, died_as)

    def bury_message(self, message=MESSAGE, died_as="id-of-the-message"):
        body = Recorder().body(message) if isinstance(message, Message) else message
        DeadLetters(self.aws.sqs, self.urls["outbox-dead.fifo"]).keep(body, "no_service", died_as)

    def bury_trigger(self, body, **attributes):
        """As Lambda does after its last try (Lambda developer guide, dead-letter queues)."""
        said = {"RequestID": "req-1", "ErrorMessage": "KeysError: 111122223333"} | attributes
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in said.items()}
        typed["ErrorCode"] = {"DataType": "Number", "StringValue": "200"}
        url = self.urls["access-keys-dead"]
        self.aws.sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=typed)

    def bodies(self, queue):
        answer = self.aws.sqs.receive_message(QueueUrl=self.urls[queue], MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [each["Body"] for each in answer.get("Messages", [])]


class Recorder:
    def send_message_batch(self, *, QueueUrl, Entries):  # noqa: N803  the names are those of AWS
        self.sent = QueueUrl, Entries
        return {}

    def body(self, message):
        Outbox(self, "url").put([message])
        return self.sent[1][0]["MessageBody"]


def dead(*arguments):
    ran = CliRunner().invoke(app, ["dead", *arguments])
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran


def test_nothing_is_dead(hub):
    assert hub
    assert "nothing is dead" in dead("list").output


def test_the_list_names_what_died_where_and_why(hub):
    hub.bury_event()
    hub.bury_message()
    hub.bury_event("no JSON", "event: is not valid JSON [/red] (expected)", "another")
    lines = dead("list").output
    for part in ("CreateSecurityGroup event-1", "event-2 to sec-all", "no_service", "unreadable", "[/red]"):
        assert part in lines


def test_looking_hides_nothing(hub):
    hub.bury_event()
    hub.bury_message()
    assert dead("list").output == dead("list").output
    assert len(hub.bodies("events-dead")) == len(hub.bodies("outbox-dead.fifo")) == 1


@pytest.mark.parametrize("name", ["id-of-the-event", "event-1"])
def test_an_event_is_found_by_the_id_that_people_were_told_and_by_its_own(hub, name):
    hub.bury_event()
    hub.bury_message()
    shown = dead("show", name).output
    assert "reason: is not valid JSON" in shown
    assert "CreateSecurityGroup" in shown


@pytest.mark.parametrize("name", ["id-of-the-message", "event-2"])
def test_so_is_a_message(hub, name):
    hub.bury_event()
    hub.bury_message()
    assert "in outbox since" in dead("show", name).output


def test_what_is_shown_is_harmless_and_whole(hub):
    hub.bury_event('{"a": "\x1b[31m[bold]"} ' + "x" * 5000)
    shown = dead("show", "id-of-the-event").output
    assert "\x1b" not in shown
    assert "[bold]" in shown
    assert "x" * 5000 in shown


@pytest.mark.parametrize("name", ["nobody", "a", "", "event"])
def test_a_name_that_nothing_has_is_a_sentence(hub, name):
    hub.bury_event()
    with pytest.raises(DeadError, match=r"no dead letter .* in stage prod; `gatewatch dead list` shows"):
        dead("show", name)


def test_one_is_sent_again_and_the_others_stay(hub):
    hub.bury_event()
    hub.bury_event("no JSON", died_as="another")
    hub.bury_message()
    assert "1 sent again" in dead("redrive", "id-of-the-event").output
    assert hub.bodies("events") == [EVENT]
    assert hub.bodies("events-dead") == ["no JSON"]
    assert len(hub.bodies("outbox-dead.fifo")) == 1


def test_all_are_sent_again_however_many(hub):
    for number in range(23):
        hub.bury_event(f"event {number}", died_as=f"id-{number}")
    hub.bury_message()
    assert "24 sent again" in dead("redrive", "--all").output
    assert hub.bodies("events-dead") == hub.bodies("outbox-dead.fifo") == []
    assert [read_message(body) for body in hub.bodies("outbox.fifo")] == [MESSAGE]


def test_a_message_sent_again_is_no_longer_known_as_dead(hub):
    hub.ledger.write(MESSAGE.key, Entry(State.DEAD, "no_service"))
    hub.bury_message()
    dead("redrive", "event-2")
    assert hub.ledger.look(MESSAGE.key) is None


def test_a_second_copy_sent_again_does_not_make_the_delivered_first_undelivered(hub):
    hub.bury_message()
    dead("redrive", "--all")
    hub.ledger.write(MESSAGE.key, Entry(State.DELIVERED, "ok"))
    hub.bury_message(died_as="the second copy")
    dead("redrive", "--all")
    assert hub.ledger.look(MESSAGE.key) == Entry(State.DELIVERED, "ok")


def test_what_no_outbox_wrote_cannot_go_back_there_and_stops_nobody(hub):
    hub.bury_message("garbage", died_as="garbage")
    hub.bury_message()
    assert "1 sent again" in dead("redrive", "--all").output
    with pytest.raises(DeadError, match="cannot be sent again"):
        dead("redrive", "garbage")
    assert hub.bodies("outbox-dead.fifo") == ["garbage"]


def test_what_eventbridge_could_not_hand_over_says_why(hub):
    attributes = {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "Lack of permissions"}
    typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    url = hub.urls["events-dead"]
    hub.aws.sqs.send_message(QueueUrl=url, MessageBody=EVENT, MessageAttributes=typed)
    assert "EventBridge: NO_PERMISSIONS Lack of permissions" in dead("list").output


def test_what_the_queue_gave_up_by_itself_says_so(hub):
    hub.aws.sqs.send_message(QueueUrl=hub.urls["events-dead"], MessageBody=EVENT)
    assert "the queue gave up on it" in dead("list").output


DAILY = json.dumps({"source": "aws.events", "detail-type": "Scheduled Event", "time": "2026-01-24T00:00:00Z"})
ONE_USER = json.dumps(
    {
        "source": "aws.config",
        "detail-type": "Config Rules Compliance Change",
        "detail": {
            "awsAccountId": "111122223333",
            "resourceId": "AIDAEXAMPLEEXAMPLE001",
            "configRuleName": "gatewatch-access-keys-rotated",
            "newEvaluationResult": {"complianceType": "NON_COMPLIANT"},
        },
    }
)


class Functions:
    """Lambda's Invoke. `refused` is raised."""

    def __init__(self, refused=None):
        self.asked, self.refused = [], refused

    def invoke(self, *, FunctionName, InvocationType, Payload):  # noqa: N803
        if self.refused:
            raise self.refused
        self.asked.append((FunctionName, InvocationType, Payload.decode()))
        return {"StatusCode": 202}


def redriven(functions):
    aws = Aws()
    aws.__dict__["functions"] = functions
    return [each.subject for each in DeadQueues(aws, "prod", lambda: 0).redrive(lambda _: True)]


def test_what_the_keeper_of_access_keys_gave_up_is_listed_with_why(hub):
    hub.bury_trigger(DAILY)
    hub.bury_trigger(ONE_USER, ErrorMessage="AccessDenied [/x]")
    hub.bury_trigger("garbage")
    lines = dead("list").output
    for part in (
        "the access keys of all accounts",
        "the access keys of AIDAEXAMPLEEXAMPLE001 in 111122223333",
        "KeysError: 111122223333",
        "AccessDenied [/x]",
        "unreadable",
    ):
        assert part in lines
    assert "in access-keys since" in dead("show", "req-1").output


def test_the_keeper_is_asked_again_once_for_all_that_ask_the_same(hub):
    later = DAILY.replace("24T", "25T")
    for body in (DAILY, later, ONE_USER, ONE_USER, later):
        hub.bury_trigger(body)
    functions = Functions()
    assert len(redriven(functions)) == 5
    assert [each[:2] for each in functions.asked] == [("gatewatch-prod-access_keys", "Event")] * 2
    assert {each[2] for each in functions.asked} <= {DAILY, later, ONE_USER}
    assert hub.bodies("access-keys-dead") == []


def test_what_would_ask_the_keeper_nothing_stays_where_it_is(hub):
    for body in ("garbage", "[1]", EVENT):
        hub.bury_trigger(body)
    functions = Functions()
    assert (redriven(functions), functions.asked) == ([], [])
    assert len(hub.bodies("access-keys-dead")) == 3


def test_a_keeper_that_cannot_be_asked_loses_no_letter(hub):
    hub.bury_trigger(DAILY)
    refused = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Invoke")
    with pytest.raises(DeadError, match="AWS refused Invoke: AccessDeniedException: no"):
        redriven(Functions(refused))
    url = hub.urls["access-keys-dead"]
    kept = hub.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    assert sum(int(kept[name]) for name in names) == 1


def test_every_dead_letter_queue_of_the_hub_is_looked_after():
    names = re.findall(
        r"QueueName: !Sub gatewatch-\$\{Stage\}-(.*)-dead", (ROOT / "eventbridge/hub.yaml").read_text("utf-8")
    )
    assert tuple(names) == dead_queues.QUEUES


@pytest.mark.parametrize("arguments", [["redrive"], ["redrive", "id", "--all"]])
def test_one_or_all_must_be_said(hub, arguments):
    assert hub
    ran = dead(*arguments)
    assert ran.exit_code == 2
    assert "name one message, or say --all" in ran.output


def test_a_stage_that_is_not_there_is_a_sentence(hub):
    assert hub
    with pytest.raises(GatewatchError, match="AWS refused GetQueueUrl"):
        dead("list", "--stage", "nowhere")


def test_aws_that_cannot_be_reached_is_a_sentence(cloud):
    nobody = cloud.variables(HUB_ACCOUNT, HUB_REGION) | {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "1",
    }
    with lambda_environment(nobody), pytest.raises(DeadError, match="AWS cannot be reached"):
        DeadQueues(Aws(), "prod", lambda: 0).letters()
