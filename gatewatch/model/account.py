"""`Account`: an AWS account and its entry in `accounts.yaml`."""

from __future__ import annotations

from msgspec import Struct


class Account(Struct, frozen=True, kw_only=True):
    """`known` is False for an account that `accounts.yaml` does not list.

    `ou` is the path of its organizational unit, such as /Workloads/Prod; None when it is not known.
    `read_role` is the lookup role in the account, with its path; None when the account is never queried.
    """

    id: str
    alias: str
    timezone: str
    language: str
    environment: str | None = None
    owner: str | None = None
    destinations: tuple[str, ...] = ()
    ou: str | None = None
    tags: dict[str, str] = {}
    known: bool = True
    read_role: str | None = None

    @property
    def display_name(self) -> str:
        return self.alias if self.known else self.id
