"""Which patterns for resources in a policy mean everything, or all roles, users, groups, policies or functions.

A pattern is tried on samples, because it can be written in many ways: `role/*`, `role/?*`, `r*`. Wildcards: IAM user
guide, "IAM JSON policy elements: Resource".
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Two of each kind with nothing in common; without partition, Region and account.
_KINDS = tuple(
    (f"arn::{kind}a", f"arn::{kind}Zz9/Zz9")
    for kind in ("iam:::role/", "iam:::user/", "iam:::group/", "iam:::policy/", "lambda:::function:")
)
_EVERYTHING = ("arn::s3:::a", "arn::ec2:::instance/i-0", *(each for kind in _KINDS for each in kind))
_PLACE_FIELDS = (1, 3, 4)  # partition, Region and account of an ARN


def covers_everything(resource: str) -> bool:
    return _matches_all(resource, _EVERYTHING)


def covers_a_kind(resource: str) -> bool:
    return any(_matches_all(resource, kind) for kind in _KINDS)


def _matches_all(resource: str, arns: Iterable[str]) -> bool:
    """Whether a resource of a policy matches all of these ARNs, in its own partition, Region and account.

    A wildcard may span colons: to read too much into a statement that allows is the safe side.
    """
    if "*" not in resource:
        return False
    escaped = resource.replace("[", "[[]")
    fields = escaped.split(":")
    last = len(fields) - 1
    placed = (_place(each) if at in _PLACE_FIELDS and at < last else each for at, each in enumerate(fields))
    return any(all(fnmatchcase(arn, form) for arn in arns) for form in (":".join(placed), escaped))


def _place(field: str) -> str:
    """A partition, Region or account of a pattern as it matches the one that the samples leave out."""
    return "" if field.strip("*?") else "*"
