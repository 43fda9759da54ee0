"""Access keys × policy × the time -> what is to become of each: frozen actions, decided from nothing else.

Any doubt leaves a key alone: one that is not old, that belongs to the root user, that a person brought back, that
somebody else switched off. A key that is still in use is escalated to its owner and not cut.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.expiry import over_everywhere

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.config.iam import KeyExemption, KeyPolicy


class AccessKey(Struct, frozen=True, kw_only=True):
    """A key as it stands. `deactivated` and `restored`: when gatewatch did so; None when it did not.

    `key_id` is empty where only the number of a key is known: the credential report, the root user.
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
        """In whole days; 0 when nobody knows when the key was made."""
        return max(0, (now - self.created).days) if self.created else 0

    @property
    def change_id(self) -> str:
        """What a message may name instead of the key."""
        text = f"{self.account_id}/{self.user}/{self.key_id}/{self.created}"
        return "key-" + hashlib.sha256(text.encode()).hexdigest()[:16]


class Verdict(StrEnum):
    """KEEP and EXEMPT are only for the table; nobody is told."""

    KEEP = "keep"
    EXEMPT = "exempt"
    WARN = "warn"
    ESCALATE = "escalate"
    DEACTIVATE = "deactivate"
    DELETE = "delete"
    REPORT = "report"

    @property
    def is_silent(self) -> bool:
        return self in {Verdict.KEEP, Verdict.EXEMPT}

    @property
    def changes_aws(self) -> bool:
        return self in {Verdict.DEACTIVATE, Verdict.DELETE}


class KeyAction(Struct, frozen=True):
    """`why` is a code that `templates/labels` words. `due`: when the key is cut unless somebody rotates it."""

    verdict: Verdict
    key: AccessKey
    age: int
    why: str = ""
    owner: str = ""
    due: datetime | None = None


def plan(keys: Iterable[AccessKey], policy: KeyPolicy, now: datetime) -> tuple[KeyAction, ...]:
    """One action for each key, in the order of the keys."""
    return tuple(_decided(key, policy, now) for key in keys)


def _decided(key: AccessKey, policy: KeyPolicy, now: datetime) -> KeyAction:
    if key.is_root:
        return KeyAction(Verdict.REPORT if key.is_active else Verdict.KEEP, key, key.age(now), "root")
    exemption = _exemption(key, policy)
    if key.age(now) < policy.warn_after_days:
        return KeyAction(Verdict.KEEP, key, key.age(now))
    if exemption and _holds(exemption, now):
        return KeyAction(Verdict.EXEMPT, key, key.age(now), exemption.reason, exemption.owner)
    verdict, why = (_active if key.is_active else _inactive)(key, policy, now)
    why = why or ("exemption_expired" if exemption else "")
    due = (
        key.created + timedelta(days=policy.deactivate_after_days) if key.created and verdict is Verdict.WARN else None
    )
    return KeyAction(verdict, key, key.age(now), why, exemption.owner if exemption else "", due)


def _active(key: AccessKey, policy: KeyPolicy, now: datetime) -> tuple[Verdict, str]:
    if key.age(now) < policy.deactivate_after_days:
        return Verdict.WARN, ""
    if key.restored is not None:
        return Verdict.ESCALATE, "restored"
    if _is_in_use(key, policy, now) and not policy.cut_recently_used:
        return Verdict.ESCALATE, "in_use"
    return (Verdict.DELETE if policy.delete_at_once else Verdict.DEACTIVATE), ""


def _inactive(key: AccessKey, policy: KeyPolicy, now: datetime) -> tuple[Verdict, str]:
    """Whoever else switched a key off may want it back; only `delete_at_once` deletes what is merely old."""
    if key.age(now) < policy.deactivate_after_days:
        return Verdict.KEEP, ""
    if policy.delete_at_once:
        return Verdict.DELETE, ""
    if key.deactivated is None:
        return Verdict.KEEP, "switched_off_by_others"
    is_over = now - key.deactivated >= timedelta(days=policy.delete_after_deactivation_days)
    return (Verdict.DELETE, "") if is_over else (Verdict.KEEP, "waiting")


def _is_in_use(key: AccessKey, policy: KeyPolicy, now: datetime) -> bool:
    return key.last_used is not None and now - key.last_used <= timedelta(days=policy.recently_used_days)


def _exemption(key: AccessKey, policy: KeyPolicy) -> KeyExemption | None:
    """The one that ends last. IAM tells no users apart by letter case."""
    named = [each for each in policy.exempt if each.user.casefold() == key.user.casefold()]
    ours = [each for each in named if each.account in {None, key.account_id}]
    return max(ours, key=lambda each: each.expires, default=None)


def _holds(exemption: KeyExemption, now: datetime) -> bool:
    """Through the last hour of the day that it names, wherever that is."""
    return now < over_everywhere(exemption.expires)
