"""No operation of AWS that could open something appears unnoticed when botocore brings new models."""

import pytest

from tools.watched_operations import candidates, not_reported, reported


@pytest.fixture(scope="module")
def found():
    return dict(candidates())


def test_an_operation_that_could_matter_is_in_a_table_or_left_out_with_a_reason(found):
    decided = reported() | not_reported().keys()
    assert {operation: why for operation, why in found.items() if operation not in decided} == {}


def test_what_is_left_out_exists_and_stands_in_no_table(found):
    left_out = not_reported()
    assert left_out.keys() <= found.keys()
    assert left_out.keys().isdisjoint(reported())
    assert all(reason.strip() for reason in left_out.values())


def test_the_models_are_searched_widely_enough(found):
    assert len(found) > 500
    for known in (
        ("ec2", "AuthorizeSecurityGroupIngress"),
        ("ec2", "CreateRoute"),
        ("ec2", "ModifySnapshotAttribute"),
        ("s3", "PutBucketPolicy"),
        ("lambda", "AddPermission"),
        ("guardduty", "DeleteDetector"),
        ("sso", "CreateAccountAssignment"),
    ):
        assert known in found
