"""`Settings`: accounts.yaml and policy.yaml as one validated value.

Unknown keys and invalid values are errors that name the file and the key and say what to write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.config.access_portal import AccessPortal
from gatewatch.config.account_sync import SyncSettings
from gatewatch.config.accounts import (
    AccountEntry,
    Defaults,
    Hub,
    account_of,
    account_problems,
    hub_problems,
    read_roles,
    unlisted_account,
)
from gatewatch.config.actions import ActionMode, ActionSettings
from gatewatch.config.context import ContextSettings, read_vendor_names
from gatewatch.config.destinations import (
    HUB_TOPIC,
    Destination,
    PagerDuty,
    Route,
    SlackApp,
    SnsTopic,
    destination_problems,
    route_problems,
    undefined_destinations,
)
from gatewatch.config.digest import DigestSettings
from gatewatch.config.iam import KeyPolicy, access_problems
from gatewatch.config.identity_store import IdentityStore
from gatewatch.config.ingress import NO_INGRESS, IngressPolicy
from gatewatch.config.ingress_parser import read_ingress
from gatewatch.config.languages import LANGUAGES, Language
from gatewatch.config.people import PersonEntry, people_problems
from gatewatch.config.severity import SeverityRules, default_severity_rules, read_severity_rules
from gatewatch.config.suppression_rules import PolicyException, read_exceptions
from gatewatch.config.yaml_file import YamlFile
from gatewatch.errors import ConfigurationError
from gatewatch.model.account import Account

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_COLOR = re.compile(r"^#[0-9a-fA-F]{6}\Z")


class Colors(Struct, frozen=True, forbid_unknown_fields=True):
    addition: str = "#0c3f7d"
    removal: str = "#eb4034"
    critical: str = "#8b0000"
    high: str = "#d9480f"
    denied: str = "#6b21a8"
    resolved: str = "#2b8a3e"
    unchanged: str = "#868e96"


class Settings(Struct, frozen=True, kw_only=True, dict=True):
    """Both files. `vendor_names` are names by account id, from the list that `context` names."""

    defaults: Defaults
    accounts: Mapping[str, Account]
    severity_rules: SeverityRules
    colors: Colors
    destinations: Mapping[str, Destination]
    routes: tuple[Route, ...]
    ingress: IngressPolicy = NO_INGRESS
    access_keys: KeyPolicy = KeyPolicy()
    exceptions: tuple[PolicyException, ...] = ()
    digest: DigestSettings = DigestSettings()
    actions: ActionSettings = ActionSettings()
    people: tuple[PersonEntry, ...] = ()
    identity_store: IdentityStore = IdentityStore()
    access_portal: AccessPortal = AccessPortal()
    context: ContextSettings = ContextSettings()
    vendor_names: Mapping[str, str] = {}

    @property
    def languages(self) -> tuple[str, ...]:
        """Return the languages in use, because each one loads a file."""
        used = {self.defaults.language, *(account.language for account in self.accounts.values())}
        return tuple(name for name in LANGUAGES if name in used)

    @property
    def default_destinations(self) -> tuple[str, ...]:
        """Return the destinations of everything from low; they also receive notices of gatewatch itself."""
        names = dict.fromkeys(name for route in self.routes if route.takes_low_and_above for name in route.to)
        return tuple(names) or (HUB_TOPIC,)

    @property
    def incident_destinations(self) -> tuple[str, ...]:
        """Return the destinations that keep incidents; they take no digests."""
        return tuple(name for name, each in self.destinations.items() if isinstance(each, PagerDuty))

    @cached_property
    def updated_destinations(self) -> tuple[str, ...]:
        """Return the destinations that have to know of every closing.

        They update messages, resolve incidents, or stop an escalation.
        """
        escalated = {name for each in self.routes if each.escalate for name in each.to}
        kinds = SlackApp | PagerDuty
        return tuple(name for name, each in self.destinations.items() if isinstance(each, kinds) or name in escalated)

    def account(self, account_id: str) -> Account:
        """Return the account of an id, or the fallback for one that accounts.yaml does not list."""
        return self.accounts.get(account_id) or unlisted_account(account_id, self.defaults)

    @property
    def read_roles(self) -> frozenset[str]:
        """Return the configured lookup roles: at most one, none without lookups."""
        return read_roles(self.accounts.values(), self.defaults)


def emergency_settings() -> Settings:
    """Return the settings used while the configuration is invalid: defaults; everything goes to the hub's topic."""
    return Settings(
        defaults=Defaults(),
        accounts={},
        severity_rules=default_severity_rules(),
        colors=Colors(),
        destinations={HUB_TOPIC: SnsTopic()},
        routes=(Route(to=(HUB_TOPIC,)),),
    )


def load_settings(accounts: Path, policy: Path, language: Language | None = None) -> Settings:
    """Read and check both files. Raises `ConfigurationError` with all problems at once."""
    problems: list[str] = []
    accounts_file = YamlFile(accounts, problems)
    policy_file = YamlFile(policy, problems)
    defaults = accounts_file.section("defaults", Defaults)
    if language:
        defaults = msgspec.structs.replace(defaults, language=language)
    entries = accounts_file.entries("accounts", AccountEntry)
    hub = accounts_file.section("hub", Hub)
    sync = accounts_file.section("sync", SyncSettings)
    context = policy_file.section("context", ContextSettings)
    settings = Settings(
        defaults=defaults,
        accounts={each: account_of(each, entry, defaults, language) for each, entry in entries.items()},
        severity_rules=read_severity_rules(policy_file, accounts_file, entries, hub.bus),
        colors=policy_file.section("colors", Colors),
        destinations={HUB_TOPIC: SnsTopic(), **policy_file.entries("destinations", Destination)},
        routes=policy_file.sequence("routes", Route),
        ingress=read_ingress(policy_file),
        access_keys=policy_file.section("access_keys", KeyPolicy),
        exceptions=read_exceptions(policy_file),
        digest=policy_file.section("digest", DigestSettings),
        actions=policy_file.section("actions", ActionSettings),
        people=accounts_file.sequence("people", PersonEntry),
        identity_store=accounts_file.section("identity_store", IdentityStore),
        access_portal=accounts_file.section("access_portal", AccessPortal),
        context=context,
        vendor_names=read_vendor_names(policy_file, context, policy.parent),
    )
    accounts_file.refuse_other_keys()
    policy_file.refuse_other_keys()
    known = {HUB_TOPIC, *policy_file.names("destinations")}
    if not policy_file.is_valid("destinations"):
        known |= {name for entry in entries.values() for name in entry.destinations}
    accounts_file.problems(account_problems(defaults, entries, known))
    accounts_file.problems(hub_problems(hub))
    accounts_file.problems(settings.access_portal.problems())
    accounts_file.problems(sync.problems(known))
    accounts_file.problems(people_problems(settings.people))
    accounts_file.problems(settings.identity_store.problems())
    policy_file.problems(_policy_problems(settings, policy_file, known))
    for key, sentence in access_problems(
        settings.severity_rules.iam, settings.severity_rules.sign_in, settings.access_keys
    ):
        policy_file.problem(key, sentence)
    if problems:
        raise ConfigurationError(*problems)
    return settings


def load_deployable_settings(accounts: Path, policy: Path) -> Settings:
    """Read settings for a deployment, where one route must match everything from low. Raises `ConfigurationError`."""
    settings = load_settings(accounts, policy)
    if not any(route.takes_low_and_above for route in settings.routes):
        raise ConfigurationError(
            f"{policy}: routes: none matches every alert of severity low and above, so one could be lost; "
            "end the list with one such as - {match: {min_severity: low}, to: [alerts]}."
        )
    return settings


def _policy_problems(settings: Settings, policy: YamlFile, known: Collection[str]) -> Iterator[str]:
    """Yield `key: sentence` for every problem. Lists with an invalid entry are not checked further."""
    for name, color in msgspec.structs.asdict(settings.colors).items():
        if not _COLOR.match(color):
            yield f'colors.{name}: "{color}" is not a colour; write one such as "#0c3f7d".'
    for name, destination in settings.destinations.items():
        yield from (f"destinations.{name}.{each}" for each in destination_problems(destination, known))
    for index, route in enumerate(settings.routes if policy.is_valid("routes") else ()):
        yield from (f"routes[{index}].{each}" for each in route_problems(route, known))
    for index, exception in enumerate(settings.exceptions if policy.is_valid("exceptions") else ()):
        yield from (f"exceptions[{index}].remind: {each}" for each in undefined_destinations(exception.remind, known))
    yield from (f"digest.{key}: {sentence}" for key, sentence in settings.digest.problems())
    yield from (f"actions.{key}: {sentence}" for key, sentence in settings.actions.problems())
    if settings.actions.mode is ActionMode.FULL and not (settings.people or settings.identity_store.is_on):
        yield "actions.mode: is full, but accounts.yaml has no people, so everybody may acknowledge only; add them."
    yield from (f"digest.to: {each}" for each in undefined_destinations(settings.digest.to, known))
    for name in settings.incident_destinations:
        if name in settings.digest.to:
            yield f'digest.to: "{name}" is of kind pagerduty, which takes no digests; write another destination.'
