"""Principals a role's trust policy admits: everyone, everyone who meets a condition, which other accounts.

Principal forms: IAM user guide, "AWS JSON policy elements: Principal". An identity provider that serves the public
(GitHub, GitLab, Google …) needs a condition on the token's subject.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gatewatch.events.changes.iam_conditions import is_limited, limits_subject
from gatewatch.model.iam import Trust

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.events.changes.iam_policy import PolicyDocument, Statement

_ACCOUNT = re.compile(r"^(?:arn:[^:]+:(?:iam|sts)::)?(\d{12})(?::|$)")
_SUBJECT = (
    ":sub",
    ":amr",
    ":email",
    ":enterprise_id",
    ":hd",
    ":job_workflow_ref",
    ":namespace_id",
    ":namespace_path",
    ":oaud",
    ":project_path",
    ":repository",
    ":repository_id",
    ":repository_owner",
    ":repository_owner_id",
)
_AUDIENCE = ":aud"
_PUBLIC_PROVIDERS = (
    "token.actions.githubusercontent.com",
    "gitlab.com",
    "app.terraform.io",
    "bitbucket.org",
    "agent.buildkite.com",
)


def trust_of(document: PolicyDocument, account_id: str) -> Trust:
    """Return the principals that the document admits from outside `account_id`."""
    allows = document.effective_allows
    accounts = (name for each in allows for name in _accounts(each) if name != account_id)
    return Trust(
        everyone=any(_is_open(each) and not is_limited(each) for each in allows)
        or any(_is_unrestricted_provider(name, each) for each in allows for name in _federated(each)),
        everyone_if=any(_is_open(each) and is_limited(each) for each in allows),
        accounts=tuple(dict.fromkeys(accounts)),
    )


def _is_open(statement: Statement) -> bool:
    """Whether any AWS principal is admitted, or any but a few."""
    return bool(statement.not_principals) or ("aws", "*") in statement.principals


def _federated(statement: Statement) -> Iterator[str]:
    return (name for kind, name in statement.principals if kind == "federated")


def _is_unrestricted_provider(name: str, statement: Statement) -> bool:
    """Whether an OpenID provider is admitted without a condition on the subject; SAML providers are private."""
    if ":saml-provider/" in name:
        return False
    is_public = any(provider in name for provider in _PUBLIC_PROVIDERS)
    keys = _SUBJECT if is_public else (*_SUBJECT, _AUDIENCE)
    return not any(limits_subject(each, keys) for each in statement.conditions)


def _accounts(statement: Statement) -> Iterator[str]:
    for kind, name in statement.principals:
        match = _ACCOUNT.match(name) if kind == "aws" else None
        if match:
            yield match[1]
