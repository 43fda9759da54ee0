"""The JSON Schemas of both configuration files, from the types that read them: an editor completes by them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from gatewatch.config.accounts import AccountEntry, Defaults
from gatewatch.config.destinations import Destination, Route
from gatewatch.config.digest import DigestSettings
from gatewatch.config.iam import KeyPolicy
from gatewatch.config.ingress import IngressSection
from gatewatch.config.settings import Colors
from gatewatch.config.severity import SeverityPolicy
from gatewatch.config.suppression_rules import PolicyException


class AccountsFile(Struct, frozen=True, forbid_unknown_fields=True):
    """accounts.yaml: who the accounts are, by their ids."""

    defaults: Defaults = Defaults()
    accounts: dict[str, AccountEntry] = {}


class PolicyFile(Struct, frozen=True, forbid_unknown_fields=True):
    """policy.yaml: how dangerous what is, and who hears of it."""

    severity: SeverityPolicy = SeverityPolicy()
    colors: Colors = Colors()
    destinations: dict[str, Destination] = {}
    routes: tuple[Route, ...] = ()
    exceptions: tuple[PolicyException, ...] = ()
    ingress: IngressSection = IngressSection()
    access_keys: KeyPolicy = KeyPolicy()
    digest: DigestSettings = DigestSettings()


FILES: dict[str, type[Struct]] = {"accounts": AccountsFile, "policy": PolicyFile}


def schema(file: str) -> bytes:
    found: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **msgspec.json.schema(FILES[file]),
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=2)
