"""What a security group is attached to, as it was seen at one moment."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Thing(Struct, frozen=True):
    """What an interface belongs to: `kind` is a key of the labels, `name` empty where it has none.

    `count`: so many of this kind and name.
    """

    kind: str
    name: str = ""
    is_public: bool = False
    count: int = 1


class Attached(Struct, frozen=True, kw_only=True):
    """How many network interfaces have the group, and how many of them an address that the internet knows.

    `is_part`: there are more than were looked at. `things` stand in the order of telling, public ones first.
    """

    at: datetime
    interfaces: int
    public: int = 0
    is_part: bool = False
    things: tuple[Thing, ...] = ()
