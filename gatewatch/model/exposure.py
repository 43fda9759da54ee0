"""What a message says about gates left open: which rules a call opened to many, and which it closed."""

from __future__ import annotations

from msgspec import Struct


class RuleRef(Struct, frozen=True, order=True):
    """A rule by its id, and by direction, protocol, ports and peer; each is empty where the event does not say."""

    rule_id: str = ""
    shape: str = ""

    def names(self, other: RuleRef) -> bool:
        """AWS never gives an id twice, so two ids settle it."""
        if self.rule_id and other.rule_id:
            return self.rule_id == other.rule_id
        return bool(self.shape) and self.shape == other.shape


class ExposureChange(Struct, frozen=True, kw_only=True):
    """What one message opened and closed in one security group.

    `key` is that of the message that tells it, `thread` the event's id, `place` the group; `at` is in seconds since
    1970. `words` are sentences in the reader's language, so that who delivers needs no language.
    """

    key: str = ""
    thread: str
    place: str
    at: float
    who: str
    opened: tuple[RuleRef, ...] = ()
    closed: tuple[RuleRef, ...] = ()
    narrowed: tuple[RuleRef, ...] = ()
    is_group_deleted: bool = False
    words: dict[str, str] = {}
