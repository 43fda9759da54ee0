"""IAM policy documents: their statements, principals and privilege level.

Grammar: IAM user guide, "Grammar of the IAM JSON policy language". A single value equals a list of one, actions are
case-insensitive, `*` and `?` are wildcards. An unreadable document is None.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from msgspec import Struct

from gatewatch.model.iam import PrivilegeLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

# Privilege escalation: each of these, on every resource, lets the holder grant themselves more permissions.
_ESCALATING = (
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
    "sts:assumerole",
)
_ANYTHING = re.compile(r"^[*?:]*\*[*?:]*$")
_NEGATIVE = re.compile(r"Not|Null", re.IGNORECASE)
_ANY_ARN = re.compile(r"^(?:arn:[^:]*(?::\*)+|[*?:]*\*[*?:]*)$")


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
    condition_keys: frozenset[str] = frozenset()

    @property
    def covers_all_resources(self) -> bool:
        """Whether it applies to all resources; `NotResource`, which leaves out a few, counts as all."""
        return bool(self.not_resources) or any(_ANY_ARN.match(each) for each in self.resources)

    def covers(self, action: str) -> bool:
        if self.not_actions:
            return not any(fnmatchcase(action, each) for each in self.not_actions)
        return any(fnmatchcase(action, each) for each in self.actions)

    @property
    def covers_all_actions(self) -> bool:
        return any(_ANYTHING.match(each) for each in self.actions)


class PolicyDocument(Struct, frozen=True):
    statements: tuple[Statement, ...]

    @property
    def has_deny(self) -> bool:
        return any(not each.allows for each in self.statements)

    @property
    def effective_allows(self) -> tuple[Statement, ...]:
        """The allowing statements; none when the document denies everything without a condition."""
        if any(_denies_all(each) for each in self.statements):
            return ()
        return tuple(each for each in self.statements if each.allows)


def _denies_all(statement: Statement) -> bool:
    is_plain = not statement.is_conditional and not statement.not_resources
    return not statement.allows and statement.covers_all_actions and statement.covers_all_resources and is_plain


def read_document(value: Any) -> PolicyDocument | None:
    """Read JSON text, URL-encoded JSON text (as in responses) or parsed JSON; None for anything else."""
    parsed = _parsed(value) if isinstance(value, str) else value
    if not isinstance(parsed, dict):
        return None
    statements = _as_list(_get(parsed, "Statement"))
    read = [_statement(each) for each in statements]
    known = tuple(each for each in read if each is not None)
    return PolicyDocument(known) if known and len(known) == len(read) else None


def _parsed(text: str) -> Any:
    for candidate in (text, unquote(text)):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    return None


def _statement(value: Any) -> Statement | None:
    if not isinstance(value, dict):
        return None
    effect = _get(value, "Effect")
    if effect not in ("Allow", "Deny"):
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
        condition_keys=frozenset(_condition_keys(_get(value, "Condition"))),
    )


def _get(fields: dict[str, Any], name: str) -> Any:
    """A key, also in lower case: some copies of logs lose the case of keys."""
    return fields.get(name, fields.get(name.lower()))


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(each) for each in _as_list(value) if isinstance(each, str | int))


def _lowered(fields: dict[str, Any], name: str) -> tuple[str, ...]:
    return tuple(each.lower() for each in _texts(_get(fields, name)))


def _principals(value: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(value, dict):
        return tuple((str(kind).lower(), name) for kind, names in value.items() for name in _texts(names))
    return tuple(("aws", name) for name in _texts(value))


def _condition_keys(condition: Any) -> Iterator[str]:
    """The keys that a condition limits to a value, of `{"StringEquals": {"aws:PrincipalOrgID": …}}`.

    A negated operator excludes only some values, and the value `*` none, so neither limits the key.
    """
    for operator, tests in condition.items() if isinstance(condition, dict) else ():
        if isinstance(tests, dict) and not _NEGATIVE.search(str(operator)):
            yield from (str(key).lower() for key, values in tests.items() if "*" not in _texts(values))


def privilege_level_of(document: PolicyDocument) -> PrivilegeLevel:
    """Return the privilege level of the statements that apply to all resources."""
    wide = [each for each in document.effective_allows if each.covers_all_resources]
    if any(each.covers_all_actions or each.not_actions for each in wide):
        return PrivilegeLevel.ADMINISTRATOR
    covered = {action for action in _ESCALATING for each in wide if each.covers(action)}
    if all(action in covered for action in _ESCALATING if action.startswith("iam:")):
        return PrivilegeLevel.ADMINISTRATOR
    return PrivilegeLevel.ESCALATES if covered else PrivilegeLevel.ORDINARY
