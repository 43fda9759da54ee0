"""A rule that was reported as changed without an event, and which late event explains it."""

from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws
from msgspec.structs import replace

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.alerts.silent_changes import SILENT_CHANGES, SilentChange, SilentChanges
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.settings import load_settings
from gatewatch.events.decoding import decode
from gatewatch.model.security_group import CidrPeer, Group, PortRange, SecurityGroupRule, Traffic
from support import builders
from support.paths import ROOT

SETTINGS = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")
CALLED = datetime(2026, 1, 24, 3, 45, 49, tzinfo=UTC).timestamp()
HOUR = 3600.0
ARRIVED = CALLED + 3 * HOUR
CHANGE = SilentChange(
    region="eu-west-1",
    group=Group(id=builders.GROUP, name="web"),
    rule=SecurityGroupRule(
        rule_id=builders.RULE, traffic=Traffic("tcp", PortRange(22, 22)), peer=CidrPeer("0.0.0.0/0")
    ),
    text="tcp 22 from 0.0.0.0/0",
    after=CALLED - HOUR,
    first_seen=CALLED + HOUR,
    notice="silent-change-1",
)
OPENED = builders.rule_set(builders.response_rule(cidrIpv4="0.0.0.0/0"))
SSH = builders.item(v4=["0.0.0.0/0"])
WORLD = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}


def authorized(**fields):
    return builders.authorize(SSH, response=OPENED, **fields)


def alert_of(record, **envelope):
    (call,) = decode(builders.event(record, **{"region": record["awsRegion"], **envelope}), "event")
    return assess_call(call, Assessor(SETTINGS, InMemoryRuleHistory()))


@pytest.fixture
def changes():
    with mock_aws():
        dynamodb = boto3.Session("access", "secret", region_name="eu-west-1").client("dynamodb")
        dynamodb.create_table(
            TableName="hub",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        found = SilentChanges(HubTable(dynamodb, "hub"))
        found.save(builders.ACCOUNT, {builders.RULE: CHANGE})
        yield found


@pytest.mark.parametrize("record", [authorized(), builders.modify((builders.RULE, WORLD))], ids=["authorize", "modify"])
def test_a_late_event_that_made_the_rule_so_explains_it(changes, record):
    assert changes.explained_by(alert_of(record), ARRIVED) == {builders.RULE: CHANGE}


@pytest.mark.parametrize(
    "record",
    [
        authorized(errorCode="Client.UnauthorizedOperation"),
        authorized(errorCode="Client.DryRunOperation"),
        authorized(awsRegion="us-east-1"),
        authorized(recipientAccountId=builders.OTHER_ACCOUNT),
        authorized(eventTime="2026-01-24T02:40:00Z"),
        authorized(eventTime="2026-01-24T04:50:00Z"),
        builders.authorize(
            SSH,
            requestParameters=builders.request(SSH, groupId=builders.OTHER_GROUP),
            response=builders.rule_set(builders.response_rule(cidrIpv4="0.0.0.0/0", groupId=builders.OTHER_GROUP)),
        ),
        builders.authorize(
            builders.item(v4=["10.0.0.0/8"]),
            response=builders.rule_set(builders.response_rule(cidrIpv4="10.0.0.0/8")),
        ),
        builders.authorize(SSH, response=builders.rule_set(builders.response_rule("sgr-0aaaaaaaaaaaaaaaa"))),
        builders.revoke(SSH, response=builders.rule_set(builders.response_rule(cidrIpv4="0.0.0.0/0"))),
        builders.modify((builders.RULE, {**WORLD, "FromPort": 23})),
    ],
    ids=[
        *("denied", "dry run", "another Region", "another account", "before the earlier reading", "after the reading"),
        *("another group", "another peer", "another rule", "revoked", "other ports"),
    ],
)
def test_an_event_that_does_not_fit_explains_nothing(changes, record):
    assert changes.explained_by(alert_of(record), ARRIVED) == {}


def test_an_event_whose_envelope_is_of_another_account_explains_nothing(changes):
    assert changes.explained_by(alert_of(authorized(), account=builders.OTHER_ACCOUNT), ARRIVED) == {}


def test_for_an_event_in_time_nothing_is_read():
    assert SilentChanges(None).explained_by(alert_of(authorized()), CALLED + 60) == {}


def test_an_event_of_a_second_before_the_reading_and_one_while_it_ran_explain_the_rule(changes):
    for first_seen in (CALLED - 60, CALLED + 1):
        changes.save(builders.ACCOUNT, {builders.RULE: replace(CHANGE, first_seen=first_seen)})
        assert changes.explained_by(alert_of(authorized()), ARRIVED)


def test_rows_expire_with_the_readings():
    assert SILENT_CHANGES.lifetime == 90 * 24 * 3600
