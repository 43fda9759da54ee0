"""Access key rotation: one frozen action for each key, from the key, the policy and the time only.

In any doubt a key is not changed: one that is not old, of the root user, restored by a person, or deactivated by
somebody else. A key that is still in use is escalated to its owner and not deactivated.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.expiry import end_of_day_everywhere

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.config.iam import KeyExemption, KeyPolicy


class AccessKey(Struct, frozen=True, kw_only=True):
    """An access key. `deactivated` and `restored`: when gatewatch did so, else None.

    `key_id` is `#1` or `#2` where only the number of a key is known: credential report, root user.
    """

    account_id: str
    user: str
    key_id: str
    is_active: bool
    created: datetime | None = None
    last_used: datetime | None = None
    is_root: bool = False
    deactivated: datetime | None = None
    restored: datetime | None = None

    def age(self, now: datetime) -> int:
        """Return the age in whole days; 0 when the creation time is unknown."""
        return max(0, (now - self.created).days) if self.created else 0

    @property
    def change_id(self) -> str:
        """An id that messages can show instead of the key id."""
        text = f"{self.account_id}/{self.user}/{self.key_id}/{self.created}"
        return "key-" + hashlib.sha256(text.encode()).hexdigest()[:16]


class KeyDecision(StrEnum):
    """What to do with a key. KEEP, EXEMPT and UNREADABLE (the keys of a user are not known) cause no message."""

    KEEP = "keep"
    EXEMPT = "exempt"
    WARN = "warn"
    ESCALATE = "escalate"
    DEACTIVATE = "deactivate"
    DELETE = "delete"
    REPORT = "report"
    UNREADABLE = "unreadable"

    @property
    def is_silent(self) -> bool:
        return self in {KeyDecision.KEEP, KeyDecision.EXEMPT, KeyDecision.UNREADABLE}

    @property
    def changes_aws(self) -> bool:
        return self in {KeyDecision.DEACTIVATE, KeyDecision.DELETE}


class KeyAction(Struct, frozen=True):
    """A decision about one key.

    `reason`: a code with a text in templates/labels. `due`: when the key is deactivated unless it is rotated before.
    """

    decision: KeyDecision
    key: AccessKey
    age: int
    reason: str = ""
    owner: str = ""
    due: datetime | None = None


def unreadable_keys(account_id: str, reason: str, user: str = "") -> KeyAction:
    """Return the action for a user, or a whole account, whose keys cannot be read. `reason`: the error code of AWS."""
    key = AccessKey(account_id=account_id, user=user, key_id="", is_active=False)
    return KeyAction(KeyDecision.UNREADABLE, key, 0, reason)


def plan_key_actions(keys: Iterable[AccessKey], policy: KeyPolicy, now: datetime) -> tuple[KeyAction, ...]:
    """Return one action for each key, in the order of the keys."""
    return tuple(_decide(key, policy, now) for key in keys)


def _decide(key: AccessKey, policy: KeyPolicy, now: datetime) -> KeyAction:
    if key.is_root:
        return KeyAction(KeyDecision.REPORT if key.is_active else KeyDecision.KEEP, key, key.age(now), "root")
    exemption = _exemption(key, policy)
    if key.age(now) < policy.warn_after_days:
        return KeyAction(KeyDecision.KEEP, key, key.age(now))
    if exemption and _is_active(exemption, now):
        return KeyAction(KeyDecision.EXEMPT, key, key.age(now), exemption.reason, exemption.owner)
    decision, reason = (_active if key.is_active else _inactive)(key, policy, now)
    reason = reason or ("exemption_expired" if exemption else "")
    is_due = key.created is not None and decision is KeyDecision.WARN
    due = key.created + timedelta(days=policy.deactivate_after_days) if key.created and is_due else None
    return KeyAction(decision, key, key.age(now), reason, exemption.owner if exemption else "", due)


def _active(key: AccessKey, policy: KeyPolicy, now: datetime) -> tuple[KeyDecision, str]:
    if key.age(now) < policy.deactivate_after_days:
        return KeyDecision.WARN, ""
    if key.restored is not None:
        return KeyDecision.ESCALATE, "restored"
    if _is_in_use(key, policy, now) and not policy.cut_recently_used:
        return KeyDecision.ESCALATE, "in_use"
    return (KeyDecision.DELETE if policy.delete_at_once else KeyDecision.DEACTIVATE), ""


def _inactive(key: AccessKey, policy: KeyPolicy, now: datetime) -> tuple[KeyDecision, str]:
    """A key that somebody else deactivated is kept; `delete_at_once` deletes every old one."""
    if key.age(now) < policy.deactivate_after_days:
        return KeyDecision.KEEP, ""
    if policy.delete_at_once:
        return KeyDecision.DELETE, ""
    if key.deactivated is None:
        return KeyDecision.KEEP, "deactivated_by_others"
    is_over = now - key.deactivated >= timedelta(days=policy.delete_after_deactivation_days)
    return (KeyDecision.DELETE, "") if is_over else (KeyDecision.KEEP, "waiting")


def _is_in_use(key: AccessKey, policy: KeyPolicy, now: datetime) -> bool:
    return key.last_used is not None and now - key.last_used <= timedelta(days=policy.recently_used_days)


def _exemption(key: AccessKey, policy: KeyPolicy) -> KeyExemption | None:
    """Return the exemption that ends last. IAM user names are unique regardless of case."""
    named = [each for each in policy.exempt if each.user.casefold() == key.user.casefold()]
    applicable = [each for each in named if each.account in {None, key.account_id}]
    return max(applicable, key=lambda each: each.expires, default=None)


def _is_active(exemption: KeyExemption, now: datetime) -> bool:
    """Until the day it names has ended in every time zone."""
    return now < end_of_day_everywhere(exemption.expires)
