"""What a call exposes of a resource, and which call closes it again."""

import pytest

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.resource_exposures import resource_exposure_of
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from tools.example_calls import EXAMPLES, call_of, settings


def exposure(name, severity, number=0, **more):
    example = [each for each in EXAMPLES if each.name == name and each.expected["severity"] == severity][number]
    alert = assess_call(call_of(example.record(**more)), Assessor(settings(), InMemoryRuleHistory()))
    return resource_exposure_of(alert)


@pytest.mark.parametrize(
    ("opening", "closing", "key"),
    [
        (("PutBucketPolicy", "critical"), ("DeleteBucketPolicy", "info"), "bucket-policy/b"),
        (("PutBucketPolicy", "critical"), ("PutBucketPolicy", "info"), "bucket-policy/b"),
        (("PutBucketAcl", "critical"), ("PutBucketAcl", "info"), "bucket-acl/b"),
        (("DeleteBucketPublicAccessBlock", "high"), ("PutBucketPublicAccessBlock", "info"), "public-access-block/b"),
        (("CreateFunctionUrlConfig", "high"), ("DeleteFunctionUrlConfig", "info"), "function-url/f"),
        (("ModifyDBInstance", "high"), ("ModifyDBInstance", "info"), "database-endpoint/d"),
        (("SetRepositoryPolicy", "critical"), ("DeleteRepositoryPolicy", "info"), "repository-policy/r"),
    ],
)
def test_an_opening_is_closed_by_the_call_that_replaces_the_setting(opening, closing, key):
    opened, closed = exposure(*opening), exposure(*closing)
    assert opened.opened
    assert not opened.is_group_deleted
    assert closed.is_group_deleted
    assert not closed.opened
    assert opened.group_key == closed.group_key == f"111122223333/eu-west-1/{key}"


@pytest.mark.parametrize(
    ("call", "more"),
    [
        (("ModifySnapshotAttribute", "critical"), {}),
        (("PutBucketPolicy", "low"), {}),
        (("PutBucketPolicy", "critical"), {"errorCode": "AccessDenied"}),
        (("PutBucketPolicy", "critical"), {"requestParameters": {"bucketName": "b"}}),
        (("PutBucketPolicy", "critical"), {"eventTime": None}),
        (("CreateRoute", "medium"), {}),
    ],
    ids=["adds a grantee", "known accounts", "denied", "not understood", "no time", "another family"],
)
def test_any_other_call_exposes_and_closes_nothing(call, more):
    assert exposure(*call, **more) is None
