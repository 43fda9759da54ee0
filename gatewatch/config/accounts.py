"""`accounts.yaml`: the known accounts, and a fallback for every other one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.destinations import undefined_destinations
from gatewatch.config.formats import ACCOUNT_ID, ACCOUNT_ID_PROBLEM, EVENT_BUS, time_zone_problems
from gatewatch.config.languages import Language
from gatewatch.config.unit_paths import unit_path_problems
from gatewatch.model.account import Account

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

# The role that eventbridge/member.yaml creates when LookupRoleArn is set.
LOOKUP_ROLE = "gatewatch/gatewatch-lookup"
_UNKNOWN_ALIAS: Mapping[str, str] = {"en": "unknown account", "ko": "계정정보없음", "ja": "不明なアカウント"}
_ROLE = re.compile(r"^(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,64}\Z", re.ASCII)


_ORGANIZATION = re.compile(r"^o-[a-z0-9]{10,32}\Z")
_CANONICAL_ID = re.compile(r"^[0-9a-f]{64}\Z")  # how Amazon S3 names an account in an access control list


class Defaults(Struct, frozen=True, forbid_unknown_fields=True):
    """`read_role`: path and name, as after `:role/` in its ARN; the same in every account."""

    timezone: str = "UTC"
    language: Language = "en"
    read_role: str | None = None


class Hub(Struct, frozen=True, forbid_unknown_fields=True):
    """The monitoring account: `bus` is the ARN of its event bus, the only right target of the members' rules."""

    bus: str | None = None


class AccountEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """An empty `read_role` overrides that of the defaults: this account has none.

    `ou` and `tags` are kept by `gatewatch accounts sync`.
    """

    alias: str
    environment: str | None = None
    owner: str | None = None
    destinations: tuple[str, ...] = ()
    timezone: str | None = None
    language: Language | None = None
    read_role: str | None = None
    ou: str | None = None
    tags: dict[str, str] = {}


def account_of(account_id: str, entry: AccountEntry, defaults: Defaults, language: Language | None) -> Account:
    """Return the account of one entry. A `language` overrides that of the entry and of the defaults."""
    return Account(
        id=account_id,
        alias=entry.alias,
        timezone=entry.timezone or defaults.timezone,
        language=language or entry.language or defaults.language,
        environment=entry.environment,
        owner=entry.owner,
        destinations=entry.destinations,
        ou=entry.ou,
        tags=entry.tags,
        read_role=(defaults.read_role if entry.read_role is None else entry.read_role) or None,
    )


def unlisted_account(account_id: str, defaults: Defaults) -> Account:
    """Return the fallback for an account that accounts.yaml does not list."""
    return Account(
        id=account_id,
        alias=_UNKNOWN_ALIAS[defaults.language],
        timezone=defaults.timezone,
        language=defaults.language,
        known=False,
        read_role=defaults.read_role or None,
    )


def read_roles(accounts: Collection[Account], defaults: Defaults) -> frozenset[str]:
    """Return the configured lookup roles: at most one in a valid configuration, none without lookups."""
    named = (defaults.read_role, *(account.read_role for account in accounts))
    return frozenset(filter(None, named))


def hub_problems(hub: Hub) -> Iterator[str]:
    if hub.bus is not None and not EVENT_BUS.match(hub.bus):
        yield f'hub.bus: "{hub.bus}" is not the ARN of an event bus; write the output BusArn of the hub\'s stack.'


def account_problems(defaults: Defaults, entries: Mapping[str, AccountEntry], known: Collection[str]) -> Iterator[str]:
    """Yield `key: sentence` for every problem; `known` are the names of destinations."""
    for zone_key, zone in _zones(defaults, entries):
        yield from (f"{zone_key}: {each}" for each in time_zone_problems(zone))
    yield from _role_problems(dict(_read_roles(defaults, entries)))
    for account_id, entry in entries.items():
        if not ACCOUNT_ID.match(account_id):
            yield f"accounts.{account_id}: {ACCOUNT_ID_PROBLEM}"
        if entry.ou is not None:
            yield from (f"accounts.{account_id}.ou: {each}" for each in unit_path_problems(entry.ou))
        yield from (
            f"accounts.{account_id}.destinations: {each}" for each in undefined_destinations(entry.destinations, known)
        )


def ownership_problems(organization: str | None, known_accounts: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield key and sentence for each problem of `organization` and `known_accounts`."""
    if organization and not _ORGANIZATION.match(organization):
        yield "organization", f'"{organization}" is not an organization id; write one such as o-a1b2c3d4e5.'
    for index, account in enumerate(known_accounts):
        if not (ACCOUNT_ID.match(account) or _CANONICAL_ID.match(account)):
            yield f"known_accounts[{index}]", ACCOUNT_ID_PROBLEM


def _role_problems(roles: Mapping[str, str]) -> Iterator[str]:
    for key, role in roles.items():
        if not _ROLE.match(role) or {".", ".."} & set(role.split("/")):
            yield f'{key}: "{role}" is not a role; write its path and name, such as {LOOKUP_ROLE}.'
    if len(set(roles.values())) > 1:
        named = ", ".join(sorted(set(roles.values())))
        yield f"read_role: names {named}; the hub may assume only one role, so use one name in every account."


def _read_roles(defaults: Defaults, entries: Mapping[str, AccountEntry]) -> Iterator[tuple[str, str]]:
    if defaults.read_role:
        yield "defaults.read_role", defaults.read_role
    for account_id, entry in entries.items():
        if entry.read_role:
            yield f"accounts.{account_id}.read_role", entry.read_role


def _zones(defaults: Defaults, entries: Mapping[str, AccountEntry]) -> Iterator[tuple[str, str]]:
    yield "defaults.timezone", defaults.timezone
    for account_id, entry in entries.items():
        if entry.timezone:
            yield f"accounts.{account_id}.timezone", entry.timezone
