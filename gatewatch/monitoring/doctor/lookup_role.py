"""The role by which functions/alert asks members what a group is attached to: may the hub take it, is it there?"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from msgspec import Struct

from gatewatch.monitoring.doctor.model import Finding, Light, Unseen
from gatewatch.monitoring.doctor.query import ask, is_absent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from gatewatch.aws.clients import Aws

Callers = tuple[str, ...] | Unseen | None
_WHAT = "read role"
_HUB = "hub"


class AlertRole(Struct, frozen=True):
    """The role of functions/alert, and the ARNs of those that it may take, as its policies have them."""

    arn: str
    takes: tuple[str, ...]


def gather_alert_role(aws: Aws, stage: str) -> AlertRole | Unseen:
    return ask(lambda: _alert_role(aws, f"gatewatch-{stage}-alert"))


def _alert_role(aws: Aws, function: str) -> AlertRole:
    arn = aws.functions.get_function_configuration(FunctionName=function)["Role"]
    name = arn.rpartition("/")[2]
    names = aws.iam.list_role_policies(RoleName=name)["PolicyNames"]
    documents = [aws.iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in names]
    return AlertRole(arn, tuple(role for each in documents for role in _granted(each)))


def gather_callers(aws: Aws, role: str) -> Callers:
    """Patterns of the ARNs of those who may take a role of this account; None when it has no such role."""
    return ask(lambda: _callers(aws, role.rpartition("/")[2]))


def _callers(aws: Aws, name: str) -> tuple[str, ...] | None:
    try:
        document: Any = aws.iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    except ClientError as error:
        if is_absent(error):
            return None
        raise
    statements = _statements(document)
    named = (each.get("Condition", {}).get("ArnLike", {}).get("aws:PrincipalArn") for each in statements)
    return tuple(arn for each in named for arn in _listed(each))


def judge_alert_role(found: AlertRole | Unseen, roles: Collection[str]) -> Iterator[Finding]:
    """Nothing where accounts.yaml names no read role."""
    for role in roles:
        if isinstance(found, Unseen):
            remedy = "run the doctor with a role that may read the roles of the monitoring account"
            yield Finding(_HUB, _WHAT, Light.YELLOW, f"could not look: {found.reason}", remedy)
        elif any(arn.endswith(f":role/{role}") for arn in found.takes):
            yield Finding(_HUB, _WHAT, Light.GREEN, f"functions/alert may take {role}")
        else:
            remedy = f"deploy the hub with --param=readRole={role}, or take read_role out of accounts.yaml"
            yield Finding(_HUB, _WHAT, Light.RED, f"functions/alert may not take {role}", remedy)


def judge_callers(where: str, role: str, callers: Callers, alert: AlertRole | Unseen) -> Finding:
    remedy = "give member.yaml the parameter SurveyorArn in the global Region: the hub's output AlertRoleArn"
    if isinstance(callers, Unseen):
        return Finding(where, _WHAT, Light.YELLOW, f"could not look: {callers.reason}", remedy)
    if callers is None:
        said = f"there is no role {role}, so alerts do not say what a group is attached to"
        return Finding(where, _WHAT, Light.RED, said, remedy)
    if isinstance(alert, AlertRole) and not any(fnmatchcase(alert.arn, each) for each in callers):
        return Finding(where, _WHAT, Light.RED, f"{role} does not let functions/alert in", remedy)
    return Finding(where, _WHAT, Light.GREEN, f"{role} is there")


def _granted(document: Any) -> Iterator[str]:
    for statement in _statements(document):
        if statement.get("Effect") == "Allow" and "sts:AssumeRole" in _listed(statement.get("Action")):
            yield from _listed(statement.get("Resource"))


def _statements(document: Any) -> list[Mapping[str, Any]]:
    """IAM answers JSON as text where botocore has not read it yet."""
    whole = json.loads(document) if isinstance(document, str) else document
    return _listed(whole.get("Statement"))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
