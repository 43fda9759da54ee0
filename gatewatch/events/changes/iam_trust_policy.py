"""Principals a role's trust policy admits: everyone, everyone who meets a condition, which other accounts.

Principal forms: IAM user guide, "AWS JSON policy elements: Principal". An identity provider that serves the public
(GitHub, GitLab, Google …) needs a condition on the token's subject.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gatewatch.events.changes.policy_conditions import narrowing_of
from gatewatch.events.changes.resource_policy import account_of_principal, is_open
from gatewatch.model.iam import Trust

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.events.changes.iam_policy import Condition, PolicyDocument, Statement

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
_NEGATED = re.compile(r"not|null")
_MET_BY_ABSENCE = re.compile(r"^forallvalues:|ifexists$")
# Claims that every token has, so that no condition on them is met by their absence.
_ALWAYS_THERE = frozenset({"sub", "aud"})
# GitHub lets every organization choose the claims of its subjects: one that begins with these names no owner.
_OWNERLESS = re.compile(
    r"^(?:actor|actor_id|base_ref|context|environment|event_name|head_ref|ref|ref_protected|ref_type"
    r"|repository_visibility|run_attempt|run_id|run_number|runner_environment|sha|workflow|job_workflow_sha):"
)
# `KEY:OWNER/…`, `KEY:OWNER:…` or `OWNER/…`, without a wildcard before the end of the owner.
_OWNER = re.compile(r"^(?:[^:/*?]+:[^:/*?]+[:/]|[^:/*?]+/)")
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
        everyone=any(is_open(each) and not narrowing_of(each.conditions).narrows for each in allows)
        or any(_is_unrestricted_provider(name, each) for each in allows for name in _federated(each)),
        everyone_if=any(is_open(each) and narrowing_of(each.conditions).narrows for each in allows),
        accounts=tuple(dict.fromkeys(accounts)),
    )


def _federated(statement: Statement) -> Iterator[str]:
    return (name for kind, name in statement.principals if kind == "federated")


def _is_unrestricted_provider(name: str, statement: Statement) -> bool:
    """Whether an OpenID provider is admitted without a condition on the subject; SAML providers are private."""
    if ":saml-provider/" in name:
        return False
    is_public = any(provider in name.lower() for provider in _PUBLIC_PROVIDERS)
    keys = _SUBJECT if is_public else (*_SUBJECT, _AUDIENCE)
    issuer = name.rpartition(":oidc-provider/")[2].lower()
    return not any(_limits_subject(each, issuer, keys) for each in statement.conditions)


def _accounts(statement: Statement) -> Iterator[str]:
    return filter(None, (account_of_principal(kind, name) for kind, name in statement.principals))


def _limits_subject(condition: Condition, issuer: str, keys: tuple[str, ...]) -> bool:
    """Whether a condition on a claim of a token leaves no owner open: `repo:my-org/*` limits, `repo:*` does not.

    A policy variable may be a claim of the very token.

    `keys` are the endings of the claims, which are those of this issuer: a token has no others.
    """
    if not condition.key.startswith(f"{issuer}:") or not condition.key.endswith(keys) or not condition.values:
        return False
    claim = condition.key.rpartition(":")[2]
    is_met_by_absence = claim not in _ALWAYS_THERE and _MET_BY_ABSENCE.search(condition.operator)
    if is_met_by_absence or _NEGATED.search(condition.operator):
        return False
    return all(_has_owner(each) for each in condition.values)


def _has_owner(value: str) -> bool:
    has_wildcard = "*" in value or "?" in value
    is_fixed = "${" not in value and (not has_wildcard or bool(_OWNER.match(value)))
    return bool(value) and is_fixed and not _OWNERLESS.match(value)
