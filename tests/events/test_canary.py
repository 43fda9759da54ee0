from __future__ import annotations

import pytest

from gatewatch.events.canary import Canary, Place, canary_of

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
CANARY = Canary(Place("111122223333", "eu-west-1"), 1795230000)


def test_a_canary_says_where_it_is_from_and_when_it_was_sent():
    assert canary_of(EVENT) == CANARY


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov", "aws-eusc"])
def test_a_canary_sings_in_every_partition(partition):
    resource = EVENT["resources"][0].replace("arn:aws:", f"arn:{partition}:")
    assert canary_of(EVENT | {"resources": [resource]}) == CANARY


def test_the_rule_says_where_a_canary_is_from_when_the_envelope_lost_its_account():
    envelope = {key: value for key, value in EVENT.items() if key != "account"}
    assert canary_of(envelope | {"region": "ap-northeast-2"}) == CANARY


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
def test_what_is_not_a_canary_is_none(other):
    assert canary_of(EVENT | other) is None


@pytest.mark.parametrize("document", [None, [], "aws.events", [EVENT]])
def test_what_is_no_envelope_is_no_canary(document):
    assert canary_of(document) is None


def test_a_place_is_written_and_read_the_same():
    assert Place.parse(str(CANARY.place)) == CANARY.place
