"""Text of a rule in one language: its traffic and its peer. Plain text, escaped by the renderer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.network import ALL_PROTOCOLS, MAX_PORT
from gatewatch.model.security_group import (
    AccountPeer,
    CidrPeer,
    EveryonePeer,
    GroupPeer,
    PortRange,
    PrefixListPeer,
    Traffic,
)
from gatewatch.model.severity import Exposure

if TYPE_CHECKING:
    from gatewatch.model.alert import AssessedChange
    from gatewatch.model.security_group import IcmpType, Peer
    from gatewatch.rendering.text.labels import Labels

_MAX_SERVICES = 2
_MAX_NAME_LENGTH = 60  # of one value in a headline; a Slack header takes 150 characters
_PROTOCOLS = {"tcp": "TCP", "udp": "UDP", "icmp": "ICMP", "icmpv6": "ICMPv6"}


def target_text(assessed: AssessedChange, labels: Labels) -> str:
    """The traffic of a rule for a headline: `SSH`, `MySQL, PostgreSQL`, `TCP 8443`, `all traffic`."""
    traffic, services = assessed.change.rule.traffic, assessed.assessment.services
    if traffic.protocol is None:
        return labels.target["unknown"]
    if traffic.protocol == ALL_PROTOCOLS:
        return labels.target["all"]
    protocol = _PROTOCOLS.get(traffic.protocol, labels.target["protocol"].format(protocol=traffic.protocol))
    if traffic.ports is None:
        return labels.target["name"].format(name=protocol)
    if traffic.ports == PortRange(0, MAX_PORT):
        return labels.target["all_ports"].format(protocol=protocol)
    if 0 < len(services) <= _MAX_SERVICES:
        return labels.target["name"].format(name=", ".join(services))
    key = "many_services" if services else "ports"
    return labels.target[key].format(protocol=protocol, ports=ports_text(traffic.ports), count=len(services))


def peer_text(peer: Peer | None, exposure: Exposure | None, labels: Labels) -> str:
    """The peer of a rule for a headline: `the internet`, a CIDR, a security group, a prefix list."""
    match peer:
        case CidrPeer():
            key = cidr_peer_key(peer, exposure)
        case GroupPeer():
            key = "foreign_group" if peer.foreign else "group"
        case PrefixListPeer():
            key = "prefix_list"
        case EveryonePeer() | AccountPeer():
            key = "peer"
        case None:
            return labels.peer["unknown"]
    return labels.peer[key].format(peer=shorten(peer.text))


def shorten(text: str) -> str:
    """Cut one value so that the rest of the headline stays visible."""
    return text if len(text) <= _MAX_NAME_LENGTH else text[: _MAX_NAME_LENGTH - 1] + "…"


def cidr_peer_key(peer: CidrPeer, exposure: Exposure | None) -> str:
    """The key of a CIDR in `labels.peer`. A change that was not applied has no exposure; its `/0` is the world too."""
    if peer.cidr.endswith("/0") and exposure in {Exposure.WORLD, None}:
        return "world"
    if exposure is Exposure.WORLD:
        return "world_in_parts"
    return "wide" if exposure is Exposure.WIDE else "peer"


def ports_text(ports: PortRange) -> str:
    return str(ports.first) if ports.first == ports.last else f"{ports.first}-{ports.last}"


def traffic_text(traffic: Traffic, labels: Labels) -> str:
    """Traffic as a rule has it: `tcp 22`, `tcp 1024-65535`, `icmp type 8`, `all traffic`."""
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
