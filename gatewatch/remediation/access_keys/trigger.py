"""What wakes the keeper of access keys: the daily schedule, or AWS Config that found a user's key too old.

A managed rule of a conformance pack or of an organization has its name in a longer one:
`access-keys-rotated-conformance-pack-…`, `OrgConfigRule-access-keys-rotated-…` (Config developer guide); that of
our own pack begins with `gatewatch-`.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

_RULE = re.compile(r"^(?:OrgConfigRule-|securityhub-)?(?:gatewatch-)?access-keys-rotated(?:-.+)?$")
_ACCOUNT_ID = re.compile(r"^\d{12}$")
_USER_ID = re.compile(r"^\w{16,128}$")  # IAM API reference, User: `AIDA…`


class Everyone(Struct, frozen=True):
    """All users of all accounts."""


class OneUser(Struct, frozen=True):
    """The user that AWS Config names by its id."""

    account_id: str
    user_id: str


def trigger_of(event: dict[str, Any]) -> Everyone | OneUser | None:
    """None for an event that is none of our business."""
    if event.get("detail-type") == "Scheduled Event":
        return Everyone()
    detail = event.get("detail")
    return _non_compliant(detail, event) if event.get("source") == "aws.config" and isinstance(detail, dict) else None


def _non_compliant(detail: dict[str, Any], event: dict[str, Any]) -> OneUser | None:
    result = detail.get("newEvaluationResult")
    verdict = result.get("complianceType") if isinstance(result, dict) else None
    account_id = str(detail.get("awsAccountId") or event.get("account") or "")
    user_id = str(detail.get("resourceId") or "")
    is_ours = verdict == "NON_COMPLIANT" and _RULE.match(str(detail.get("configRuleName") or ""))
    if not is_ours or not _ACCOUNT_ID.match(account_id) or not _USER_ID.match(user_id):
        return None
    return OneUser(account_id, user_id)
