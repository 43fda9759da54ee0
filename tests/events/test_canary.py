from __future__ import annotations

import pytest

from gatewatch.events.canary import AccountRegion, Canary, parse_canary

EVENT = {
    "version": "0",
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "111122223333",
    "time": "2026-11-21T03:00:00Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:events:eu-west-1:111122223333:rule/gatewatch-canary"],
    "detail": {},
}
CANARY = Canary(AccountRegion("111122223333", "eu-west-1"), 1795230000)


def test_a_canary_has_its_account_region_and_time():
    assert parse_canary(EVENT) == CANARY


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov", "aws-eusc"])
def test_a_canary_is_read_in_every_partition(partition):
    resource = EVENT["resources"][0].replace("arn:aws:", f"arn:{partition}:")
    assert parse_canary(EVENT | {"resources": [resource]}) == CANARY


def test_the_rule_arn_gives_the_account_when_the_envelope_has_none():
    envelope = {key: value for key, value in EVENT.items() if key != "account"}
    assert parse_canary(envelope | {"region": "ap-northeast-2"}) == CANARY


@pytest.mark.parametrize(
    "other",
    [
        {"source": "my.events"},
        {"source": "aws.ec2"},
        {"detail-type": "AWS API Call via CloudTrail"},
        {"account": "444455556666"},
        {"resources": []},
        {"resources": None},
        {"resources": ["arn:aws:events:eu-west-1:111122223333:rule/somebody-elses"]},
        {"resources": ["arn:aws:events:eu-west-1:111122223333:rule/gatewatch-canary-2"]},
        {"resources": [EVENT["resources"][0]] * 2},
        {"time": None},
        {"time": "yesterday"},
    ],
    ids=str,
)
def test_other_events_are_not_canaries(other):
    assert parse_canary(EVENT | other) is None


@pytest.mark.parametrize("document", [None, [], "aws.events", [EVENT]])
def test_a_document_that_is_not_an_envelope_is_not_a_canary(document):
    assert parse_canary(document) is None


def test_an_account_region_round_trips_as_text():
    assert AccountRegion.parse(str(CANARY.origin)) == CANARY.origin
