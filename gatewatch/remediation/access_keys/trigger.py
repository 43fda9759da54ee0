"""Triggers of access key rotation: the daily schedule, or AWS Config that found a key of a user too old.

A managed rule of a conformance pack or of an organization has a longer name:
`access-keys-rotated-conformance-pack-…`, `OrgConfigRule-access-keys-rotated-…` (Config developer guide); that of
gatewatch's own pack begins with `gatewatch-`.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

_RULE = re.compile(r"^(?:OrgConfigRule-|securityhub-)?(?:gatewatch-)?access-keys-rotated(?:-.+)?$")
_ACCOUNT_ID = re.compile(r"^\d{12}$")
_USER_ID = re.compile(r"^\w{16,128}$")  # IAM API reference, User: `AIDA…`


class AllAccounts(Struct, frozen=True):
    """All users of all accounts."""


class OneUser(Struct, frozen=True):
    """The user whose id AWS Config sent."""

    account_id: str
    user_id: str


def trigger_of(event: dict[str, Any]) -> AllAccounts | OneUser | None:
    """Return what an event triggers; None for an event of any other kind."""
    if event.get("detail-type") == "Scheduled Event":
        return AllAccounts()
    detail = event.get("detail")
    return _non_compliant(detail, event) if event.get("source") == "aws.config" and isinstance(detail, dict) else None


def _non_compliant(detail: dict[str, Any], event: dict[str, Any]) -> OneUser | None:
    result = detail.get("newEvaluationResult")
    compliance = result.get("complianceType") if isinstance(result, dict) else None
    account_id = str(detail.get("awsAccountId") or event.get("account") or "")
    user_id = str(detail.get("resourceId") or "")
    is_ours = compliance == "NON_COMPLIANT" and _RULE.match(str(detail.get("configRuleName") or ""))
    if not is_ours or not _ACCOUNT_ID.match(account_id) or not _USER_ID.match(user_id):
        return None
    return OneUser(account_id, user_id)
