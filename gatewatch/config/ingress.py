"""The ingress policy: allowed and required inbound rules, enforcement modes and exempt groups.

In doubt nothing is remediated: not in an account that is not listed, and not while an exemption is valid in any time
zone. It is still reported.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.expiry import end_of_day_everywhere
from gatewatch.config.patterns import Patterns, matches_patterns, matches_tags
from gatewatch.model.security_group import Peer, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.account import Account
    from gatewatch.model.security_group import Group

OWN_GROUP, ANY_GROUP = "self", "any_group"


class EnforcementMode(StrEnum):
    REPORT = "report"
    ENFORCE = "enforce"


class RuleEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """`ports` as `443` or `"1024-65535"`; peers as CIDRs, `sg-…`, `<account>/sg-…`, `pl-…`, `self` or `any_group`."""

    peers: tuple[str, ...]
    protocol: str | int = "tcp"
    ports: int | str | None = None
    icmp_type: int | None = None
    description: str | None = None


class ExemptGroup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Groups that are neither evaluated nor remediated until the end of the day `expires`. All criteria must match."""

    group: str | None = None
    name: Patterns | None = None
    tags: dict[str, Patterns] = {}
    owner: str
    reason: str
    expires: date

    def covers(self, group: Group) -> bool:
        is_named = self.group in {None, group.id} and matches_patterns(self.name, group.name)
        return is_named and matches_tags(self.tags, group.tags or ())

    def is_active(self, now: datetime) -> bool:
        return now < end_of_day_everywhere(self.expires)


class ConflictLimit(Struct, frozen=True, forbid_unknown_fields=True):
    """A rule that was re-created `returns` times within `hours` hours is not remediated any more."""

    returns: int = 3
    hours: int = 24


class IngressSection(Struct, frozen=True, forbid_unknown_fields=True):
    """The `ingress` section of policy.yaml. The mode of an account overrides that of its environment."""

    mode: EnforcementMode = EnforcementMode.REPORT
    environments: dict[str, EnforcementMode] = {}
    accounts: dict[str, EnforcementMode] = {}
    allowed: tuple[RuleEntry, ...] = ()
    required: tuple[RuleEntry, ...] = ()
    exempt_groups: tuple[ExemptGroup, ...] = ()
    fight: ConflictLimit = ConflictLimit()
    securityhub: bool = False


class AnyGroup(Struct, frozen=True):
    """Any group of the same account. Occurs only in permits, never in rules."""


class OwnGroup(Struct, frozen=True):
    """The group that has the rule."""


PermittedPeer = Peer | AnyGroup | OwnGroup


class Permit(Struct, frozen=True, cache_hash=True):
    """Inbound traffic that every group may have, or must have. Its hash is cached: permits are keys of caches."""

    traffic: Traffic
    peer: PermittedPeer
    description: str | None = None


class IngressPolicy(Struct, frozen=True, kw_only=True):
    mode: EnforcementMode = EnforcementMode.REPORT
    environments: dict[str, EnforcementMode] = {}
    accounts: dict[str, EnforcementMode] = {}
    allowed: tuple[Permit, ...] = ()
    required: tuple[Permit, ...] = ()
    exempt_groups: tuple[ExemptGroup, ...] = ()
    fight: ConflictLimit = ConflictLimit()
    securityhub: bool = False

    @property
    def is_configured(self) -> bool:
        return bool(self.allowed or self.required)

    def mode_of(self, account: Account) -> EnforcementMode:
        """Return the mode; always REPORT for an account that neither accounts.yaml nor this section lists."""
        if account.id in self.accounts:
            return self.accounts[account.id]
        if not account.known:
            return EnforcementMode.REPORT
        return self.environments.get(account.environment or "", self.mode)

    def exemption(self, group: Group, now: datetime) -> ExemptGroup | None:
        return next((each for each in self._exemptions(group) if each.is_active(now)), None)

    def expired_exemption(self, group: Group, now: datetime) -> ExemptGroup | None:
        return next((each for each in self._exemptions(group) if not each.is_active(now)), None)

    def _exemptions(self, group: Group) -> Iterator[ExemptGroup]:
        return (each for each in self.exempt_groups if each.covers(group))


NO_INGRESS = IngressPolicy()
