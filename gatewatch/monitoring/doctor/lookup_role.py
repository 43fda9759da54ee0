"""Check the lookup role: whether functions/alert may assume it, and whether it exists and trusts functions/alert."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from msgspec import Struct

from gatewatch.monitoring.doctor.model import CheckResult, CheckStatus, QueryFailed
from gatewatch.monitoring.doctor.policy_documents import element_list, statements_of
from gatewatch.monitoring.doctor.query import is_not_found, run_query

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from gatewatch.aws.clients import Aws

TrustedCallers = tuple[str, ...] | QueryFailed | None
_CHECK = "lookup role"
_HUB = "hub"


class AlertRole(Struct, frozen=True):
    """The role of functions/alert, and the ARNs of the roles that its policies allow it to assume."""

    arn: str
    assumable_roles: tuple[str, ...]


def gather_alert_role(aws: Aws, stage: str) -> AlertRole | QueryFailed:
    return run_query(lambda: _alert_role(aws, f"gatewatch-{stage}-alert"))


def _alert_role(aws: Aws, function: str) -> AlertRole:
    arn = aws.lambda_.get_function_configuration(FunctionName=function)["Role"]
    name = arn.rpartition("/")[2]
    names = aws.iam.list_role_policies(RoleName=name)["PolicyNames"]
    documents = [aws.iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in names]
    return AlertRole(arn, tuple(role for each in documents for role in _assumable_roles(each)))


def gather_trusted_callers(aws: Aws, role: str) -> TrustedCallers:
    """Return the ARN patterns of the principals that a role of this account trusts; None when it does not exist."""
    return run_query(lambda: _callers(aws, role.rpartition("/")[2]))


def _callers(aws: Aws, name: str) -> tuple[str, ...] | None:
    try:
        document: Any = aws.iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    except ClientError as error:
        if is_not_found(error):
            return None
        raise
    statements = statements_of(document)
    named = (each.get("Condition", {}).get("ArnLike", {}).get("aws:PrincipalArn") for each in statements)
    return tuple(arn for each in named for arn in element_list(each))


def judge_alert_role(found: AlertRole | QueryFailed, roles: Collection[str]) -> Iterator[CheckResult]:
    """Check that functions/alert may assume the roles; yields nothing when accounts.yaml has no `read_role`."""
    for role in roles:
        if isinstance(found, QueryFailed):
            remedy = "run gatewatch doctor with a role that may read IAM roles in the hub account"
            yield CheckResult(_HUB, _CHECK, CheckStatus.WARNING, f"check failed: {found.reason}", remedy)
        elif any(arn.endswith(f":role/{role}") for arn in found.assumable_roles):
            yield CheckResult(_HUB, _CHECK, CheckStatus.OK, f"functions/alert may assume {role}")
        else:
            remedy = (
                "set members.lookups in deploy/STAGE.yaml, then make deploy; or remove read_role from accounts.yaml"
            )
            yield CheckResult(_HUB, _CHECK, CheckStatus.ERROR, f"functions/alert may not assume {role}", remedy)


def judge_trusted_callers(
    where: str, role: str, callers: TrustedCallers, alert: AlertRole | QueryFailed
) -> CheckResult:
    remedy = "set members.lookups in deploy/STAGE.yaml, then gatewatch members apply"
    if isinstance(callers, QueryFailed):
        return CheckResult(where, _CHECK, CheckStatus.WARNING, f"check failed: {callers.reason}", remedy)
    if callers is None:
        detail = f"there is no role {role}, so alerts do not show what a group is attached to"
        return CheckResult(where, _CHECK, CheckStatus.ERROR, detail, remedy)
    if isinstance(alert, AlertRole) and not any(fnmatchcase(alert.arn, each) for each in callers):
        return CheckResult(where, _CHECK, CheckStatus.ERROR, f"{role} does not trust functions/alert", remedy)
    return CheckResult(where, _CHECK, CheckStatus.OK, f"{role} exists")


def _assumable_roles(document: Any) -> Iterator[str]:
    for statement in statements_of(document):
        if statement.get("Effect") == "Allow" and "sts:AssumeRole" in element_list(statement.get("Action")):
            yield from element_list(statement.get("Resource"))
