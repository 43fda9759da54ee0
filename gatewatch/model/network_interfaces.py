"""The network interfaces of a security group at one moment."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class AttachedResource(Struct, frozen=True):
    """`count` resources of one `kind` and `name`. `kind` is a key of the labels; `name` may be empty."""

    kind: str
    name: str = ""
    is_public: bool = False
    count: int = 1


class NetworkInterfaceSummary(Struct, frozen=True, kw_only=True):
    """Counts of interfaces and of those with a public address.

    `is_partial`: there are more interfaces than were read. `resources` are in display order, public ones first.
    """

    at: datetime
    interfaces: int
    public: int = 0
    is_partial: bool = False
    resources: tuple[AttachedResource, ...] = ()
