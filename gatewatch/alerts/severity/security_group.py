"""Severity of security-group and prefix-list changes: exposure of the peer × sensitivity of the ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.alerts.severity.caller import ADDS_ACCESS
from gatewatch.model.change import Action, Change
from gatewatch.model.network import ALL_PROTOCOLS, ICMP_PROTOCOLS, exposure_of_cidr, is_trusted, world_cidrs
from gatewatch.model.security_group import AccountPeer, CidrPeer, Direction, GroupPeer, PrefixListPeer, Traffic
from gatewatch.model.severity import Assessment, Exposure, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.config.severity import SeverityRules

_ECHO = 8  # ICMPv4 echo request; all of ICMPv6 counts as public, path MTU discovery needs it (RFC 4890)
_SENSITIVE, _OTHER, _PUBLIC = "sensitive", "other", "public"
_TABLE = {
    (Exposure.WORLD, _SENSITIVE): Severity.CRITICAL,
    (Exposure.WORLD, _OTHER): Severity.HIGH,
    (Exposure.WORLD, _PUBLIC): Severity.LOW,
    (Exposure.WIDE, _SENSITIVE): Severity.HIGH,
    (Exposure.WIDE, _OTHER): Severity.MEDIUM,
    (Exposure.WIDE, _PUBLIC): Severity.LOW,
    (Exposure.NARROW, _SENSITIVE): Severity.LOW,
    (Exposure.NARROW, _OTHER): Severity.LOW,
    (Exposure.NARROW, _PUBLIC): Severity.LOW,
}
_NAMED_SERVICES = 3
_NOTHING: frozenset[str] = frozenset()

Pool = tuple[Direction | None, Traffic]


def world_by_traffic(changes: Sequence[Change]) -> dict[Pool, frozenset[str]]:
    """Return the CIDRs of a call that expose to the whole internet, by direction, protocol and ports."""
    pools: dict[Pool, list[str]] = {}
    for change in changes:
        peer = change.rule.peer
        if isinstance(peer, CidrPeer) and exposure_of_cidr(peer.cidr).is_pooled and change.action is not Action.REVOKE:
            pools.setdefault(_pool(change), []).append(peer.cidr)
    return {pool: world_cidrs(cidrs) for pool, cidrs in pools.items()}


def _pool(change: Change) -> Pool:
    return change.rule.direction, change.rule.traffic


def rule_assessment(change: Change, world: dict[Pool, frozenset[str]], policy: SeverityRules) -> Assessment:
    """Assess one change; `world` is `world_by_traffic` of all changes of the call."""
    if change.action not in ADDS_ACCESS:
        return _without_new_access(change, policy)
    return access_assessment(change, world, policy)


def _without_new_access(change: Change, policy: SeverityRules) -> Assessment:
    """Removals, descriptions, created and deleted groups. The exposure is kept for the headline."""
    peer = change.rule.peer
    exposure = None
    if isinstance(peer, CidrPeer):
        exposure = exposure_of(peer, world_cidrs([peer.cidr]), policy)
    severity = Severity.LOW if change.action is Action.ASSOCIATE else Severity.INFO
    return Assessment(severity, (), exposure, _services(change.rule.traffic, policy))


def prefix_list_assessment(change: Change, world: dict[Pool, frozenset[str]], policy: SeverityRules) -> Assessment:
    """Assess a prefix-list change. The event does not name the rules that use the list: ports count as `other`."""
    peer = change.rule.peer
    if change.action in {Action.REVOKE, Action.DELETE} or peer is None:
        return Assessment(Severity.INFO)
    if not isinstance(peer, CidrPeer):
        return Assessment(Severity.LOW, (Reason("entries_unknown", {"peer": peer.text}),))
    exposure = exposure_of(peer, world.get(_pool(change), _NOTHING), policy)
    reasons = (exposure_reason(peer, exposure), Reason("prefix_list_entry"))
    return Assessment(_TABLE[exposure, _OTHER], reasons, exposure)


def access_assessment(change: Change, world: dict[Pool, frozenset[str]], policy: SeverityRules) -> Assessment:
    """What a rule is that allows something; `world` is that of all changes of the call."""
    return _access(change, world.get(_pool(change), _NOTHING) if world else _NOTHING, policy)


def _access(change: Change, world: frozenset[str], policy: SeverityRules) -> Assessment:
    """An added or modified rule. Unknown direction counts as ingress."""
    rule = change.rule
    services = _services(rule.traffic, policy)
    ports, ports_reason = _ports(rule.traffic, services, policy)
    match rule.peer:
        case CidrPeer():
            exposure = exposure_of(rule.peer, world, policy)
            if rule.direction is Direction.EGRESS:
                return _egress(rule.traffic, exposure, services)
            severity, reason = _TABLE[exposure, ports], exposure_reason(rule.peer, exposure)
        case GroupPeer() | PrefixListPeer():
            return _by_reference(change, rule.peer, ports, ports_reason, services)
        case _:
            if rule.direction is Direction.EGRESS:
                return _egress(rule.traffic, Exposure.WORLD, services)
            exposure = Exposure.WORLD
            severity, reason = _TABLE[exposure, ports], Reason("peer_unknown")
    return Assessment(severity, (reason, ports_reason), exposure, services)


def _by_reference(
    change: Change,
    peer: AccountPeer | GroupPeer | PrefixListPeer,
    ports: str,
    ports_reason: Reason,
    services: tuple[str, ...],
) -> Assessment:
    """A peer (group or prefix list) whose addresses are not in the event."""
    if change.rule.direction is Direction.EGRESS:
        return Assessment(Severity.INFO, (), None, services)
    if isinstance(peer, PrefixListPeer):
        reason, is_unknown = Reason("entries_unknown", {"peer": peer.text}), True
    else:
        is_foreign = isinstance(peer, AccountPeer) or peer.foreign
        code = "foreign_group" if is_foreign else "own_group"
        reason, is_unknown = Reason(code, {"peer": peer.text}), is_foreign
    severity = Severity.MEDIUM if is_unknown and ports == _SENSITIVE else Severity.LOW
    return Assessment(severity, (reason, ports_reason), None, services)


def _egress(traffic: Traffic, exposure: Exposure, services: tuple[str, ...]) -> Assessment:
    is_default = exposure is Exposure.WORLD and traffic.protocol in {ALL_PROTOCOLS, None}
    severity = Severity.LOW if is_default else Severity.INFO
    return Assessment(severity, (Reason("egress_default" if is_default else "egress"),), exposure, services)


def exposure_of(peer: CidrPeer, world: frozenset[str], policy: SeverityRules) -> Exposure:
    computed = exposure_of_cidr(peer.cidr)
    if policy.trusted and is_trusted(computed.network, policy.trusted):
        return Exposure.NARROW
    if peer.cidr in world:
        return Exposure.WORLD
    return Exposure.WIDE if computed.is_wide else Exposure.NARROW


def exposure_reason(peer: CidrPeer, exposure: Exposure) -> Reason:
    if exposure is Exposure.WORLD:
        is_whole = peer.cidr.endswith("/0")
        return Reason("world" if is_whole else "world_in_parts", {"peer": peer.cidr})
    code = "wide" if exposure is Exposure.WIDE else "narrow"
    return Reason(code, {"peer": peer.cidr, "addresses": _count(exposure_of_cidr(peer.cidr).public)})


def _count(addresses: int) -> str:
    """A readable number: below a million as it is, then in millions, for IPv6 as a power of two."""
    million = 1_000_000
    if addresses < million:
        return f"{addresses:,}"
    return f"{addresses / million:,.0f} million" if addresses < million * million else f"2^{addresses.bit_length() - 1}"


def _services(traffic: Traffic, policy: SeverityRules) -> tuple[str, ...]:
    """Names of the sensitive services in a port range."""
    return () if traffic.ports is None else policy.services_of(traffic.ports)


def _ports(traffic: Traffic, services: tuple[str, ...], policy: SeverityRules) -> tuple[str, Reason]:
    """`sensitive`, `other` or `public`, with the reason. Unknown ports count as sensitive."""
    if traffic.protocol is None:
        return _SENSITIVE, Reason("ports_unknown")
    if traffic.protocol == ALL_PROTOCOLS:
        return _SENSITIVE, Reason("all_traffic")
    if traffic.ports is None:
        return _portless(traffic)
    if services:
        return _SENSITIVE, Reason("sensitive_ports", {"services": _service_names(services)})
    covered = range(traffic.ports.first, traffic.ports.last + 1)
    if len(covered) <= len(policy.public_ports) and policy.public_ports.issuperset(covered):
        return _PUBLIC, Reason("public_ports")
    return _OTHER, Reason("other_ports")


def _portless(traffic: Traffic) -> tuple[str, Reason]:
    is_echo = traffic.protocol == "icmp" and traffic.icmp is not None and traffic.icmp.type == _ECHO
    if is_echo or traffic.protocol == "icmpv6":
        return _PUBLIC, Reason("icmp_public")
    return _OTHER, Reason("icmp" if traffic.protocol in ICMP_PROTOCOLS else "protocol")


def _service_names(services: tuple[str, ...]) -> str:
    shown, more = services[:_NAMED_SERVICES], len(services) - _NAMED_SERVICES
    return ", ".join(shown) + (f" +{more}" if more > 0 else "")
