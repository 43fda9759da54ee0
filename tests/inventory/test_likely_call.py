"""The call that most likely changed a group: it is older than the first reading that found the change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from gatewatch.inventory.likely_call import LikelyCall, find_likely_call

FIRST_SEEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


class CloudTrail:
    """Event history as LookupEvents gives it: the events between two times."""

    def __init__(self, *events):
        self.events = events

    def lookup_events(self, **request):
        (attribute,) = request["LookupAttributes"]
        assert attribute == {"AttributeKey": "ResourceName", "AttributeValue": "sg-1"}
        return {
            "Events": [each for each in self.events if request["StartTime"] <= each["EventTime"] <= request["EndTime"]]
        }


def event(hours_before, name="AuthorizeSecurityGroupIngress"):
    at = datetime.fromtimestamp(FIRST_SEEN.timestamp() - hours_before * 3600, UTC)
    return {"EventName": name, "Username": f"user-{hours_before}", "EventId": "event-1", "EventTime": at}


def find(*events):
    return find_likely_call(CloudTrail(*events), "sg-1", FIRST_SEEN.timestamp())


def test_the_latest_call_before_the_first_reading_is_the_likely_one():
    found = find(event(30), event(3), event(1, "DescribeSecurityGroups"), event(-1))
    assert found == LikelyCall("AuthorizeSecurityGroupIngress", "user-3", "event-1", event(3)["EventTime"])


@pytest.mark.parametrize("record", ['{"errorCode": "Client.UnauthorizedOperation"}', "[]", "no JSON"])
def test_a_call_that_failed_is_nobodys_change(record):
    found = find(event(30), {**event(3), "CloudTrailEvent": record})
    assert found.actor == "user-30"
    assert find({**event(3), "CloudTrailEvent": '{"errorCode": null}'}).actor == "user-3"


def test_a_call_of_last_week_is_not():
    assert find(event(200)) is None


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
def test_a_refusal_is_no_error(code):
    class Refusing:
        def lookup_events(self, **_request):
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "LookupEvents")

    assert find_likely_call(Refusing(), "sg-1", FIRST_SEEN.timestamp()) is None
