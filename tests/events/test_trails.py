"""CloudTrail trails: what leaves out write management events, and which settings an update changed."""

import pytest

from gatewatch.events.changes.normalization import lower_keys
from gatewatch.events.changes.trails import records_writes


@pytest.fixture(scope="session")
def trail(build):
    def make(name, request, **fields):
        return build.record(name, request, eventSource="cloudtrail.amazonaws.com", **fields)

    return make


def advanced(*selectors):
    return {"trailName": "org", "advancedEventSelectors": [{"fieldSelectors": list(each)} for each in selectors]}


def field(name, **operators):
    return {"field": name} | operators


MANAGEMENT = field("eventCategory", equals=["Management"])
DATA = field("eventCategory", equals=["Data"])
WRITES = field("readOnly", equals=["false"])


LEAVING_OUT = (
    {"trailName": "org", "eventSelectors": [{"readWriteType": "ReadOnly"}]},
    {"trailName": "org", "eventSelectors": [{"readWriteType": "All", "includeManagementEvents": False}]},
    {"trailName": "org", "eventSelectors": [{"readWriteType": "All", "includeManagementEvents": "false"}]},
    {"trailName": "org", "eventSelectors": [{"excludeManagementEventSources": ["ec2.amazonaws.com"]}]},
    {"trailName": "org", "eventSelectors": []},
    {"trailName": "org", "eventSelectors": ["odd"]},
    advanced([DATA, field("resources.type", equals=["AWS::S3::Object"])]),
    advanced([MANAGEMENT, field("readOnly", equals=["true"])]),
    advanced([MANAGEMENT, field("readOnly", notEquals=["false"])]),
    advanced([MANAGEMENT, field("eventSource", notEquals=["ec2.amazonaws.com"])]),
    advanced([MANAGEMENT, field("eventSource", equals=["kms.amazonaws.com"])]),
    advanced([MANAGEMENT, field("eventName", notStartsWith=["Authorize"])]),
    advanced([MANAGEMENT, field("userIdentity.arn", notEndsWith=["/mallory"])]),
    advanced([field("eventCategory", notEquals=["Management"])]),
    advanced([field("eventCategory", startsWith=["Man"])]),
    advanced([]),
    {"trailName": "org", "advancedEventSelectors": [{}]},
    {"trailName": "org", "advancedEventSelectors": "odd"},
)
RECORDING = (
    {"trailName": "org", "eventSelectors": [{"readWriteType": "All"}]},
    {"trailName": "org", "eventSelectors": [{"readWriteType": "WriteOnly", "includeManagementEvents": True}]},
    {"trailName": "org", "eventSelectors": [{"excludeManagementEventSources": ["kms.amazonaws.com"]}]},
    {"trailName": "org", "eventSelectors": [{"readWriteType": "ReadOnly"}, {"readWriteType": "All"}]},
    advanced([MANAGEMENT]),
    advanced([MANAGEMENT, WRITES]),
    advanced([MANAGEMENT, field("readOnly", equals=["true", "false"])]),
    advanced([MANAGEMENT, field("eventSource", notEquals=["kms.amazonaws.com", "rdsdata.amazonaws.com"])]),
    advanced([DATA], [MANAGEMENT, WRITES]),
)


@pytest.mark.parametrize("request_", LEAVING_OUT)
def test_selectors_that_leave_out_writes_are_high(trail, row, shows, request_):
    found = row(trail("PutEventSelectors", request_))
    shows(found, family="hub", severity="high", resource_id="trail/org")
    assert any("leaves out management events" in each for each in found["reasons"])


@pytest.mark.parametrize("request_", RECORDING)
def test_selectors_that_record_every_write_are_medium(trail, row, shows, request_):
    shows(row(trail("PutEventSelectors", request_)), severity="medium", resource_id="trail/org")


def answered(value):
    """The same selectors as the API answers them: every key begins in upper case."""
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: answered(inner) for key, inner in value.items()}
    return [answered(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("selectors", [*LEAVING_OUT, *RECORDING, {}])
def test_the_doctor_judges_the_answer_of_the_api_as_the_call_that_made_it(selectors):
    assert records_writes(lower_keys(answered(selectors))) is (selectors in RECORDING)


@pytest.mark.parametrize(
    ("request_", "severity", "reason"),
    [
        ({"isMultiRegionTrail": False}, "high", "other Regions"),
        ({"isMultiRegionTrail": "false"}, "high", "other Regions"),
        ({"includeGlobalServiceEvents": False}, "high", "IAM"),
        ({"isOrganizationTrail": False}, "high", "organization"),
        ({"s3BucketName": "somebody-elses"}, "medium", "S3 bucket"),
        ({"s3KeyPrefix": "elsewhere"}, "medium", "S3 bucket"),
        ({"kmsKeyId": ""}, "medium", "KMS key"),
        ({"enableLogFileValidation": False}, "medium", "validation"),
        ({"cloudWatchLogsLogGroupArn": ""}, "medium", "CloudWatch Logs"),
        ({"isMultiRegionTrail": True, "kmsKeyId": "alias/logs"}, "medium", ""),
    ],
)
def test_an_update_says_which_setting_changed(trail, row, request_, severity, reason):
    found = row(trail("UpdateTrail", {"name": "org"} | request_))
    assert found["severity"] == severity
    assert reason in " ".join(found["reasons"])


@pytest.mark.parametrize(
    ("name", "severity"),
    [("CreateTrail", "info"), ("StartLogging", "info"), ("StopLogging", "high"), ("DeleteTrail", "high")],
)
def test_a_trail_that_starts_is_info_and_one_that_ends_high(trail, row, shows, name, severity):
    found = row(trail(name, {"name": "x", "s3BucketName": "b", "isMultiRegionTrail": False}))
    shows(found, family="hub", severity=severity, resource_id="trail/x", understood=True)
    if severity == "high":
        assert "unless another trail records them" in found["reasons"][0]
