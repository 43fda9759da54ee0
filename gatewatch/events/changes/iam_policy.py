"""IAM policy documents: how far they reach, whom they let in, whether they deny.

Grammar: IAM user guide, "Grammar of the IAM JSON policy language". Single values and lists are the same thing,
actions ignore letter case, `*` and `?` are wildcards. What cannot be read is None, never "harmless".
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from msgspec import Struct

from gatewatch.model.iam import Reach

if TYPE_CHECKING:
    from collections.abc import Iterator

# With one of these on every resource one gives oneself more than one has.
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
    def is_on_everything(self) -> bool:
        """A `NotResource` leaves out a few: all the rest is everything enough."""
        return bool(self.not_resources) or any(_ANY_ARN.match(each) for each in self.resources)

    def covers(self, action: str) -> bool:
        if self.not_actions:
            return not any(fnmatchcase(action, each) for each in self.not_actions)
        return any(fnmatchcase(action, each) for each in self.actions)

    @property
    def is_every_action(self) -> bool:
        return any(_ANYTHING.match(each) for each in self.actions)


class PolicyDocument(Struct, frozen=True):
    statements: tuple[Statement, ...]

    @property
    def denies(self) -> bool:
        return any(not each.allows for each in self.statements)

    @property
    def allowing(self) -> tuple[Statement, ...]:
        """The statements that allow something; none when all of it is denied again, without a condition."""
        if any(_denies_all(each) for each in self.statements):
            return ()
        return tuple(each for each in self.statements if each.allows)


def _denies_all(statement: Statement) -> bool:
    is_plain = not statement.is_conditional and not statement.not_resources
    return not statement.allows and statement.is_every_action and statement.is_on_everything and is_plain


def read_document(value: Any) -> PolicyDocument | None:
    """JSON text, URL-encoded JSON text as answers carry it, or parsed JSON; None for anything else."""
    parsed = _parsed(value) if isinstance(value, str) else value
    if not isinstance(parsed, dict):
        return None
    statements = _several(_get(parsed, "Statement"))
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
    """Logs that were copied around may have lost the case of a key."""
    return fields.get(name, fields.get(name.lower()))


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(each) for each in _several(value) if isinstance(each, str | int))


def _lowered(fields: dict[str, Any], name: str) -> tuple[str, ...]:
    return tuple(each.lower() for each in _texts(_get(fields, name)))


def _principals(value: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(value, dict):
        return tuple((str(kind).lower(), name) for kind, names in value.items() for name in _texts(names))
    return tuple(("aws", name) for name in _texts(value))


def _condition_keys(condition: Any) -> Iterator[str]:
    """`{"StringEquals": {"aws:PrincipalOrgID": …}}`: the keys that are held to a value.

    An operator that says what must not be leaves the rest of the world in, and so does the value `*`.
    """
    for operator, tests in condition.items() if isinstance(condition, dict) else ():
        if isinstance(tests, dict) and not _NEGATIVE.search(str(operator)):
            yield from (str(key).lower() for key, values in tests.items() if "*" not in _texts(values))


def reach_of(document: PolicyDocument) -> Reach:
    """How far the statements go that allow something on every resource."""
    wide = [each for each in document.allowing if each.is_on_everything]
    if any(each.is_every_action or each.not_actions for each in wide):
        return Reach.ADMINISTRATOR
    covered = {action for action in _ESCALATING for each in wide if each.covers(action)}
    if all(action in covered for action in _ESCALATING if action.startswith("iam:")):
        return Reach.ADMINISTRATOR
    return Reach.ESCALATES if covered else Reach.ORDINARY
