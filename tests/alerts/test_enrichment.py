"""Console links in every partition, and local times."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.alerts.enrichment import console_host, event_url, group_url
from gatewatch.rendering.time_text import local_time, rfc3339

EVENT = "1beb5d85-3e0f-4000-b7d7-111111111111"
GROUP = "sg-0aaaaaaaaaaaaaaa1"


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("ap-northeast-2", "ap-northeast-2.console.aws.amazon.com"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
    ],
)
def test_a_link_points_to_the_console_of_the_partition(region, host):
    assert event_url(region, EVENT) == f"https://{host}/cloudtrailv2/home?region={region}#/events/{EVENT}"
    assert group_url(region, GROUP) == f"https://{host}/ec2/home?region={region}#SecurityGroup:groupId={GROUP}"


@pytest.mark.parametrize("region", ["us-iso-east-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1"])
def test_an_isolated_partition_has_no_console_link(region):
    assert console_host(region) == ""
    assert event_url(region, EVENT) == group_url(region, GROUP) == ""


def test_there_is_no_link_without_an_id_in_the_event():
    assert event_url("", EVENT) == event_url("eu-west-1", "") == ""
    assert group_url("eu-west-1", None) == group_url("eu-west-1", "") == ""


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_no_region_or_id_of_an_event_can_change_the_host_of_a_link(region, event_id):
    url = event_url(region, event_id)
    if url:
        host = urlsplit(url).hostname
        assert host is not None
        assert host.endswith(
            (".console.aws.amazon.com", ".amazonaws-us-gov.com", ".amazonaws.cn", ".amazonaws-eusc.eu")
        )
        assert not set(url) & set(" <>|\"'\\`@")


NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    ("moment", "zone", "shown"),
    [
        (datetime(2026, 1, 24, 3, 45, 49, tzinfo=UTC), "Asia/Seoul", "2026-01-24 12:45:49 KST"),
        (datetime(2026, 1, 24, 3, 45, 49, tzinfo=UTC), "Asia/Tokyo", "2026-01-24 12:45:49 JST"),
        (datetime(2026, 1, 24, 3, 45, 49, tzinfo=UTC), "UTC", "2026-01-24 03:45:49 UTC"),
        (datetime(2026, 1, 24, 3, 45, 49, tzinfo=UTC), "Asia/Kolkata", "2026-01-24 09:15:49 IST"),
        # The clocks of New York go forward on 8 March 2026 at 07:00 UTC, and back on 1 November at 06:00 UTC.
        (datetime(2026, 3, 8, 6, 59, 59, tzinfo=UTC), NEW_YORK, "2026-03-08 01:59:59 EST"),
        (datetime(2026, 3, 8, 7, 0, 0, tzinfo=UTC), NEW_YORK, "2026-03-08 03:00:00 EDT"),
        (datetime(2026, 11, 1, 5, 30, 0, tzinfo=UTC), NEW_YORK, "2026-11-01 01:30:00 EDT"),
        (datetime(2026, 11, 1, 6, 30, 0, tzinfo=UTC), NEW_YORK, "2026-11-01 01:30:00 EST"),
    ],
)
def test_times_are_in_the_time_zone_of_the_account_including_daylight_saving(moment, zone, shown):
    assert local_time(moment, zone) == shown


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("zone", ["Asia/Seoul", NEW_YORK])
def test_a_time_at_the_limits_of_datetime_does_not_fail(moment, zone):
    assert local_time(moment, zone)


def test_utc_times_have_the_format_of_cloudtrail():
    assert rfc3339(datetime(2026, 1, 24, 3, 45, 49, 999, tzinfo=UTC)) == "2026-01-24T03:45:49Z"
    assert rfc3339(None) == ""
