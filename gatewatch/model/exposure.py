"""Exposures: which rules a call opened to many addresses, or grants of a resource to outsiders, and which it closed."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Origin(StrEnum):
    """How an opening is known: by its event, because it was there at the first reading, or by a later reading alone."""

    EVENT = "event"
    OLDER = "older_than_gatewatch"
    NO_EVENT = "no_event"


class RuleRef(Struct, frozen=True, order=True):
    """A rule by its id, and by direction, protocol, ports and peer; each is empty where the event does not say.

    A grant of a resource has a shape only: the setting and what a call names to take the grant back.
    """

    rule_id: str = ""
    shape: str = ""

    def matches(self, other: RuleRef) -> bool:
        """Whether both are the same rule. AWS never reuses an id, so two ids decide."""
        if self.rule_id and other.rule_id:
            return self.rule_id == other.rule_id
        return bool(self.shape) and self.shape == other.shape


class ExposureChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rules that one call opened, closed or narrowed in one security group, or grants in one setting of a resource.

    `group_key` is `account/Region/group` or `account/Region/setting/resource`; `at` is in seconds since 1970.
    `closes_others`: all but `opened` are closed, as the group was deleted or the setting replaced.
    """

    event_id: str
    group_key: str
    at: float
    actor: str
    opened: tuple[RuleRef, ...] = ()
    closed: tuple[RuleRef, ...] = ()
    narrowed: tuple[RuleRef, ...] = ()
    closes_others: bool = False

    @property
    def ends_exposures(self) -> bool:
        return bool(self.closed or self.narrowed or self.closes_others)
