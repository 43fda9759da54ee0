"""One rule in plain words of one language: what it is about, who may connect. Plain text, not yet escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.network import ALL_PROTOCOLS, MAX_PORT
from gatewatch.model.security_group import CidrPeer, GroupPeer, PortRange, PrefixListPeer, Traffic
from gatewatch.model.severity import Exposure

if TYPE_CHECKING:
    from gatewatch.model.alert import AssessedChange
    from gatewatch.model.security_group import IcmpType, Peer
    from gatewatch.rendering.text.labels import Labels

_NAMED_SERVICES = 2
_LONGEST_NAME = 60  # of a peer or an event in a headline, which has 150 characters in all
_PROTOCOLS = {"tcp": "TCP", "udp": "UDP", "icmp": "ICMP", "icmpv6": "ICMPv6"}


def target(assessed: AssessedChange, labels: Labels) -> str:
    """What a rule is about: `SSH`, `MySQL, PostgreSQL`, `TCP 8443`, `all traffic`."""
    traffic, services = assessed.change.rule.traffic, assessed.assessment.services
    if traffic.protocol is None:
        return labels.target["unknown"]
    if traffic.protocol == ALL_PROTOCOLS:
        return labels.target["all"]
    protocol = _PROTOCOLS.get(traffic.protocol, labels.target["protocol"].format(protocol=traffic.protocol))
    if traffic.ports is None:
        return protocol
    if traffic.ports == PortRange(0, MAX_PORT):
        return labels.target["every_port"].format(protocol=protocol)
    if 0 < len(services) <= _NAMED_SERVICES:
        return ", ".join(services)
    key = "many_services" if services else "ports"
    return labels.target[key].format(protocol=protocol, ports=ports_text(traffic.ports), count=len(services))


def opening(peer: Peer | None, exposure: Exposure | None, labels: Labels) -> str:
    """Who may connect: `the whole internet`, a network, a group, a prefix list."""
    match peer:
        case CidrPeer():
            key = cidr_opening(peer, exposure)
        case GroupPeer():
            key = "foreign_group" if peer.foreign else "group"
        case PrefixListPeer():
            key = "prefix_list"
        case None:
            return labels.opening["unknown"]
    return labels.opening[key].format(peer=short(peer.text))


def short(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"


def cidr_opening(peer: CidrPeer, exposure: Exposure | None) -> str:
    """Which opening a CIDR is; one that nobody assessed, because nothing happened, may still be a `/0`."""
    if peer.cidr.endswith("/0") and exposure in {Exposure.WORLD, None}:
        return "world"
    if exposure is Exposure.WORLD:
        return "world_in_parts"
    return "wide" if exposure is Exposure.WIDE else "peer"


def ports_text(ports: PortRange) -> str:
    return str(ports.first) if ports.first == ports.last else f"{ports.first}-{ports.last}"


def traffic_text(traffic: Traffic, labels: Labels) -> str:
    """`tcp 22`, `tcp 1024-65535`, `icmp type 8`, `all traffic`."""
    if traffic.protocol is None:
        return labels.line["unknown_traffic"]
    if traffic.protocol == ALL_PROTOCOLS:
        return labels.line["all_traffic"]
    if traffic.ports is not None:
        whole = traffic.ports == PortRange(0, MAX_PORT)
        return f"{traffic.protocol} {labels.line['all_ports'] if whole else ports_text(traffic.ports)}"
    if traffic.icmp is not None:
        return f"{traffic.protocol} {_icmp_text(traffic.icmp, labels)}"
    known = traffic.protocol in _PROTOCOLS
    return traffic.protocol if known else labels.target["protocol"].format(protocol=traffic.protocol)


def _icmp_text(icmp: IcmpType, labels: Labels) -> str:
    if icmp.type < 0:
        return labels.line["all_types"]
    key = "icmp_type" if icmp.code < 0 else "icmp_code"
    return labels.line[key].format(type=icmp.type, code=icmp.code)
