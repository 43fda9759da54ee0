"""`severity:` of policy.yaml, parsed for the assessment."""

from __future__ import annotations

from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from gatewatch.config.accounts import ownership_problems
from gatewatch.config.controls import ControlCatalogue
from gatewatch.config.families import (
    DetectionSeverity,
    NetworkSeverity,
    OrganizationSeverity,
    PublicAccessSeverity,
)
from gatewatch.config.formats import parse_ports
from gatewatch.config.iam import IamSeverity, SignInSeverity
from gatewatch.config.sensitive_ports import SENSITIVE_PORTS
from gatewatch.model.change import Family
from gatewatch.model.network import MAX_PORT, Network, parse_cidr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gatewatch.config.yaml_file import YamlFile
    from gatewatch.model.security_group import PortRange


class SeveritySection(Struct, frozen=True, forbid_unknown_fields=True):
    """The `severity` section. Ports are `22` or `"27017-27019"`, networks are CIDRs."""

    sensitive_ports: dict[int | str, str] = {}
    public_ports: tuple[int, ...] = (80, 443)
    trusted_networks: tuple[str, ...] = ()
    iam: IamSeverity = IamSeverity()
    sign_in: SignInSeverity = SignInSeverity()
    network: NetworkSeverity = NetworkSeverity()
    public_access: PublicAccessSeverity = PublicAccessSeverity()
    organization: OrganizationSeverity = OrganizationSeverity()
    detection: DetectionSeverity = DetectionSeverity()


class PortName(Struct, frozen=True):
    first: int
    last: int
    name: str


class SeverityRules(Struct, frozen=True, dict=True):
    """The parsed section.

    `accounts` are the ids of accounts.yaml, `known_accounts` those of others that it names, `own_organization` its
    `organization`, `hub_bus` the ARN of the hub's event bus.
    """

    sensitive: tuple[PortName, ...]
    public_ports: frozenset[int]
    trusted: tuple[Any, ...]
    iam: IamSeverity = IamSeverity()
    sign_in: SignInSeverity = SignInSeverity()
    network: NetworkSeverity = NetworkSeverity()
    public_access: PublicAccessSeverity = PublicAccessSeverity()
    organization: OrganizationSeverity = OrganizationSeverity()
    detection: DetectionSeverity = DetectionSeverity()
    accounts: frozenset[str] = frozenset()
    known_accounts: frozenset[str] = frozenset()
    own_organization: str | None = None

    catalogue: ControlCatalogue = field(default_factory=ControlCatalogue)
    hub_bus: str | None = None

    @cached_property
    def disabled(self) -> frozenset[Family]:
        """Return the families whose changes are not reported: four have a switch of their own."""
        return frozenset(each for each in Family if not getattr(getattr(self, each, None), "enabled", True))

    @cached_property
    def services_of(self) -> Callable[[PortRange], tuple[str, ...]]:
        """Return the names of the sensitive services in a port range; the same few ports occur again and again."""
        return lru_cache(maxsize=1024)(partial(_services_of, self.sensitive))


def _services_of(sensitive: tuple[PortName, ...], ports: PortRange) -> tuple[str, ...]:
    names = [each.name for each in sensitive if each.first <= ports.last and ports.first <= each.last]
    return tuple(dict.fromkeys(names))


def default_severity_rules() -> SeverityRules:
    """Return the rules for an empty policy."""
    sensitive = [(parse_ports(ports), name) for ports, name in SENSITIVE_PORTS.items()]
    names = tuple(PortName(ports.first, ports.last, name) for ports, name in sensitive if ports)
    return SeverityRules(names, frozenset(SeveritySection().public_ports), ())


def read_severity_rules(
    policy: YamlFile, accounts_file: YamlFile, accounts: Iterable[str], hub_bus: str | None = None
) -> SeverityRules:
    severity = policy.section("severity", SeveritySection)
    named = severity.sensitive_ports or dict(SENSITIVE_PORTS)
    sensitive = [_port_name(policy, str(ports), name) for ports, name in named.items()]
    trusted = [_network(policy, index, cidr) for index, cidr in enumerate(severity.trusted_networks)]
    for index, port in enumerate(severity.public_ports):
        if not 0 <= port <= MAX_PORT:
            sentence = f"{port} is not a port; write a number from 0 to {MAX_PORT}."
            policy.problem(f"severity.public_ports[{index}]", sentence)
    organization, known = accounts_file.text("organization"), accounts_file.sequence("known_accounts", str)
    for key, sentence in ownership_problems(organization, known):
        accounts_file.problem(key, sentence)
    return SeverityRules(
        sensitive=tuple(each for each in sensitive if each),
        public_ports=frozenset(severity.public_ports),
        trusted=tuple(each for each in trusted if each),
        iam=severity.iam,
        sign_in=severity.sign_in,
        network=severity.network,
        public_access=severity.public_access,
        organization=severity.organization,
        detection=severity.detection,
        accounts=frozenset(accounts),
        hub_bus=hub_bus,
        known_accounts=frozenset(known),
        own_organization=organization,
    )


def _port_name(policy: YamlFile, ports: str, name: str) -> PortName | None:
    parsed = parse_ports(ports)
    if parsed is None:
        sentence = 'is not a port; write a number such as 22 or a range such as "137-139".'
        policy.problem(f"severity.sensitive_ports.{ports}", sentence)
        return None
    return PortName(parsed.first, parsed.last, name)


def _network(policy: YamlFile, index: int, cidr: str) -> Network | None:
    network = parse_cidr(cidr)
    if network is None:
        key = f"severity.trusted_networks[{index}]"
        policy.problem(key, f'"{cidr}" is not a CIDR; write one such as 198.51.100.0/24 or 2001:db8::/32.')
    return network
