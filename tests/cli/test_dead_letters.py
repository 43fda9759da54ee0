"""`gatewatch dead-letters` against the queues and the table of a hub."""

import json
import re

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.cli.app import app
from gatewatch.cli.dead_letter_queues import QUEUES as SOURCE_QUEUES
from gatewatch.cli.dead_letter_queues import DeadLetterError, DeadLetterQueues
from gatewatch.cli.errors import AwsCallError
from gatewatch.delivery.dead_letter_queue import DeadLetterQueue
from gatewatch.delivery.ledger import NOT_POSTED, DeliveryState, Ledger, LedgerEntry, part_key
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.wire import decode_message
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.lambda_.event_source_mapping import lambda_environment, message_count
from gatewatch.model.message import OutboxMessage
from support.paths import ROOT
from support.tables import create_table
from support.threads import alert

QUEUES = ("events", "events-dlq", "outbox.fifo", "outbox-dlq.fifo", "access-keys-dlq")
EVENT = json.dumps({"source": "aws.ec2", "detail": {"eventName": "CreateSecurityGroup", "eventID": "event-1"}})
MESSAGE = alert("2", destination="sec-all")


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud:
        yield cloud


@pytest.fixture
def hub(cloud):
    """The queues and the table of a stage; the environment is that of the command."""
    aws = cloud.session(HUB_ACCOUNT, HUB_REGION)
    sqs, dynamodb = aws.client("sqs"), aws.client("dynamodb")
    urls = {
        name: sqs.create_queue(QueueName=f"gatewatch-prod-{name}", Attributes=_queue_attributes(name))["QueueUrl"]
        for name in QUEUES
    }
    create_table(dynamodb, "gatewatch-prod")
    with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION) | {"COLUMNS": "250"}):
        yield Hub(Aws(), urls)
    for url in urls.values():
        sqs.delete_queue(QueueUrl=url)
    dynamodb.delete_table(TableName="gatewatch-prod")


def _queue_attributes(name):
    return {"FifoQueue": "true"} if name.endswith(".fifo") else {}


class Hub:
    def __init__(self, aws, urls):
        self.aws, self.urls = aws, urls
        self.ledger = Ledger(HubTable(aws.dynamodb, "gatewatch-prod", lambda: 0))

    def dead_letter_event(self, body=EVENT, reason="is not valid JSON", original_id="id-of-the-event"):
        DeadLetterQueue(self.aws.sqs, self.urls["events-dlq"]).put(body, reason, original_id)

    def dead_letter_message(self, message=MESSAGE, original_id="id-of-the-message"):
        body = Recorder().body(message) if isinstance(message, OutboxMessage) else message
        DeadLetterQueue(self.aws.sqs, self.urls["outbox-dlq.fifo"]).put(body, "no_service", original_id)

    def dead_letter_trigger(self, body, **attributes):
        """As Lambda does after its last retry (Lambda developer guide, dead-letter queues)."""
        values = {"RequestID": "req-1", "ErrorMessage": "KeysError: 111122223333"} | attributes
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}
        typed["ErrorCode"] = {"DataType": "Number", "StringValue": "200"}
        url = self.urls["access-keys-dlq"]
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


def dead_letters(*arguments):
    ran = CliRunner().invoke(app, ["dead-letters", *arguments])
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran


def test_empty_queues_are_reported(hub):
    assert hub
    assert "no dead-letter messages" in dead_letters("list").output


def test_the_list_has_the_subject_queue_and_reason_of_each_message(hub):
    hub.dead_letter_event()
    hub.dead_letter_message()
    hub.dead_letter_event("no JSON", "event: is not valid JSON [/red] (expected)", "another")
    lines = dead_letters("list").output
    for part in ("CreateSecurityGroup event-1", "event-2 to sec-all", "no_service", "unreadable", "[/red]"):
        assert part in lines


def test_listing_keeps_the_messages_visible(hub):
    hub.dead_letter_event()
    hub.dead_letter_message()
    assert dead_letters("list").output == dead_letters("list").output
    assert len(hub.bodies("events-dlq")) == len(hub.bodies("outbox-dlq.fifo")) == 1


@pytest.mark.parametrize("name", ["id-of-the-event", "event-1"])
def test_an_event_is_found_by_its_original_id_and_by_its_event_id(hub, name):
    hub.dead_letter_event()
    hub.dead_letter_message()
    output = dead_letters("show", name).output
    assert "reason: is not valid JSON" in output
    assert "CreateSecurityGroup" in output


@pytest.mark.parametrize("name", ["id-of-the-message", "event-2"])
def test_a_message_is_found_by_its_original_id_and_by_its_event_id(hub, name):
    hub.dead_letter_event()
    hub.dead_letter_message()
    assert "in outbox since" in dead_letters("show", name).output


def test_the_body_is_shown_complete_and_without_control_characters(hub):
    hub.dead_letter_event('{"a": "\x1b[31m[bold]"} ' + "x" * 5000)
    output = dead_letters("show", "id-of-the-event").output
    assert "\x1b" not in output
    assert "[bold]" in output
    assert "x" * 5000 in output


@pytest.mark.parametrize("name", ["nobody", "a", "", "event"])
def test_an_unknown_id_is_an_error_message(hub, name):
    hub.dead_letter_event()
    with pytest.raises(
        DeadLetterError, match=r"no dead-letter message .* in stage prod; `gatewatch dead-letters list` shows"
    ):
        dead_letters("show", name)


def test_one_message_is_redriven_and_the_others_stay(hub):
    hub.dead_letter_event()
    hub.dead_letter_event("no JSON", original_id="another")
    hub.dead_letter_message()
    assert "1 redriven" in dead_letters("redrive", "id-of-the-event").output
    assert hub.bodies("events") == [EVENT]
    assert hub.bodies("events-dlq") == ["no JSON"]
    assert len(hub.bodies("outbox-dlq.fifo")) == 1


def test_all_messages_are_redriven(hub):
    for number in range(23):
        hub.dead_letter_event(f"event {number}", original_id=f"id-{number}")
    hub.dead_letter_message()
    assert "24 redriven" in dead_letters("redrive", "--all").output
    assert hub.bodies("events-dlq") == hub.bodies("outbox-dlq.fifo") == []
    assert [decode_message(body) for body in hub.bodies("outbox.fifo")] == [MESSAGE]


def test_a_redriven_message_is_no_longer_dead_lettered_in_the_ledger(hub):
    hub.ledger.write(part_key(MESSAGE.key, 1), LedgerEntry(DeliveryState.DEAD_LETTERED, "no_service"))
    hub.dead_letter_message()
    dead_letters("redrive", "event-2")
    assert hub.ledger.get(part_key(MESSAGE.key, 1)) == NOT_POSTED


def test_redriving_a_second_copy_keeps_the_ledger_entry_of_the_delivered_first(hub):
    hub.dead_letter_message()
    dead_letters("redrive", "--all")
    hub.ledger.write(part_key(MESSAGE.key, 1), LedgerEntry(DeliveryState.DELIVERED, "ok"))
    hub.dead_letter_message(original_id="the second copy")
    dead_letters("redrive", "--all")
    assert hub.ledger.get(part_key(MESSAGE.key, 1)) == LedgerEntry(DeliveryState.DELIVERED, "ok")


def test_an_unreadable_message_is_not_redriven_and_does_not_stop_the_others(hub):
    hub.dead_letter_message("garbage", original_id="garbage")
    hub.dead_letter_message()
    assert "1 redriven" in dead_letters("redrive", "--all").output
    with pytest.raises(DeadLetterError, match="cannot be redriven"):
        dead_letters("redrive", "garbage")
    assert hub.bodies("outbox-dlq.fifo") == ["garbage"]


def test_the_reason_of_eventbridge_is_shown(hub):
    attributes = {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "Lack of permissions"}
    typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    url = hub.urls["events-dlq"]
    hub.aws.sqs.send_message(QueueUrl=url, MessageBody=EVENT, MessageAttributes=typed)
    assert "EventBridge: NO_PERMISSIONS Lack of permissions" in dead_letters("list").output


def test_a_message_without_a_reason_was_received_too_often(hub):
    hub.aws.sqs.send_message(QueueUrl=hub.urls["events-dlq"], MessageBody=EVENT)
    assert "received too often without success" in dead_letters("list").output


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
    """Lambda's Invoke; raises `error` when given."""

    def __init__(self, error=None):
        self.invocations, self.error = [], error

    def invoke(self, *, FunctionName, InvocationType, Payload):  # noqa: N803
        if self.error:
            raise self.error
        self.invocations.append((FunctionName, InvocationType, Payload.decode()))
        return {"StatusCode": 202}


def redrive_all(functions):
    aws = Aws()
    aws.__dict__["lambda_"] = functions
    return [each.subject for each in DeadLetterQueues(aws, "prod", lambda: 0).redrive(lambda _: True)]


def test_failed_runs_of_access_keys_are_listed_with_the_reason(hub):
    hub.dead_letter_trigger(DAILY)
    hub.dead_letter_trigger(ONE_USER, ErrorMessage="AccessDenied [/x]")
    hub.dead_letter_trigger("garbage")
    lines = dead_letters("list").output
    for part in (
        "the access keys of all accounts",
        "the access keys of AIDAEXAMPLEEXAMPLE001 in 111122223333",
        "KeysError: 111122223333",
        "AccessDenied [/x]",
        "unreadable",
    ):
        assert part in lines
    assert "in access-keys since" in dead_letters("show", "req-1").output


def test_access_keys_is_invoked_once_for_equal_triggers(hub):
    later = DAILY.replace("24T", "25T")
    for body in (DAILY, later, ONE_USER, ONE_USER, later):
        hub.dead_letter_trigger(body)
    functions = Functions()
    assert len(redrive_all(functions)) == 5
    assert [each[:2] for each in functions.invocations] == [("gatewatch-prod-access_keys", "Event")] * 2
    assert {each[2] for each in functions.invocations} <= {DAILY, later, ONE_USER}
    assert hub.bodies("access-keys-dlq") == []


def test_messages_that_are_no_trigger_stay_in_the_queue(hub):
    for body in ("garbage", "[1]", EVENT):
        hub.dead_letter_trigger(body)
    functions = Functions()
    assert (redrive_all(functions), functions.invocations) == ([], [])
    assert len(hub.bodies("access-keys-dlq")) == 3


def test_a_failed_invocation_loses_no_message(hub):
    hub.dead_letter_trigger(DAILY)
    error = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Invoke")
    with pytest.raises(AwsCallError, match="AWS refused Invoke: AccessDeniedException: no"):
        redrive_all(Functions(error))
    assert message_count(hub.aws.sqs, hub.urls["access-keys-dlq"])


def test_the_command_covers_every_dead_letter_queue_of_the_hub():
    names = re.findall(
        r"QueueName: !Sub gatewatch-\$\{Stage\}-(.*)-dlq", (ROOT / "eventbridge/hub.yaml").read_text("utf-8")
    )
    # These need no redrive: the next day's sweep reads the same account, and a person clicks again.
    assert tuple(each for each in names if each not in {"sweep", "clicks"}) == SOURCE_QUEUES


@pytest.mark.parametrize("arguments", [["redrive"], ["redrive", "id", "--all"]])
def test_redrive_needs_one_id_or_all(hub, arguments):
    assert hub
    ran = dead_letters(*arguments)
    assert ran.exit_code == 2
    assert "give one message id, or --all" in ran.output


def test_an_unknown_stage_is_an_error_message(hub):
    assert hub
    with pytest.raises(AwsCallError, match="there is no deployment of this stage here"):
        dead_letters("list", "--stage", "nowhere")


def test_an_unreachable_aws_is_an_error_message(cloud):
    unreachable = cloud.variables(HUB_ACCOUNT, HUB_REGION) | {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "1",
    }
    with lambda_environment(unreachable), pytest.raises(AwsCallError, match="AWS cannot be reached"):
        DeadLetterQueues(Aws(), "prod", lambda: 0).receive_all()
