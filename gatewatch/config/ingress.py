"""Which inbound rules may stand, which must, where they are enforced and where never.

Exemptions fail closed: what is in any doubt (an account that nobody named, an exemption on its last day somewhere
in the world) is left alone by remediation, and still reported.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.expiry import over_everywhere
from gatewatch.model.security_group import Peer, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.account import Account

OWN_GROUP, ANY_GROUP = "self", "any_group"


class Mode(StrEnum):
    REPORT = "report"
    ENFORCE = "enforce"


class RuleEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """`ports` as `443` or `"1024-65535"`; peers as CIDRs, `sg-…`, `<account>/sg-…`, `pl-…`, `self` or `any_group`."""

    peers: tuple[str, ...]
    protocol: str | int = "tcp"
    ports: int | str | None = None
    icmp_type: int | None = None
    description: str | None = None


class ExemptGroup(Struct, frozen=True, forbid_unknown_fields=True):
    """A group that is neither judged nor touched through the day of `expires`."""

    group: str
    owner: str
    reason: str
    expires: date

    def holds(self, now: datetime) -> bool:
        return now < over_everywhere(self.expires)


class Fight(Struct, frozen=True, forbid_unknown_fields=True):
    """A rule that came back this often within these hours is left alone."""

    returns: int = 3
    hours: int = 24


class IngressSection(Struct, frozen=True, forbid_unknown_fields=True):
    """The section as it is written. The mode of an account wins over that of its environment."""

    mode: Mode = Mode.REPORT
    environments: dict[str, Mode] = {}
    accounts: dict[str, Mode] = {}
    allowed: tuple[RuleEntry, ...] = ()
    required: tuple[RuleEntry, ...] = ()
    exempt_groups: tuple[ExemptGroup, ...] = ()
    fight: Fight = Fight()


class AnyGroup(Struct, frozen=True):
    """Whichever group of the same account. Stands only in a permit, never in a rule."""


class OwnGroup(Struct, frozen=True):
    """The group that the rule is in."""


class Permit(Struct, frozen=True):
    """What may, or must, stand in every group."""

    traffic: Traffic
    peer: Peer | AnyGroup | OwnGroup
    description: str | None = None


class Ingress(Struct, frozen=True, kw_only=True):
    mode: Mode = Mode.REPORT
    environments: dict[str, Mode] = {}
    accounts: dict[str, Mode] = {}
    allowed: tuple[Permit, ...] = ()
    required: tuple[Permit, ...] = ()
    exempt_groups: tuple[ExemptGroup, ...] = ()
    fight: Fight = Fight()

    @property
    def says_something(self) -> bool:
        return bool(self.allowed or self.required)

    def mode_of(self, account: Account) -> Mode:
        """An account that accounts.yaml does not know is never enforced upon, unless it is named here by its id."""
        if account.id in self.accounts:
            return self.accounts[account.id]
        if not account.known:
            return Mode.REPORT
        return self.environments.get(account.environment or "", self.mode)

    def exemption(self, group_id: str, now: datetime) -> ExemptGroup | None:
        return next((each for each in self._exemptions(group_id) if each.holds(now)), None)

    def expired_exemption(self, group_id: str, now: datetime) -> ExemptGroup | None:
        return next((each for each in self._exemptions(group_id) if not each.holds(now)), None)

    def _exemptions(self, group_id: str) -> Iterator[ExemptGroup]:
        return (each for each in self.exempt_groups if each.group == group_id)


NO_INGRESS = Ingress()
