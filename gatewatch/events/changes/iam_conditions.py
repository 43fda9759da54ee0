"""Conditions of policies that admit everyone: which of them limit who is admitted, and which everyone meets.

Operators: IAM user guide, "Condition operators". A negated operator, `…IfExists` and `ForAllValues:` are met by a
request that does not send the key, except where the key is always there (the subject of an OpenID token).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gatewatch.model.network import parse_cidr, world_networks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gatewatch.events.changes.iam_policy import Condition, Statement

_NEGATED = re.compile(r"not|null")
_MET_BY_ABSENCE = re.compile(r"ifexists$|^forallvalues:")
_ONLY_WILDCARDS = re.compile(r"^[*?]*$")
_ARN_PARTS = 6


def is_limited(statement: Statement) -> bool:
    """Whether a condition of an open statement limits who is admitted, by caller, origin or a shared secret."""
    return any(_limits_caller(each) for each in statement.conditions)


def _limits_caller(condition: Condition) -> bool:
    if _NEGATED.search(condition.operator) or _MET_BY_ABSENCE.search(condition.operator) or not condition.values:
        return False
    limits = next((check for prefix, check in _KEYS if condition.key.startswith(prefix)), None)
    return limits is not None and limits(condition.values)


def limits_subject(condition: Condition, keys: tuple[str, ...]) -> bool:
    """Whether a condition on a claim of a token leaves no owner open: `repo:my-org/*` limits, `repo:*` does not.

    `keys` are the endings of the claims. A token always has its claims, so `IfExists` makes no difference.
    """
    if _NEGATED.search(condition.operator) or not condition.key.endswith(keys) or not condition.values:
        return False
    return all(_has_owner(each) for each in condition.values)


# `KEY:OWNER/…`, `KEY:OWNER:…` or `OWNER/…`, without a wildcard before the end of the owner.
_OWNER = re.compile(r"^(?:[^:/*?]+:[^:/*?]+[:/]|[^:/*?]+/)")


def _has_owner(value: str) -> bool:
    has_wildcard = "*" in value or "?" in value
    return bool(value) and (not has_wildcard or bool(_OWNER.match(value)))


def _all_literal(values: Sequence[str]) -> bool:
    return not any("*" in each or "?" in each for each in values)


def _begin_literally(values: Sequence[str]) -> bool:
    return all(each and each[0] not in "*?" for each in values)


def _not_only_wildcards(values: Sequence[str]) -> bool:
    return not any(_ONLY_WILDCARDS.match(each) for each in values)


def _are_arns_of_accounts(values: Sequence[str]) -> bool:
    """An ARN with a wildcard for its account names everybody's resource of that name; a bucket's has no account."""
    return all(_is_arn_of_account(each) for each in values)


def _is_arn_of_account(arn: str) -> bool:
    parts = arn.split(":", _ARN_PARTS - 1)
    if len(parts) < _ARN_PARTS or _ONLY_WILDCARDS.match(parts[2]):
        return False
    account, resource = parts[4], parts[5]
    return "*" not in account and "?" not in account and (bool(account) or _begin_literally([resource]))


def _are_limited_networks(values: Sequence[str]) -> bool:
    networks = [parse_cidr(each) for each in values]
    return all(networks) and not world_networks(each for each in networks if each)


def _are_organization_paths(values: Sequence[str]) -> bool:
    return _all_literal([each.partition("/")[0] for each in values])


def _is_true(values: Sequence[str]) -> bool:
    return all(each.lower() == "true" for each in values)


# By prefix of the key. Keys that are missing here limit nobody: times, tags (everyone can tag their own principal),
# MFA, the type of principal.
_KEYS: tuple[tuple[str, Callable[[Sequence[str]], bool]], ...] = (
    ("aws:principalorgid", _all_literal),
    ("aws:principalorgpaths", _are_organization_paths),
    ("aws:principalaccount", _all_literal),
    ("aws:principalarn", _are_arns_of_accounts),
    ("aws:principalisawsservice", _is_true),
    ("aws:principalservicename", _not_only_wildcards),
    ("aws:userid", _begin_literally),
    ("aws:username", _not_only_wildcards),
    ("aws:sourceaccount", _all_literal),
    ("aws:sourceorgid", _all_literal),
    ("aws:sourceorgpaths", _are_organization_paths),
    ("aws:sourcearn", _are_arns_of_accounts),
    ("aws:sourceip", _are_limited_networks),
    ("aws:sourcevpc", _not_only_wildcards),
    ("aws:vpcsourceip", _are_limited_networks),
    ("aws:federatedprovider", _not_only_wildcards),
    ("sts:externalid", _not_only_wildcards),
    ("saml:", _not_only_wildcards),
)
