"""functions/alert with everything of `context`, against the local AWS."""

import json
import os
import time

import pytest

from functions import alert
from gatewatch.aws.clients import Aws
from gatewatch.delivery.wire import decode_message
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from gatewatch.model.source_network import SourceNetwork
from support.builders import ACCOUNT, OTHER_ACCOUNT, authorize, event, item
from support.callers import person
from support.tables import create_table

POLICY = """
routes: [{match: {min_severity: low}, to: [alerts]}]
context:
  first_time: {enabled: true, raises_severity: true}
  changed_accounts: true
  source_country: true
  source_network: true
"""
DAY = 24 * 3600


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud:
        yield cloud


@pytest.fixture
def aws(cloud, tmp_path):
    session = cloud.session(HUB_ACCOUNT, HUB_REGION)
    sqs, dynamodb = session.client("sqs"), session.client("dynamodb")
    fifo = {"FifoQueue": "true"}
    outbox = sqs.create_queue(QueueName="gatewatch-outbox.fifo", Attributes=fifo)["QueueUrl"]
    undelivered = sqs.create_queue(QueueName="gatewatch-dlq")["QueueUrl"]
    create_table(dynamodb, "gatewatch")
    create_table(dynamodb, "gatewatch-activity", sort_key=True)
    (tmp_path / "accounts.yaml").write_text("{}", "utf-8")
    (tmp_path / "policy.yaml").write_text(POLICY, "utf-8")
    settings = {
        "GATEWATCH_ACCOUNTS": str(tmp_path / "accounts.yaml"),
        "GATEWATCH_POLICY": str(tmp_path / "policy.yaml"),
        "GATEWATCH_TABLE": "gatewatch",
        "GATEWATCH_ACTIVITY_TABLE": "gatewatch-activity",
        "GATEWATCH_OUTBOX_URL": outbox,
        "GATEWATCH_EVENTS_DLQ_URL": undelivered,
    }
    alert.compose.cache_clear()
    with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION) | settings):
        yield Aws()
    alert.compose.cache_clear()


def body(account, number, seconds):
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    record = authorize(
        item(v4=["192.0.2.7/32"]),
        response={"_return": True},
        userIdentity=person(account=account),
        recipientAccountId=account,
        sourceIPAddress="185.220.101.1",
        eventTime=at,
        eventID=f"1beb5d85-3e0f-4000-b7d7-{number:012}",
    )
    return json.dumps(event(record))


def test_an_alert_of_the_hub_says_what_is_new_and_where_the_call_came_from(aws):
    now = time.time()
    for account in (ACCOUNT, OTHER_ACCOUNT):  # both accounts are remembered for longer than the fourteen days
        key = {"pk": {"S": f"first-call-since#{account}"}, "since_at": {"N": str(now - 30 * DAY)}}
        aws.dynamodb.put_item(TableName="gatewatch", Item=key)
    records = [
        {"messageId": str(number), "body": body(account, number, now), "attributes": {"SentTimestamp": "0"}}
        for number, account in enumerate((ACCOUNT, OTHER_ACCOUNT))
    ]
    assert alert.handler({"Records": records}, None) == {"batchItemFailures": []}
    found = aws.sqs.receive_message(QueueUrl=os.environ["GATEWATCH_OUTBOX_URL"], MaxNumberOfMessages=10)
    alerts = [decode_message(each["Body"]).notification.alert for each in found["Messages"]]
    assert [each.source_network for each in alerts] == [SourceNetwork("DE", "tor", "Tor")] * 2
    codes = [[reason.code for reason in each.changes[0].assessment.reasons] for each in alerts]
    assert [each[2:] for each in codes] == [
        ["first_time_raised", "source_tor"],
        ["first_time_raised", "source_tor", "changed_accounts"],
    ]
    assert [each.severity.value for each in alerts] == ["medium", "medium"]
