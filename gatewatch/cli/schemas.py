"""JSON Schemas of the configuration files for editors, generated from the types that read them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from gatewatch.config.access_portal import AccessPortal
from gatewatch.config.account_sync import SyncSettings
from gatewatch.config.accounts import AccountEntry, Defaults, Hub
from gatewatch.config.actions import ActionSettings
from gatewatch.config.context import ContextSettings
from gatewatch.config.destinations import Destination, Route
from gatewatch.config.digest import DigestSettings
from gatewatch.config.iam import KeyPolicy
from gatewatch.config.identity_store import IdentityStore
from gatewatch.config.ingress import IngressSection
from gatewatch.config.people import PersonEntry
from gatewatch.config.settings import Colors
from gatewatch.config.severity import SeveritySection
from gatewatch.config.suppression_rules import PolicyException


class AccountsFile(Struct, frozen=True, forbid_unknown_fields=True):
    """accounts.yaml: accounts and their settings, by account id."""

    defaults: Defaults = Defaults()
    accounts: dict[str, AccountEntry] = {}
    hub: Hub = Hub()
    sync: SyncSettings = SyncSettings()
    organization: str | None = None
    known_accounts: tuple[str, ...] = ()
    people: tuple[PersonEntry, ...] = ()
    identity_store: IdentityStore = IdentityStore()
    access_portal: AccessPortal = AccessPortal()


class PolicyFile(Struct, frozen=True, forbid_unknown_fields=True):
    """policy.yaml: severity rules, destinations, routes, exceptions, remediation, digest, actions and context."""

    severity: SeveritySection = SeveritySection()
    colors: Colors = Colors()
    destinations: dict[str, Destination] = {}
    routes: tuple[Route, ...] = ()
    exceptions: tuple[PolicyException, ...] = ()
    ingress: IngressSection = IngressSection()
    access_keys: KeyPolicy = KeyPolicy()
    digest: DigestSettings = DigestSettings()
    actions: ActionSettings = ActionSettings()
    context: ContextSettings = ContextSettings()


FILES: dict[str, type[Struct]] = {"accounts": AccountsFile, "policy": PolicyFile}


def schema(file: str) -> bytes:
    """The JSON Schema of `accounts` or `policy`, as formatted JSON."""
    found: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **msgspec.json.schema(FILES[file]),
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=2)
