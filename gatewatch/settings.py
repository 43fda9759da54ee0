"""accounts.yaml + policy.yaml -> one checked value.

Closed and typed: what is not understood is refused, with the file, the key and a sentence that says what to
write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import pytz
from msgspec import Struct, field

from gatewatch.access_policy import IamSeverity, KeyPolicy, SignInSeverity, access_problems
from gatewatch.catalogue import Catalogue
from gatewatch.digest_settings import DigestSettings
from gatewatch.errors import ConfigurationError
from gatewatch.exception_settings import PolicyException, read_exceptions
from gatewatch.ingress_settings import NO_INGRESS, Ingress, read_ingress
from gatewatch.languages import LANGUAGES, Language
from gatewatch.model import Account, Family, Severity
from gatewatch.network import MAX_PORT, Network, parse_cidr
from gatewatch.patterns import Patterns
from gatewatch.ports import SENSITIVE_PORTS
from gatewatch.quiet_hours import QuietHours
from gatewatch.yaml_file import YamlFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_UNKNOWN_ALIAS: Mapping[str, str] = {"en": "unknown account", "ko": "계정정보없음", "ja": "不明なアカウント"}
# The destination that needs no configuration: the topic `alerts` of the hub's stack, unless policy.yaml redefines it.
HUB_TOPIC = "alerts"
# What eventbridge/member.yaml makes where SurveyorArn is given.
READ_ROLE = "gatewatch/gatewatch-survey"
_ROLE = re.compile(r"^(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,64}$", re.ASCII)
_ACCOUNT_ID = re.compile(r"^\d{12}$")
_COLOR = re.compile(r"^#[0-9a-fA-F]{6}$")
_PORTS = re.compile(r"^(\d{1,5})(?:-(\d{1,5}))?$")


class Defaults(Struct, frozen=True, forbid_unknown_fields=True):
    """`read_role`: with its path, as it stands behind `:role/` in its ARN; the same in every account."""

    timezone: str = "UTC"
    language: Language = "en"
    read_role: str | None = None


class AccountEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """`read_role` empty: this account has none, whatever the defaults say."""

    alias: str
    environment: str | None = None
    owner: str | None = None
    destinations: tuple[str, ...] = ()
    timezone: str | None = None
    language: Language | None = None
    read_role: str | None = None


class SeverityPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """Ports as `22` or `"27017-27019"`; networks as CIDRs."""

    sensitive_ports: dict[int | str, str] = {}
    public_ports: tuple[int, ...] = (80, 443)
    trusted_networks: tuple[str, ...] = ()
    iam: IamSeverity = IamSeverity()
    sign_in: SignInSeverity = SignInSeverity()


class Colors(Struct, frozen=True, forbid_unknown_fields=True):
    addition: str = "#0c3f7d"
    removal: str = "#eb4034"
    critical: str = "#8b0000"
    high: str = "#d9480f"
    denied: str = "#6b21a8"
    resolved: str = "#2b8a3e"
    unchanged: str = "#868e96"


class SecretRef(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret is kept: an SSM SecureString parameter or a Secrets Manager secret. Never the secret."""

    ssm: str | None = None
    secret: str | None = None


class SlackWebhook(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="slack_webhook"):
    """`pace`: seconds from one message to the next. `fallback`: who is told what this channel would not take."""

    url: SecretRef
    pace: float = 1.0
    fallback: str = HUB_TOPIC
    quiet: QuietHours | None = None


class SlackApp(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="slack_app"):
    channel: str
    token: SecretRef
    pace: float = 1.0
    fallback: str = HUB_TOPIC
    quiet: QuietHours | None = None


class SnsTopic(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="sns"):
    """`topic` is an ARN, or `alerts`, the topic of the hub's own stack."""

    topic: str = HUB_TOPIC
    pace: float = 0.0
    fallback: str = HUB_TOPIC
    quiet: QuietHours | None = None


Destination = SlackWebhook | SlackApp | SnsTopic


class Match(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything named must agree; what is not named matches anything. Several are a list, and `*` stands for any.

    A call with several changes matches by any one of them, and its severity is that of its worst.
    """

    account: Patterns | None = None
    environment: Patterns | None = None
    region: Patterns | None = None
    family: Family | tuple[Family, ...] | None = None
    group: Patterns | None = None
    actor: Patterns | None = None
    min_severity: Severity = Severity.INFO
    max_severity: Severity = Severity.CRITICAL


class Route(Struct, frozen=True, forbid_unknown_fields=True):
    to: tuple[str, ...]
    match: Match = Match()

    @property
    def takes_everything(self) -> bool:
        return bool(self.to) and self.match == Match()


class PortName(Struct, frozen=True):
    first: int
    last: int
    name: str


class Judgement(Struct, frozen=True):
    """What `assess` needs of the policy, parsed; `accounts` are our own."""

    sensitive: tuple[PortName, ...]
    public_ports: frozenset[int]
    trusted: tuple[Any, ...]
    iam: IamSeverity = IamSeverity()
    sign_in: SignInSeverity = SignInSeverity()
    accounts: frozenset[str] = frozenset()
    catalogue: Catalogue = field(default_factory=Catalogue)


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
        return self.accounts.get(account_id) or Account(
            id=account_id,
            alias=_UNKNOWN_ALIAS[self.defaults.language],
            timezone=self.defaults.timezone,
            language=self.defaults.language,
            known=False,
            read_role=self.defaults.read_role or None,
        )

    @property
    def read_roles(self) -> frozenset[str]:
        """One at most; none when members are not asked anything."""
        named = (self.defaults.read_role, *(account.read_role for account in self.accounts.values()))
        return frozenset(filter(None, named))


def emergency_settings() -> Settings:
    """What holds while the configuration cannot be read: the defaults, and everything goes to the hub's topic."""
    severity = SeverityPolicy()
    sensitive = tuple(PortName(*_port_range(ports), name) for ports, name in SENSITIVE_PORTS.items())
    return Settings(
        defaults=Defaults(),
        accounts={},
        judgement=Judgement(sensitive, frozenset(severity.public_ports), ()),
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
        accounts={each: _account(each, entry, defaults, language) for each, entry in entries.items()},
        judgement=_judgement(policy_file, entries),
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
    problems.extend(_check_accounts(settings, entries, accounts))
    problems.extend(_check_policy(settings, policy))
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


def _account(account_id: str, entry: AccountEntry, defaults: Defaults, language: Language | None) -> Account:
    return Account(
        id=account_id,
        alias=entry.alias,
        timezone=entry.timezone or defaults.timezone,
        language=language or entry.language or defaults.language,
        environment=entry.environment,
        owner=entry.owner,
        destinations=entry.destinations,
        read_role=(defaults.read_role if entry.read_role is None else entry.read_role) or None,
    )


def _judgement(policy: YamlFile, accounts: Iterable[str]) -> Judgement:
    severity = policy.section("severity", SeverityPolicy)
    named = severity.sensitive_ports or dict(SENSITIVE_PORTS)
    sensitive = [_port_name(policy, str(ports), name) for ports, name in named.items()]
    trusted = [_network(policy, index, cidr) for index, cidr in enumerate(severity.trusted_networks)]
    for index, port in enumerate(severity.public_ports):
        if not 0 <= port <= MAX_PORT:
            sentence = f"{port} is no port; write a number from 0 to {MAX_PORT}."
            policy.problem(f"severity.public_ports[{index}]", sentence)
    return Judgement(
        sensitive=tuple(each for each in sensitive if each),
        public_ports=frozenset(severity.public_ports),
        trusted=tuple(each for each in trusted if each),
        iam=severity.iam,
        sign_in=severity.sign_in,
        accounts=frozenset(accounts),
    )


def _port_range(ports: str) -> tuple[int, int]:
    """`22` or `27017-27019`; what is neither gives a range that holds nothing."""
    match = _PORTS.match(ports)
    return (int(match[1]), int(match[2] or match[1])) if match else (1, 0)


def _port_name(policy: YamlFile, ports: str, name: str) -> PortName | None:
    first, last = _port_range(ports)
    if not first <= last <= MAX_PORT:
        sentence = 'is no port; write a number such as 22 or a range such as "137-139".'
        policy.problem(f"severity.sensitive_ports.{ports}", sentence)
        return None
    return PortName(first, last, name)


def _network(policy: YamlFile, index: int, cidr: str) -> Network | None:
    network = parse_cidr(cidr)
    if network is None:
        key = f"severity.trusted_networks[{index}]"
        policy.problem(key, f'"{cidr}" is no CIDR; write one such as 198.51.100.0/24 or 2001:db8::/32.')
    return network


def _check_accounts(settings: Settings, entries: Mapping[str, AccountEntry], file: Path) -> Iterator[str]:
    for zone_key, zone in _zones(settings, entries):
        if zone not in pytz.all_timezones_set:
            yield f'{file}: {zone_key}: "{zone}" is no time zone; write a name such as Asia/Seoul or UTC.'
    yield from _check_read_roles(settings, entries, file)
    for account_id, entry in entries.items():
        if not _ACCOUNT_ID.match(account_id):
            yield f'{file}: accounts.{account_id}: an account id has 12 digits; write it in quotes, "111122223333".'
        for name in entry.destinations:
            if name not in settings.destinations:
                yield f"{file}: accounts.{account_id}.destinations: {_no_destination(name, settings)}"


def _check_read_roles(settings: Settings, entries: Mapping[str, AccountEntry], file: Path) -> Iterator[str]:
    for role_key, role in _read_roles(settings, entries):
        if not _ROLE.match(role):
            yield f'{file}: {role_key}: "{role}" is no role; write its path and name, {READ_ROLE}.'
    if len(settings.read_roles) > 1:
        named = ", ".join(sorted(settings.read_roles))
        yield f"{file}: read_role: names {named}; the hub may take one only, so give it one name in every account."


def _read_roles(settings: Settings, entries: Mapping[str, AccountEntry]) -> Iterator[tuple[str, str]]:
    if settings.defaults.read_role:
        yield "defaults.read_role", settings.defaults.read_role
    for account_id, entry in entries.items():
        if entry.read_role:
            yield f"accounts.{account_id}.read_role", entry.read_role


def _zones(settings: Settings, entries: Mapping[str, AccountEntry]) -> Iterator[tuple[str, str]]:
    yield "defaults.timezone", settings.defaults.timezone
    for account_id, entry in entries.items():
        if entry.timezone:
            yield f"accounts.{account_id}.timezone", entry.timezone


def _check_policy(settings: Settings, file: Path) -> Iterator[str]:
    for name, color in msgspec.structs.asdict(settings.colors).items():
        if not _COLOR.match(color):
            yield f'{file}: colors.{name}: "{color}" is no colour; write one such as "#0c3f7d".'
    for name, destination in settings.destinations.items():
        yield from (f"{file}: destinations.{name}.{each}" for each in _check_destination(destination, settings))
    for index, route in enumerate(settings.routes):
        yield from (f"{file}: routes[{index}].{each}" for each in _check_route(route, settings))
    for index, exception in enumerate(settings.exceptions):
        for name in _unknown(exception.remind, settings):
            yield f"{file}: exceptions[{index}].remind: {_no_destination(name, settings)}"
    yield from (f"{file}: digest.{key}: {sentence}" for key, sentence in settings.digest.problems())
    for name in _unknown(settings.digest.to, settings):
        yield f"{file}: digest.to: {_no_destination(name, settings)}"


def _check_destination(destination: Destination, settings: Settings) -> Iterator[str]:
    for key, ref in _secrets(destination):
        if (ref.ssm is None) == (ref.secret is None):
            yield f"{key}: write either {{ssm: /path}} or {{secret: name}}."
    for key, sentence in destination.quiet.problems() if destination.quiet else ():
        yield f"quiet.{key}: {sentence}"
    for name in _unknown((destination.fallback,), settings):
        yield f"fallback: {_no_destination(name, settings)}"


def _check_route(route: Route, settings: Settings) -> Iterator[str]:
    if not route.to:
        yield "to: names no destination; write one, or take the route away."
    for name in _unknown(route.to, settings):
        yield f"to: {_no_destination(name, settings)}"
    if route.match.min_severity.rank > route.match.max_severity.rank:
        yield "match: min_severity is above max_severity, so it takes nothing; swap them."
    for key in ("account", "environment", "region", "family", "group", "actor"):
        if getattr(route.match, key) == ():
            yield f"match.{key}: is an empty list, which takes nothing; leave it out or name something."


def _unknown(names: Iterable[str], settings: Settings) -> Iterator[str]:
    return (name for name in names if name not in settings.destinations)


def _secrets(destination: Destination) -> tuple[tuple[str, SecretRef], ...]:
    if isinstance(destination, SlackWebhook):
        return (("url", destination.url),)
    return (("token", destination.token),) if isinstance(destination, SlackApp) else ()


def _no_destination(name: str, settings: Settings) -> str:
    known = ", ".join(sorted(settings.destinations)) or "none yet"
    return f'"{name}" is no destination; write one that policy.yaml defines ({known}).'
