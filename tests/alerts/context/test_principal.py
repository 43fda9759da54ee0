"""The stable name of a caller, which the caller cannot choose."""

import pytest
from msgspec.structs import replace

from gatewatch.alerts.context.principal import name_in_all_accounts, principal_of
from support.builders import ACCOUNT, ALICE, OTHER_ACCOUNT
from support.callers import call, person, session

ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci"


@pytest.mark.parametrize(
    ("identity", "principal", "name"),
    [
        (person(), "Admin/alice@example.com", "session/alice@example.com"),
        (person(suffix="fedcba9876543210"), "Admin/alice@example.com", "session/alice@example.com"),
        (person(permission_set="Read_Only"), "Read_Only/alice@example.com", "session/alice@example.com"),
        (session("ci", "i-0123456789abcdef0"), ROLE, "role/ci"),
        (session("ci", "6c1f0e8e-4b5e-4f0a-8f5e-1d2c3b4a5968"), ROLE, "role/ci"),
        (session("ci", "alice@example.com"), ROLE, "role/ci"),
        (session("AWSReservedSSO_Admin_0123456789abcdef", "alice@example.com"), None, None),
        (session("ci", "1", path="team/"), f"arn:aws:iam::{ACCOUNT}:role/team/ci", "role/team/ci"),
        (ALICE, f"arn:aws:iam::{ACCOUNT}:user/alice", "user/alice"),
        ({"type": "Root", "accountId": ACCOUNT, "arn": ROOT_ARN}, ROOT_ARN, "root"),
        ({"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}, "", ""),
        ({"type": "AWSAccount", "principalId": "AIDAX", "accountId": OTHER_ACCOUNT}, "", ""),
        ({"type": "Unknown"}, "", ""),
    ],
)
def test_a_caller_has_a_name_that_aws_vouches_for(identity, principal, name):
    found = call(identity)
    role = f"arn:aws:iam::{ACCOUNT}:role/AWSReservedSSO_Admin_0123456789abcdef"
    assert principal_of(found) == (role if principal is None else principal)
    assert name_in_all_accounts(found) == ("role/AWSReservedSSO_Admin_0123456789abcdef" if name is None else name)


def test_an_access_key_and_a_source_identity_change_nothing():
    other = session("ci", "x") | {"accessKeyId": "ASIAEXAMPLEEXAMPLE02"}
    other["sessionContext"]["sourceIdentity"] = "root"
    assert principal_of(call(other)) == principal_of(call(session("ci", "y")))


def test_an_event_that_is_not_trusted_has_no_caller():
    assert principal_of(replace(call(), conflicts=("account",))) == ""
