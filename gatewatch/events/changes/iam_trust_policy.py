"""Principals a role's trust policy admits: everyone, everyone who meets a condition, which other accounts.

Principal forms: IAM user guide, "AWS JSON policy elements: Principal". An identity provider that serves the public
(GitHub, GitLab, Google …) needs a condition on the token's subject.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gatewatch.model.iam import Trust

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.events.changes.iam_policy import PolicyDocument, Statement

_ACCOUNT = re.compile(r"^(?:arn:[^:]+:(?:iam|sts)::)?(\d{12})(?::|$)")
# Condition keys about the caller or its origin. A condition on anything else (time, a request tag) limits nobody.
_NARROWING = (
    "aws:principal",
    "aws:userid",
    "aws:username",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorg",
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:vpcsourceip",
    "aws:federatedprovider",
    "sts:externalid",
    "saml:",
)
_SUBJECT = (":sub", ":aud", ":amr", ":oaud", ":email", ":repository", ":job_workflow_ref", ":namespace_id", ":hd")
_PUBLIC_PROVIDERS = ("token.actions.githubusercontent.com", "gitlab.com", "app.terraform.io", "bitbucket.org")


def trust_of(document: PolicyDocument, account_id: str) -> Trust:
    """Return the principals that the document admits from outside `account_id`."""
    trusting = document.effective_allows
    accounts = (name for each in trusting for name in _accounts(each) if name != account_id)
    return Trust(
        everyone=any(_is_open(each) and not _is_narrowed(each) for each in trusting)
        or any(_is_unrestricted_provider(name, each) for each in trusting for name in _federated(each)),
        everyone_if=any(_is_open(each) and _is_narrowed(each) for each in trusting),
        accounts=tuple(dict.fromkeys(accounts)),
    )


def _is_open(statement: Statement) -> bool:
    """Whether any AWS principal is admitted, or any but a few."""
    return bool(statement.not_principals) or ("aws", "*") in statement.principals


def _is_narrowed(statement: Statement) -> bool:
    return any(key.startswith(_NARROWING) for key in statement.condition_keys)


def _federated(statement: Statement) -> Iterator[str]:
    return (name for kind, name in statement.principals if kind == "federated")


def _is_unrestricted_provider(name: str, statement: Statement) -> bool:
    """Whether an OpenID provider is admitted without a condition on the subject; SAML providers are private."""
    if ":saml-provider/" in name:
        return False
    keys = [key for key in statement.condition_keys if key.endswith(_SUBJECT)]
    if any(provider in name for provider in _PUBLIC_PROVIDERS):
        keys = [key for key in keys if not key.endswith(":aud")]
    return not keys


def _accounts(statement: Statement) -> Iterator[str]:
    for kind, name in statement.principals:
        match = _ACCOUNT.match(name) if kind == "aws" else None
        if match:
            yield match[1]
