"""An alert in plain words of one language: the headline, and what one rule lets in from where.

Returns plain text. Whatever an event put into it is made harmless by the renderer, not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.model import (
    Action,
    CidrPeer,
    Direction,
    Exposure,
    Family,
    GroupPeer,
    Outcome,
    PortRange,
    PrefixListPeer,
    Traffic,
)
from gatewatch.network import ALL_PROTOCOLS, MAX_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.labels import Labels
    from gatewatch.model import Alert, AssessedChange, Peer

_NAMED_SERVICES = 2
_WHOLE_CALL = {
    Action.CREATE: "create",
    Action.DELETE: "delete",
    Action.ASSOCIATE: "associate",
    Action.DISASSOCIATE: "disassociate",
    Action.DESCRIBE: "describe",
}


def headline(alert: Alert, labels: Labels) -> str:
    """What happened, or what was tried, in one line: the worst change, and how many more there are."""
    worst = alert.worst
    outcome = worst.change.outcome
    if outcome is Outcome.APPLIED:
        text = _phrase(alert, worst, labels, labels.headline)
    else:
        text = labels.tried[outcome].format(attempt=_phrase(alert, worst, labels, labels.attempt))
    more = len(alert.changes) - 1
    text = labels.line["more"].format(headline=text, count=more) if more else text
    return text[:1].upper() + text[1:]


def _phrase(alert: Alert, assessed: AssessedChange, labels: Labels, phrases: Mapping[str, str]) -> str:
    """The phrase for a change, from those of what happened or of what was attempted."""
    return _phrases(alert, assessed, labels).fill(phrases)


class _Choice(Struct, frozen=True):
    """Which phrase, and what stands in it."""

    key: str
    what: str = ""
    whom: str = ""

    def fill(self, phrases: Mapping[str, str]) -> str:
        return phrases[self.key].format(what=self.what, whom=self.whom)


def _phrases(alert: Alert, assessed: AssessedChange, labels: Labels) -> _Choice:
    change = assessed.change
    if not change.understood:
        return _Choice("not_understood", alert.call.event_name)
    if change.family is Family.PREFIX_LIST:
        return _prefix_list(alert, assessed, labels)
    if change.family is Family.ATTACHMENT:
        return _attachment(alert, labels)
    if change.action in _WHOLE_CALL:
        is_vpc = alert.call.event_name == "CreateDefaultVpc"
        return _Choice("create_vpc" if is_vpc else _WHOLE_CALL[change.action])
    return _rule_change(alert, assessed, labels)


def _rule_change(alert: Alert, assessed: AssessedChange, labels: Labels) -> _Choice:
    change, rule = assessed.change, assessed.change.rule
    if rule.peer is None and rule.traffic.protocol is None:
        is_removal = change.action is Action.REVOKE and rule.rule_id
        key = "revoke_unknown" if is_removal else "no_parameters"
        return _Choice(key, alert.call.event_name)
    egress = "_egress" if rule.direction is Direction.EGRESS else ""
    what, whom = target(assessed, labels), opening(rule.peer, assessed.assessment.exposure, labels)
    return _Choice(f"{change.action}{egress}", what, whom)


def _prefix_list(alert: Alert, assessed: AssessedChange, labels: Labels) -> _Choice:
    change, peer = assessed.change, assessed.change.rule.peer
    if isinstance(peer, CidrPeer):
        whom = opening(peer, assessed.assessment.exposure, labels)
        return _Choice(f"prefix_list_{change.action}", whom=whom)
    if change.resource_id is None:
        return _Choice("no_parameters", alert.call.event_name)
    edited = "edit" if peer is None else "restore"
    key = {Action.CREATE: "create_empty", Action.DELETE: "delete"}.get(change.action, edited)
    return _Choice(f"prefix_list_{key}")


def _attachment(alert: Alert, labels: Labels) -> _Choice:
    is_interface = alert.call.event_name == "ModifyNetworkInterfaceAttribute"
    return _Choice("attach", labels.target["interface" if is_interface else "instance"])


def target(assessed: AssessedChange, labels: Labels) -> str:
    """What a rule is about: `SSH`, `SSH, RDP and 3 more services`, `tcp 8443`, `All traffic`."""
    traffic, services = assessed.change.rule.traffic, assessed.assessment.services
    if traffic.protocol is None:
        return labels.target["unknown"]
    if traffic.protocol == ALL_PROTOCOLS:
        return labels.target["all"]
    if traffic.ports is None:
        return labels.target["protocol"].format(protocol=traffic.protocol.upper())
    if traffic.ports == PortRange(0, MAX_PORT):
        return labels.target["every_port"].format(protocol=traffic.protocol.upper())
    if services:
        return _services(services, labels)
    return labels.target["ports"].format(protocol=traffic.protocol.upper(), ports=ports_text(traffic.ports))


def _services(services: tuple[str, ...], labels: Labels) -> str:
    named, more = ", ".join(services[:_NAMED_SERVICES]), len(services) - _NAMED_SERVICES
    key = "services_more" if more > 0 else "services"
    return labels.target[key].format(services=named, count=more)


def opening(peer: Peer | None, exposure: Exposure | None, labels: Labels) -> str:
    """Who may connect: `the whole internet`, a network, a group, a prefix list."""
    match peer:
        case CidrPeer():
            return labels.opening[_cidr_opening(peer, exposure)].format(peer=peer.text)
        case GroupPeer():
            return labels.opening["group"].format(peer=peer.text)
        case PrefixListPeer():
            return labels.opening["prefix_list"].format(peer=peer.text)
        case None:
            return labels.opening["unknown"]


def _cidr_opening(peer: CidrPeer, exposure: Exposure | None) -> str:
    if exposure is Exposure.WORLD:
        return "world" if peer.cidr.endswith("/0") else "world_in_parts"
    return "wide" if exposure is Exposure.WIDE else "peer"


def ports_text(ports: PortRange) -> str:
    return str(ports.first) if ports.first == ports.last else f"{ports.first}-{ports.last}"


def traffic_text(traffic: Traffic, labels: Labels) -> str:
    """`tcp 22`, `tcp 1024-65535`, `icmp 8/0`, `all traffic`."""
    if traffic.protocol is None:
        return labels.line["unknown_traffic"]
    if traffic.protocol == ALL_PROTOCOLS:
        return labels.line["all_traffic"]
    if traffic.ports is not None:
        whole = traffic.ports == PortRange(0, MAX_PORT)
        return f"{traffic.protocol} {labels.line['all_ports'] if whole else ports_text(traffic.ports)}"
    if traffic.icmp is not None:
        every = traffic.icmp.type < 0
        return f"{traffic.protocol} {labels.line['all_types'] if every else _icmp_text(traffic)}"
    return traffic.protocol


def _icmp_text(traffic: Traffic) -> str:
    if traffic.icmp is None:
        return ""
    return f"{traffic.icmp.type}" if traffic.icmp.code < 0 else f"{traffic.icmp.type}/{traffic.icmp.code}"
