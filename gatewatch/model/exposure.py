"""Exposures: which rules a call opened to many addresses, and which it closed."""

from __future__ import annotations

from msgspec import Struct


class RuleRef(Struct, frozen=True, order=True):
    """A rule by its id, and by direction, protocol, ports and peer; each is empty where the event does not say."""

    rule_id: str = ""
    shape: str = ""

    def matches(self, other: RuleRef) -> bool:
        """Whether both are the same rule. AWS never reuses an id, so two ids decide."""
        if self.rule_id and other.rule_id:
            return self.rule_id == other.rule_id
        return bool(self.shape) and self.shape == other.shape


class ExposureChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rules that one call opened, closed or narrowed in one security group.

    `group_key` is `account/Region/group`; `at` is in seconds since 1970. A deleted group closes all of its rules.
    """

    event_id: str
    group_key: str
    at: float
    actor: str
    opened: tuple[RuleRef, ...] = ()
    closed: tuple[RuleRef, ...] = ()
    narrowed: tuple[RuleRef, ...] = ()
    is_group_deleted: bool = False
