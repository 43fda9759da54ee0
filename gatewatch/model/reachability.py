"""The answer of a path check: can anything with a security group be reached from the internet."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    REACHABLE = "reachable"
    NOT_REACHABLE = "not_reachable"
    UNKNOWN = "unknown"


class Layer(StrEnum):
    """What a connection from the internet passes, from the rule inwards. The order is that of the check."""

    PEER = "peer"
    INTERFACE = "interface"
    OTHER_ACCOUNTS = "other_accounts"
    ADDRESS = "address"
    INSTANCE_STATE = "instance_state"
    BLOCK_PUBLIC_ACCESS = "block_public_access"
    ROUTE = "route"
    NETWORK_ACL = "network_acl"


class Reachability(Struct, frozen=True, kw_only=True):
    """`layer` is what stops the connection, or what could not be read; None when it is reachable.

    `path` has the ids from the internet gateway to the interface, then its public address. A connection counts as
    reachable when a packet arrives and an answer can return.
    """

    verdict: Verdict
    layer: Layer | None = None
    path: tuple[str, ...] = ()
