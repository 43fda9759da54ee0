"""Access to member accounts by the doctor role, and what is special to a Region."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.aws.clients import Aws
    from gatewatch.events.canary import AccountRegion

DOCTOR_ROLE = "gatewatch/gatewatch-doctor"
# The Region that records IAM events by partition, as in the mapping of eventbridge/member.yaml.
GLOBAL_REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
}


def doctor_session(aws: Aws) -> Callable[[AccountRegion], Aws]:
    """Return a function from account and Region to AWS clients, by the doctor role in every account."""

    def session_for(origin: AccountRegion) -> Aws:
        role = f"arn:{aws.partition(origin.region)}:iam::{origin.account_id}:role/{DOCTOR_ROLE}"
        return aws.assume_role(role, origin.region, "gatewatch-doctor")

    return session_for
