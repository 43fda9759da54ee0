"""Whom a resource policy lets in from outside its account: everyone, everyone who meets a condition, which accounts.

Principal forms: IAM user guide, "AWS JSON policy elements: Principal". What an AWS service may do is done for whoever
owns the other end: it counts as the accounts that `aws:SourceAccount` or `aws:SourceArn` name, and is left out where
they name none, as a policy of AWS's own consoles admits several.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct, json, structs

from gatewatch.events.changes.iam_policy import read_document
from gatewatch.events.changes.policy_conditions import OWN_ACCOUNT, narrowing_of
from gatewatch.model.resource import Narrowing
from gatewatch.model.security_group import AccountPeer, EveryonePeer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.events.changes.iam_policy import Statement

_ACCOUNT = re.compile(r"^(?:arn:[^:]+:(?:iam|sts)::)?(\d{12})(?::|$)", re.ASCII)
_ROOT = re.compile(r"^arn:[^:]+:iam::(\d{12}):root$", re.ASCII)
_ANY = re.compile(r"^(?:\*|arn:[^:]*:(?:iam|sts)::[^:]*[*?][^:]*:.*)$")
_CLOUDFRONT = re.compile(r"^arn:[^:]+:iam::cloudfront:user/")


class UnreadablePolicyError(ValueError):
    """A document is no policy, or has a statement that admits nobody who can be named."""


class Grant(Struct, frozen=True):
    """One grantee outside the account, what the grant's conditions hold it to, and digests of its statements."""

    peer: EveryonePeer | AccountPeer
    narrowing: Narrowing = Narrowing()
    statements: tuple[str, ...] = ()


def grants_of(policy: Any, account_id: str) -> tuple[Grant, ...]:
    """The grantees outside `account_id`, each once, everyone first. Raises `UnreadablePolicyError`."""
    document = read_document(policy)
    if document is None:
        raise UnreadablePolicyError
    if any(not (each.principals or each.not_principals) for each in document.effective_allows):
        raise UnreadablePolicyError
    found: dict[Grant, list[str]] = {}
    for each in document.effective_allows:
        digest = _digest(each)
        for grant in _grants(each, account_id):
            found.setdefault(grant, []).append(digest)
    grants = (structs.replace(grant, statements=tuple(dict.fromkeys(found[grant]))) for grant in found)
    return tuple(sorted(grants, key=lambda grant: (isinstance(grant.peer, AccountPeer), grant.narrowing.narrows)))


def statement_digest(statement: Any) -> str:
    """Identify a statement of a policy by what it says, in whatever form and order; empty when it cannot be read.

    AWS stores a principal that is an account as the ARN of its root user.
    """
    document = read_document({"Statement": [statement]})
    return _digest(document.statements[0]) if document else ""


def _digest(statement: Statement) -> str:
    principals, others = map(_with_root_arns, (statement.principals, statement.not_principals))
    conditions = sorted((each.operator, each.key, sorted(each.values)) for each in statement.conditions)
    actions = map(sorted, (statement.actions, statement.not_actions, statement.resources, statement.not_resources))
    values = (statement.allows, sorted(principals), sorted(others), conditions, *actions)
    return hashlib.sha256(json.encode(values)).hexdigest()[:16]


def _with_root_arns(principals: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((kind, _ROOT.sub(r"\1", name)) for kind, name in principals)


def _grants(statement: Statement, account_id: str) -> Iterator[Grant]:
    if is_open(statement):
        yield Grant(EveryonePeer(), _seen_from(narrowing_of(statement.conditions), account_id))
    accounts = [account_of_principal(kind, name) for kind, name in statement.principals]
    if any(kind == "service" for kind, _ in statement.principals):
        accounts += narrowing_of(statement.conditions).accounts
    yield from (Grant(AccountPeer(each)) for each in accounts if each and each not in (account_id, OWN_ACCOUNT))


def _seen_from(narrowing: Narrowing, account_id: str) -> Narrowing:
    accounts = tuple(OWN_ACCOUNT if each == account_id else each for each in narrowing.accounts)
    return structs.replace(narrowing, accounts=accounts)


def is_open(statement: Statement) -> bool:
    """Anyone, or anyone but a few."""
    return bool(statement.not_principals) or any(
        kind != "service" and _ANY.match(name) for kind, name in statement.principals
    )


def account_of_principal(kind: str, name: str) -> str | None:
    """The account of a principal; the principal itself where nobody knows whose it is, as of a canonical or unique id.

    None for everyone, for AWS services and for identity providers of no account.
    """
    match = _ACCOUNT.match(name) if kind in {"aws", "federated"} else None
    if match:
        return match[1]
    is_unknown = kind == "aws" and not _ANY.match(name) and not _CLOUDFRONT.match(name)
    return name if is_unknown or kind == "canonicaluser" else None
