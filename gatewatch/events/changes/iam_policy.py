"""IAM policy documents: their statements, principals and privilege level.

Grammar: IAM user guide, "Grammar of the IAM JSON policy language". A single value equals a list of one, actions are
case-insensitive, `*` and `?` are wildcards. An unreadable document is None.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from msgspec import Struct

from gatewatch.events.changes.normalization import parse_json
from gatewatch.events.changes.policy_resources import covers_a_kind, covers_everything
from gatewatch.model.iam import PrivilegeLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

# All of these, on every resource, are as good as administrator rights.
_ALL_OF_IAM = (
    "iam:addusertogroup",
    "iam:attachgrouppolicy",
    "iam:attachrolepolicy",
    "iam:attachuserpolicy",
    "iam:createaccesskey",
    "iam:createloginprofile",
    "iam:createpolicyversion",
    "iam:putgrouppolicy",
    "iam:putrolepolicy",
    "iam:putuserpolicy",
    "iam:setdefaultpolicyversion",
    "iam:updateassumerolepolicy",
    "iam:updateloginprofile",
)
# Privilege escalation: each of these, on every resource, lets the holder get more permissions.
_ESCALATING = (
    *_ALL_OF_IAM,
    "iam:deleterolepermissionsboundary",
    "iam:deleteuserpermissionsboundary",
    "lambda:updatefunctioncode",
    "sts:assumerole",
)
_PASS_ROLE = "iam:passrole"  # noqa: S105  an action, not a password
# With iam:PassRole: a service runs code of the caller with the role that was passed.
_RUNS_CODE = (
    "apprunner:createservice",
    "autoscaling:createautoscalinggroup",
    "autoscaling:createlaunchconfiguration",
    "batch:registerjobdefinition",
    "batch:submitjob",
    "bedrock-agentcore:create*",
    "bedrock:createagent",
    "braket:createjob",
    "cloudformation:createchangeset",
    "cloudformation:createstack",
    "cloudformation:createstackset",
    "cloudformation:updatestack",
    "cloudformation:updatestackset",
    "codebuild:createproject",
    "codebuild:updateproject",
    "codepipeline:createpipeline",
    "datapipeline:*",
    "ec2:associateiaminstanceprofile",
    "ec2:createfleet",
    "ec2:replaceiaminstanceprofileassociation",
    "ec2:requestspotfleet",
    "ec2:requestspotinstances",
    "ec2:runinstances",
    "ecs:createservice",
    "ecs:registertaskdefinition",
    "ecs:runtask",
    "ecs:starttask",
    "elasticbeanstalk:createenvironment",
    "elasticmapreduce:runjobflow",
    "emr-containers:startjobrun",
    "emr-serverless:startjobrun",
    "glue:createdevendpoint",
    "glue:createjob",
    "glue:createsession",
    "glue:updatejob",
    "imagebuilder:create*",
    "lambda:createfunction",
    "sagemaker:create*",
    "scheduler:createschedule",
    "ssm:startautomationexecution",
    "states:createstatemachine",
    "states:updatestatemachine",
)


_PRINCIPALS = ("Principal", "NotPrincipal")
_PRINCIPAL_KINDS = frozenset({"aws", "canonicaluser", "federated", "service"})


class Condition(Struct, frozen=True):
    """One operator of a condition on one key, both in lower case. The values are alternatives."""

    operator: str
    key: str
    values: tuple[str, ...]


class Statement(Struct, frozen=True, kw_only=True):
    """One statement; actions, kinds of principals and condition keys in lower case.

    `principals` pairs a kind (`aws`, `service`, `federated`) with a name.
    """

    allows: bool
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    principals: tuple[tuple[str, str], ...] = ()
    not_principals: tuple[tuple[str, str], ...] = ()
    is_conditional: bool = False
    conditions: tuple[Condition, ...] = ()

    @property
    def covers_all_resources(self) -> bool:
        """Whether it applies to all resources; `NotResource`, which leaves out a few, counts as all."""
        return bool(self.not_resources) or any(map(covers_everything, self.resources))

    @property
    def covers_a_kind(self) -> bool:
        """Whether it applies to all resources, or to all roles, users, groups, policies or functions."""
        return self.covers_all_resources or any(map(covers_a_kind, self.resources))

    def covers(self, action: str) -> bool:
        if self.not_actions:
            return not any(fnmatchcase(action, each) for each in self.not_actions)
        return any(fnmatchcase(action, each) for each in self.actions)

    @property
    def covers_all_actions(self) -> bool:
        return any(map(_is_anything, self.actions))

    @property
    def runs_code(self) -> bool:
        """Whether it allows an action that runs code, also one of those that `_RUNS_CODE` names by a wildcard."""
        return any(self.covers(each) or any(fnmatchcase(own, each) for own in self.actions) for each in _RUNS_CODE)


def _is_anything(pattern: str) -> bool:
    return "*" in pattern and not pattern.strip("*?:")


class PolicyDocument(Struct, frozen=True):
    statements: tuple[Statement, ...]

    @property
    def has_deny(self) -> bool:
        return any(not each.allows for each in self.statements)

    @property
    def is_deny_only(self) -> bool:
        return not any(each.allows for each in self.statements)

    @property
    def effective_allows(self) -> tuple[Statement, ...]:
        """The allowing statements; none when the document denies everything without a condition."""
        if any(_denies_all(each) for each in self.statements):
            return ()
        return tuple(each for each in self.statements if each.allows)


def _denies_all(statement: Statement) -> bool:
    """Only `*` itself is all: another pattern may match less than it seems to."""
    is_for_all = not statement.principals and not statement.not_principals
    is_for_all = is_for_all or ("aws", "*") in statement.principals
    covers_all = "*" in statement.actions and "*" in statement.resources
    return not statement.allows and covers_all and not statement.is_conditional and is_for_all


def read_document(value: Any) -> PolicyDocument | None:
    """Read JSON text, URL-encoded JSON text (as in responses) or parsed JSON; None for anything else."""
    parsed = _parsed(value) if isinstance(value, str) else value
    if not isinstance(parsed, dict):
        return None
    statements = as_tuple(_get(parsed, "Statement"))
    read = [_statement(each) for each in statements]
    known = tuple(each for each in read if each is not None)
    return PolicyDocument(known) if known and len(known) == len(read) else None


def _parsed(text: str) -> Any:
    for candidate in (text, unquote(text)):
        try:
            return parse_json(candidate)
        except (ValueError, RecursionError):
            continue
    return None


def _statement(value: Any) -> Statement | None:
    if not isinstance(value, dict):
        return None
    effect = _get(value, "Effect")
    if effect not in ("Allow", "Deny") or not all(_is_principal(_get(value, each)) for each in _PRINCIPALS):
        return None
    return Statement(
        allows=effect == "Allow",
        actions=_lowered(value, "Action"),
        not_actions=_lowered(value, "NotAction"),
        resources=_texts(_get(value, "Resource")),
        not_resources=_texts(_get(value, "NotResource")),
        principals=_principals(_get(value, "Principal")),
        not_principals=_principals(_get(value, "NotPrincipal")),
        is_conditional=bool(_get(value, "Condition")),
        conditions=tuple(_conditions(_get(value, "Condition"))),
    )


def _is_principal(value: Any) -> bool:
    """Whether every kind of principal is known and every name is text; absent is fine."""
    named = value if isinstance(value, dict) else {"AWS": value}
    kinds = {str(kind).lower() for kind in named}
    names = [each for names in named.values() for each in as_tuple(names)]
    return _PRINCIPAL_KINDS.issuperset(kinds) and all(each and isinstance(each, str | int) for each in names)


def _get(fields: dict[str, Any], name: str) -> Any:
    """A key, also in lower case: some copies of logs lose the case of keys."""
    return fields.get(name, fields.get(name.lower()))


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Return the elements of a list, or a single value as one of them."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(each) for each in as_tuple(value) if isinstance(each, str | int))


def _text(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _lowered(fields: dict[str, Any], name: str) -> tuple[str, ...]:
    return tuple(each.lower() for each in _texts(_get(fields, name)))


def _principals(value: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(value, dict):
        return tuple((str(kind).lower(), name) for kind, names in value.items() for name in _texts(names))
    return tuple(("aws", name) for name in _texts(value))


def _conditions(condition: Any) -> Iterator[Condition]:
    """`{"StringEquals": {"aws:PrincipalOrgID": …}}`, one for each key."""
    for operator, tests in condition.items() if isinstance(condition, dict) else ():
        for key, values in tests.items() if isinstance(tests, dict) else ():
            texts = _texts(values)
            is_read = len(texts) == len(as_tuple(values))
            yield Condition(str(operator).lower(), str(key).lower(), texts if is_read else ())


def privilege_level_of(document: PolicyDocument) -> PrivilegeLevel:
    """Return the privilege level of the statements that apply to all resources, or to all of a kind."""
    allows = document.effective_allows
    everything = [each for each in allows if each.covers_all_resources]
    if any(each.covers_all_actions or each.not_actions for each in everything):
        return PrivilegeLevel.ADMINISTRATOR
    wide = [each for each in allows if each.covers_a_kind]
    covered = {action for action in (*_ESCALATING, _PASS_ROLE) for each in wide if each.covers(action)}
    if covered.issuperset(_ALL_OF_IAM):
        return PrivilegeLevel.ADMINISTRATOR
    passes_roles = _PASS_ROLE in covered and any(each.runs_code for each in allows)
    return PrivilegeLevel.ESCALATES if passes_roles or covered - {_PASS_ROLE} else PrivilegeLevel.ORDINARY
