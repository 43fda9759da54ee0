"""The remediation role of a member account and the AWS clients that use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.aws.roles import role_arn
from gatewatch.errors import ConfigurationError
from gatewatch.remediation.config_rule.evaluation import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from gatewatch.aws.clients import Aws
    from gatewatch.remediation.config_rule.invocation import Invocation

SESSION_NAME = "gatewatch-config-rule"


def member_clients(aws: Aws, role: str, account_ids: Collection[str]) -> Callable[[Invocation], Aws]:
    """Return what maps an invocation to clients of its account; without a role, those of the function's own account.

    The result raises `EvaluationError` for an account that is not one of `account_ids`.
    """
    if not role:
        return lambda _invocation: aws
    if role.startswith("aws-service-role/") or role.rpartition("/")[2].startswith("AWSServiceRole"):
        raise ConfigurationError(f"{role} is a service-linked role; name the role of eventbridge/member.yaml")

    def assumed(invocation: Invocation) -> Aws:
        if invocation.account_id not in account_ids:
            raise EvaluationError(f"accounts.yaml has no account {invocation.account_id}; nothing is evaluated there")
        # `executionRoleArn` of the event can be assumed by AWS Config only.
        arn = role_arn(invocation.partition, invocation.account_id, role)
        return aws.assume_role(arn, invocation.region, SESSION_NAME)

    return assumed
