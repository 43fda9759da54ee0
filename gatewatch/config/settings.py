"""accounts.yaml + policy.yaml -> one checked value.

Closed and typed: what is not understood is refused, with the file, the key and a sentence that says what to
write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.config.accounts import AccountEntry, Defaults, account_of, account_problems, read_roles, stranger
from gatewatch.config.destinations import (
    HUB_TOPIC,
    Destination,
    Route,
    SnsTopic,
    destination_problems,
    route_problems,
    unknown,
)
from gatewatch.config.digest import DigestSettings
from gatewatch.config.iam import KeyPolicy, access_problems
from gatewatch.config.ingress import NO_INGRESS, Ingress
from gatewatch.config.ingress_parser import read_ingress
from gatewatch.config.languages import LANGUAGES, Language
from gatewatch.config.severity import Judgement, default_judgement, read_judgement
from gatewatch.config.suppression_rules import PolicyException, read_exceptions
from gatewatch.config.yaml_file import YamlFile
from gatewatch.errors import ConfigurationError
from gatewatch.model.account import Account

if TYPE_CHECKING:
    from collections.abc import Iterator
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


class Settings(Struct, frozen=True, kw_only=True):
    defaults: Defaults
    accounts: Mapping[str, Account]
    judgement: Judgement
    colors: Colors
    destinations: Mapping[str, Destination]
    routes: tuple[Route, ...]
    ingress: Ingress = NO_INGRESS
    access_keys: KeyPolicy = KeyPolicy()
    exceptions: tuple[PolicyException, ...] = ()
    digest: DigestSettings = DigestSettings()

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that somebody reads: each costs a file to load."""
        used = {self.defaults.language, *(account.language for account in self.accounts.values())}
        return tuple(name for name in LANGUAGES if name in used)

    @property
    def default_destinations(self) -> tuple[str, ...]:
        """Those that hear everything; they also hear what could not be read."""
        return tuple(dict.fromkeys(name for route in self.routes if route.takes_everything for name in route.to)) or (
            HUB_TOPIC,
        )

    def is_topic(self, destination: str) -> bool:
        """Whether a mail and a chat read what goes there, instead of Slack."""
        return isinstance(self.destinations.get(destination), SnsTopic)

    def account(self, account_id: str) -> Account:
        """The account by its id; one that `accounts.yaml` does not know has the fallback text as its alias."""
        return self.accounts.get(account_id) or stranger(account_id, self.defaults)

    @property
    def read_roles(self) -> frozenset[str]:
        """One at most; none when members are not asked anything."""
        return read_roles(self.accounts.values(), self.defaults)


def emergency_settings() -> Settings:
    """What holds while the configuration cannot be read: the defaults, and everything goes to the hub's topic."""
    return Settings(
        defaults=Defaults(),
        accounts={},
        judgement=default_judgement(),
        colors=Colors(),
        destinations={HUB_TOPIC: SnsTopic()},
        routes=(Route(to=(HUB_TOPIC,)),),
    )


def load_settings(accounts: Path, policy: Path, language: Language | None = None) -> Settings:
    """Both files, read and checked against each other. Raises `ConfigurationError` with every problem found."""
    problems: list[str] = []
    accounts_file = YamlFile(accounts, problems)
    policy_file = YamlFile(policy, problems)
    defaults = accounts_file.section("defaults", Defaults)
    if language:
        defaults = msgspec.structs.replace(defaults, language=language)
    entries = accounts_file.entries("accounts", AccountEntry)
    settings = Settings(
        defaults=defaults,
        accounts={each: account_of(each, entry, defaults, language) for each, entry in entries.items()},
        judgement=read_judgement(policy_file, entries),
        colors=policy_file.section("colors", Colors),
        destinations={HUB_TOPIC: SnsTopic(), **policy_file.entries("destinations", Destination)},
        routes=policy_file.sequence("routes", Route),
        ingress=read_ingress(policy_file),
        access_keys=policy_file.section("access_keys", KeyPolicy),
        exceptions=read_exceptions(policy_file),
        digest=policy_file.section("digest", DigestSettings),
    )
    accounts_file.refuse_other_keys()
    policy_file.refuse_other_keys()
    problems.extend(f"{accounts}: {each}" for each in account_problems(defaults, entries, settings.destinations))
    problems.extend(f"{policy}: {each}" for each in _policy_problems(settings))
    for key, sentence in access_problems(settings.judgement.iam, settings.judgement.sign_in, settings.access_keys):
        policy_file.problem(key, sentence)
    if problems:
        raise ConfigurationError(*problems)
    return settings


def load_deployable(accounts: Path, policy: Path) -> Settings:
    """The same for a hub that people rely on: somebody must hear what no other route takes."""
    settings = load_settings(accounts, policy)
    if not any(route.takes_everything for route in settings.routes):
        raise ConfigurationError(
            f"{policy}: routes: none takes everything, so an alert could go nowhere; "
            "end the list with one that has no match, such as - to: [alerts]."
        )
    return settings


def _policy_problems(settings: Settings) -> Iterator[str]:
    """The key and a sentence for all that is wrong."""
    known = settings.destinations
    for name, color in msgspec.structs.asdict(settings.colors).items():
        if not _COLOR.match(color):
            yield f'colors.{name}: "{color}" is no colour; write one such as "#0c3f7d".'
    for name, destination in known.items():
        yield from (f"destinations.{name}.{each}" for each in destination_problems(destination, known))
    for index, route in enumerate(settings.routes):
        yield from (f"routes[{index}].{each}" for each in route_problems(route, known))
    for index, exception in enumerate(settings.exceptions):
        yield from (f"exceptions[{index}].remind: {each}" for each in unknown(exception.remind, known))
    yield from (f"digest.{key}: {sentence}" for key, sentence in settings.digest.problems())
    yield from (f"digest.to: {each}" for each in unknown(settings.digest.to, known))
