"""What the Condition of a policy statement holds a caller to: an organization, accounts, a network, or nobody.

For trust policies of roles and resource policies alike. What everyone can meet holds nobody: a tag, the name of a user,
a private address in a VPC, an id with a wildcard.

Operators and keys: IAM user guide, "IAM JSON policy elements: Condition operators" and "AWS global condition context
keys". All pairs of operator and key must hold, and one value of a pair is enough.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gatewatch.model.network import covers_half, parse_cidr, world_networks
from gatewatch.model.resource import Narrowing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.events.changes.iam_policy import Condition

OWN_ORGANIZATION = "${aws:resourceorgid}"
OWN_ACCOUNT = "${aws:resourceaccount}"
# A negated operator, a `Null`, a missing key under `…IfExists` and an empty one under `ForAllValues:` hold for
# everyone; dates and numbers say nothing about who calls.
_MATCHING = re.compile(r"^(?:foranyvalue:)?(?:string(?:equals|equalsignorecase|like)|arn(?:equals|like))$")
_ORGANIZATION = re.compile(r"^(o-[a-z0-9]{1,32})(?:/.*)?$")
_IN_ARN = re.compile(r"^arn:[^:]+:[^:]*:[^:]*:(\d{12}):")
# The names of buckets are unique in a partition, so one is enough.
_ARN_WITHOUT_ACCOUNT = re.compile(r"^arn:[^:*?]+:(?:s3:[^:]*:[^:]*|[^:*?]+:[^:]*:):[^*?$]{3,}")
_ACCOUNT = re.compile(r"^\d{12}$", re.ASCII)
_WILD = re.compile(r"[*?]")

_ORGANIZATIONS = frozenset(
    {"aws:principalorgid", "aws:principalorgpaths", "aws:sourceorgid", "aws:sourceorgpaths"},
)
_ACCOUNTS = frozenset(
    {"aws:principalaccount", "aws:sourceaccount", "aws:sourceowner", "kms:calleraccount", "s3:dataaccesspointaccount"}
)
_ARNS = frozenset(
    {"aws:federatedprovider", "aws:principalarn", "aws:sourcearn", "aws:sourcevpcarn", "s3:dataaccesspointarn"}
)
# Ids of one owner, whose account is not in them: all of them begin alike.
_IDS = frozenset({"aws:ec2instancesourcevpc", "aws:sourcevpc", "aws:sourcevpce"})
# Each names something of one owner, or a secret of both sides.
_NARROW = frozenset({"aws:principalservicename", "sts:externalid"})
_USER_ID = "aws:userid"  # `AROA…:session`: the session is the caller's choice
_SAML = "saml:"  # claims of a provider in the account of the role
_TRUE = frozenset({"aws:principalisawsservice", "elasticfilesystem:accessedviamounttarget"})
_ADDRESS = "aws:sourceip"


def narrowing_of(conditions: Iterable[Condition]) -> Narrowing:
    """What the conditions of a statement hold a caller to; what cannot be read narrows nobody."""
    pairs = (_pair(each.operator, each.key, list(each.values)) for each in conditions if each.values)
    found = [each for each in pairs if each.narrows]
    return Narrowing(
        narrows=bool(found),
        organizations=next((each.organizations for each in found if each.organizations), ()),
        accounts=next((each.accounts for each in found if each.accounts), ()),
    )


def _pair(operator: str, key: str, values: list[str]) -> Narrowing:
    if key in _TRUE:
        return Narrowing(narrows=operator == "bool" and all(each.lower() == "true" for each in values))
    if key == _ADDRESS:
        return Narrowing(narrows=operator == "ipaddress" and _is_a_part_of_the_internet(values))
    if not _MATCHING.match(operator):
        return Narrowing()
    if key in _ORGANIZATIONS:
        return _organizations(values)
    if key in _ACCOUNTS:
        return _accounts(values)
    if key in _ARNS:
        return _arns(values)
    if key in _IDS:
        return Narrowing(narrows=not any(_WILD.search(each) or _is_open(each) for each in values))
    if key == _USER_ID:
        return Narrowing(narrows=not any(_WILD.search(each.partition(":")[0]) or _is_open(each) for each in values))
    return Narrowing(narrows=(key in _NARROW or key.startswith(_SAML)) and not any(_is_open(each) for each in values))


def _organizations(values: list[str]) -> Narrowing:
    found = [_organization(each) for each in values]
    named = tuple(each for each in found if each)
    return Narrowing(narrows=True, organizations=named) if len(named) == len(found) else Narrowing()


def _organization(value: str) -> str | None:
    """`o-…`, or the path of an organizational unit that begins with it."""
    if value.lower() == OWN_ORGANIZATION:
        return OWN_ORGANIZATION
    match = _ORGANIZATION.match(value)
    return match[1] if match else None


def _accounts(values: list[str]) -> Narrowing:
    found = tuple(each.lower() for each in values if _ACCOUNT.match(each) or each.lower() == OWN_ACCOUNT)
    return Narrowing(narrows=True, accounts=found) if len(found) == len(values) else Narrowing()


def _arns(values: list[str]) -> Narrowing:
    """An ARN of an account narrows to that account; one without an account to whoever owns the thing."""
    matches = [_IN_ARN.match(each) for each in values]
    if all(matches):
        return Narrowing(narrows=True, accounts=tuple(match[1] for match in matches if match))
    without = [each for each, match in zip(values, matches, strict=True) if match or _ARN_WITHOUT_ACCOUNT.match(each)]
    return Narrowing(narrows=len(without) == len(values))


def _is_open(value: str) -> bool:
    """A pattern that begins with a wildcard, or a variable, which may be the caller's own."""
    return not value or bool(_WILD.match(value)) or "${" in value


def _is_a_part_of_the_internet(values: list[str]) -> bool:
    networks = [network for each in values if (network := parse_cidr(each))]
    is_world = world_networks(networks) or any(
        covers_half([each for each in networks if each.version == version]) for version in (4, 6)
    )
    return len(networks) == len(values) and not is_world
