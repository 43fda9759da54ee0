from __future__ import annotations

import json

import boto3
import pytest

from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, MEMBER_ACCOUNTS, MEMBERS, Cloud, DeployError
from gatewatch.local.demo.scenario import load_scenario
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from support.paths import EVENTBRIDGE

SCENARIO = load_scenario()


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def hub(cloud):
    hub = cloud.deploy(HUB_ACCOUNT, HUB_REGION, EVENTBRIDGE / "hub.yaml", {"OrganizationId": "o-a1b2c3d4e5"})
    for account, region in MEMBERS:
        cloud.deploy(account, region, EVENTBRIDGE / "member.yaml", {"HubBusArn": hub["BusArn"]})
    return hub


@pytest.fixture
def arrived(cloud, hub):
    """Receives all events in the hub's queue; nothing may be left at the end of a test."""
    sqs = cloud.session(HUB_ACCOUNT, HUB_REGION).client("sqs")

    def receive():
        return [json.loads(body) for body in iter(lambda: receive_one(sqs, hub["EventsQueueUrl"]), None)]

    yield receive
    assert receive() == []


def receive_one(sqs, queue_url):
    for message in sqs.receive_message(QueueUrl=queue_url).get("Messages", []):
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return message["Body"]
    return None


def call(name, account, region, source="ec2.amazonaws.com"):
    return {"eventSource": source, "eventName": name, "recipientAccountId": account, "awsRegion": region}


@pytest.mark.parametrize(("account", "region"), MEMBERS)
def test_a_call_in_a_member_region_arrives_once_in_the_hub(cloud, arrived, account, region):
    record = call("AuthorizeSecurityGroupIngress", account, region)
    cloud.publish(account, region, record)
    (event,) = arrived()
    assert event["detail"] == record
    assert event["source"] == "aws.ec2"
    assert event["detail-type"] == "AWS API Call via CloudTrail"


@pytest.mark.parametrize(
    "name",
    [
        "ModifyManagedPrefixList",
        "ModifyNetworkInterfaceAttribute",
        "ModifyInstanceAttribute",
        "CreateDefaultVpc",
    ],
)
def test_every_family_of_calls_is_forwarded(cloud, arrived, name):
    cloud.publish(*MEMBERS[0], call(name, *MEMBERS[0]))
    assert [event["detail"]["eventName"] for event in arrived()] == [name]


@pytest.mark.parametrize(
    "record",
    [
        call("StartInstances", *MEMBERS[0]),
        call("DescribeSecurityGroups", *MEMBERS[0]),
        call("GetRole", MEMBER_ACCOUNTS[0], "us-east-1", source="iam.amazonaws.com") | {"readOnly": True},
        call("CreateSecurityGroup", *MEMBERS[0], source="elasticache.amazonaws.com"),
    ],
    ids=lambda record: f"{record['eventSource']} {record['eventName']}",
)
def test_a_call_that_no_pattern_matches_is_not_forwarded(cloud, arrived, record):
    cloud.publish(*MEMBERS[0], record)
    assert arrived() == []


def sign_in(account, region):
    return call("ConsoleLogin", account, region, source="signin.amazonaws.com")


@pytest.mark.parametrize(
    "record",
    [
        call("AttachRolePolicy", MEMBER_ACCOUNTS[0], "us-east-1", source="iam.amazonaws.com") | {"readOnly": False},
        call("InventedNextYear", MEMBER_ACCOUNTS[0], "us-east-1", source="iam.amazonaws.com") | {"readOnly": False},
        call("StopLogging", MEMBER_ACCOUNTS[0], "us-east-1", source="cloudtrail.amazonaws.com"),
        call("DisableRule", MEMBER_ACCOUNTS[0], "us-east-1", source="events.amazonaws.com")
        | {"requestParameters": {"name": "gatewatch-security-group"}},
        call("DeleteFunction20150331", MEMBER_ACCOUNTS[0], "us-east-1", source="lambda.amazonaws.com")
        | {
            "requestParameters": {"functionName": "arn:aws:lambda:us-east-1:999988887777:function:gatewatch-prod-alert"}
        },
        call("PurgeQueue", MEMBER_ACCOUNTS[0], "us-east-1", source="sqs.amazonaws.com")
        | {
            "requestParameters": {
                "queueUrl": "https://sqs.us-east-1.amazonaws.com/999988887777/gatewatch-prod-outbox.fifo"
            }
        },
        call("PutParameter", MEMBER_ACCOUNTS[0], "us-east-1", source="ssm.amazonaws.com")
        | {"requestParameters": {"name": "/gatewatch/slack/sec-prod"}},
    ],
    ids=lambda record: record["eventName"],
)
def test_iam_calls_and_tampering_with_gatewatch_are_forwarded_from_the_global_region(cloud, arrived, record):
    cloud.publish(MEMBER_ACCOUNTS[0], "us-east-1", record)
    assert [event["detail"] for event in arrived()] == [record]


@pytest.mark.parametrize(
    "record",
    [
        call("DisableRule", MEMBER_ACCOUNTS[0], "us-east-1", source="events.amazonaws.com")
        | {"requestParameters": {"name": "another-rule"}},
        call("DeleteFunction20150331", MEMBER_ACCOUNTS[0], "us-east-1", source="lambda.amazonaws.com")
        | {"requestParameters": {"functionName": "shop"}},
    ],
    ids=lambda record: record["eventName"],
)
def test_changes_of_rules_and_functions_of_others_are_not_forwarded(cloud, arrived, record):
    cloud.publish(MEMBER_ACCOUNTS[0], "us-east-1", record)
    assert arrived() == []


def test_iam_calls_are_not_forwarded_outside_the_global_region(cloud, arrived):
    record = call("AttachRolePolicy", MEMBER_ACCOUNTS[0], HUB_REGION, source="iam.amazonaws.com") | {"readOnly": False}
    cloud.publish(MEMBER_ACCOUNTS[0], HUB_REGION, record)
    assert arrived() == []


@pytest.mark.parametrize(
    "detail_type",
    [
        "AWS Console Sign In via CloudTrail",
        "AWS Console Signin via CloudTrail",
        "AWS Service Event via CloudTrail",
    ],
)
def test_a_sign_in_is_forwarded_from_every_region_under_every_detail_type(cloud, arrived, detail_type):
    record = sign_in(MEMBER_ACCOUNTS[0], HUB_REGION)
    entry = {"Source": "aws.signin", "DetailType": detail_type, "Detail": json.dumps(record)}
    cloud.session(MEMBER_ACCOUNTS[0], HUB_REGION).client("events").put_events(Entries=[entry])
    assert [event["detail"] for event in arrived()] == [record]


def test_a_compliance_change_is_forwarded(cloud, arrived):
    detail = {"messageType": "ComplianceChangeNotification", "configRuleName": "restricted-ssh"}
    entry = {"Source": "aws.config", "DetailType": "Config Rules Compliance Change", "Detail": json.dumps(detail)}
    cloud.session(*MEMBERS[0]).client("events").put_events(Entries=[entry])
    assert [event["detail"] for event in arrived()] == [detail]


@pytest.mark.parametrize(("account", "region"), MEMBERS)
def test_the_canary_of_each_member_region_arrives_with_its_account_and_region(cloud, arrived, account, region):
    assert cloud.run_scheduled_rules(account, region) == 1
    (event,) = arrived()
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert event["resources"] == [f"arn:aws:events:{region}:{account}:rule/gatewatch-canary"]


def test_a_region_without_the_member_stack_sends_nothing(cloud, arrived):
    cloud.publish(MEMBER_ACCOUNTS[0], "eu-west-1", call("CreateSecurityGroup", MEMBER_ACCOUNTS[0], "eu-west-1"))
    assert arrived() == []


def test_an_event_with_a_source_other_than_aws_is_not_forwarded_by_the_bus(cloud, hub, arrived):
    events = cloud.session(HUB_ACCOUNT, HUB_REGION).client("events")
    forged = {"Source": "my.ec2", "DetailType": "AWS API Call via CloudTrail", "Detail": "{}"}
    events.put_events(Entries=[forged | {"EventBusName": hub["BusName"]}])
    assert arrived() == []


@pytest.mark.parametrize("published", SCENARIO, ids=lambda each: each.expected.summary)
def test_an_event_of_the_scenario_arrives_unchanged(cloud, arrived, published):
    for _ in range(published.times):
        cloud.publish(published.account, published.region, published.record)
    assert [event["detail"] for event in arrived()] == [published.record] * published.times


@pytest.mark.parametrize("event", SCENARIO, ids=lambda each: each.expected.summary)
def test_the_account_and_region_of_a_scenario_event_are_those_of_its_record(event):
    assert (event.record["recipientAccountId"], event.record["awsRegion"]) == (event.account, event.region)
    assert (event.account, event.region) in MEMBERS


def test_the_scenario_has_distinct_events_in_the_order_of_time():
    assert len({event.record["eventID"] for event in SCENARIO}) == len(SCENARIO)
    times = [event.record["eventTime"] for event in SCENARIO]
    assert times == sorted(times)


def test_accounts_are_isolated_from_each_other(cloud):
    first, second = (cloud.session(account, "us-east-1") for account in MEMBER_ACCOUNTS)
    first.client("sqs").create_queue(QueueName="queue-of-the-first")
    assert "QueueUrls" not in second.client("sqs").list_queues(QueueNamePrefix="queue-of-the-first")
    assert second.client("sts").get_caller_identity()["Account"] == MEMBER_ACCOUNTS[1]


def test_the_hub_has_what_the_functions_need(cloud, hub):
    session = cloud.session(HUB_ACCOUNT, HUB_REGION)
    outbox = session.client("sqs").get_queue_attributes(QueueUrl=hub["OutboxUrl"], AttributeNames=["All"])["Attributes"]
    assert outbox["FifoQueue"] == "true"
    assert outbox["ContentBasedDeduplication"] == "false"
    assert outbox["DeduplicationScope"] == "messageGroup"
    table = session.client("dynamodb").describe_table(TableName=hub["TableName"])["Table"]
    assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    topics = [topic["TopicArn"] for topic in session.client("sns").list_topics()["Topics"]]
    assert sorted(topics) == sorted([hub["AlertsTopicArn"], hub["OperatorsTopicArn"]])


def test_the_error_of_a_failed_stack_names_the_stack_and_the_reason(cloud, tmp_path):
    template = tmp_path / "broken.yaml"
    template.write_text("Resources: {Queue: {Type: 'AWS::SQS::Queue', Properties: {QueueName: 'no good'}}}")
    with pytest.raises(DeployError, match=rf"gatewatch-broken in {HUB_ACCOUNT} {HUB_REGION}: .*hyphens"):
        cloud.deploy(HUB_ACCOUNT, HUB_REGION, template, {})


@pytest.fixture
def real_aws(tmp_path, monkeypatch):
    """A machine that is configured for the real AWS by files and every environment variable."""
    config = tmp_path / "config"
    config.write_text("[profile production]\nregion = eu-west-1\nendpoint_url = https://real.invalid\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-real-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-real-secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://real.invalid")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "https://real.invalid")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")


@pytest.mark.usefixtures("real_aws")
def test_a_session_ignores_the_machines_aws_configuration(cloud, hub):
    client = cloud.session(HUB_ACCOUNT, HUB_REGION).client("sqs", endpoint_url="https://real.invalid")
    assert client.meta.endpoint_url == cloud.endpoint
    assert client.get_queue_attributes(QueueUrl=hub["EventsQueueUrl"], AttributeNames=["QueueArn"])


@pytest.mark.usefixtures("real_aws")
def test_a_function_ignores_the_machines_aws_configuration(cloud, hub):
    with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION)):
        client = boto3.client("sqs")
        assert client.meta.endpoint_url == cloud.endpoint
        client.send_message(QueueUrl=hub["EventsDlqUrl"], MessageBody="test")
        assert boto3.Session().client("sts").get_caller_identity()["Account"] == HUB_ACCOUNT
