"""An AWS account as `accounts.yaml` describes it."""

from __future__ import annotations

from msgspec import Struct


class Account(Struct, frozen=True, kw_only=True):
    """What `accounts.yaml` knows of an account; `known` is False for the fallback.

    `read_role` is the role in it that tells what a group is attached to; without one nothing is asked.
    """

    id: str
    alias: str
    timezone: str
    language: str
    environment: str | None = None
    owner: str | None = None
    destinations: tuple[str, ...] = ()
    known: bool = True
    read_role: str | None = None
