"""The member account that a rule is about: its role, its clients, who it is in accounts.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.remediation.config_rule.evaluation import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.aws.clients import Aws
    from gatewatch.remediation.config_rule.invocation import Invocation

SESSION = "gatewatch-config-rule"


def role_arn(partition: str, account_id: str, role: str) -> str:
    """Ours by its name, in every member. Never `executionRoleArn`: nobody but AWS Config can assume that one."""
    return f"arn:{partition}:iam::{account_id}:role/{role}"


def members(aws: Aws, role: str) -> Callable[[Invocation], Aws]:
    """By the role in the member; without a name for it, everything is in the function's own account."""
    if not role:
        return lambda _invocation: aws

    def assumed(invocation: Invocation) -> Aws:
        if role.startswith("AWSServiceRole"):
            raise EvaluationError(f"{role} is a service-linked role; name the role of compliance/member.yaml")
        arn = role_arn(invocation.partition, invocation.account_id, role)
        return aws.assumed(arn, invocation.region, SESSION)

    return assumed
