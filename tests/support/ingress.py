"""Short notation for permits and rules in the tests of the ingress rule."""

from datetime import UTC, datetime
from ipaddress import ip_network

from gatewatch.config.ingress import AnyGroup, IngressPolicy, OwnGroup, Permit
from gatewatch.model.security_group import (
    CidrPeer,
    Direction,
    GroupPeer,
    IcmpType,
    PortRange,
    PrefixListPeer,
    SecurityGroupRule,
    Traffic,
)
from gatewatch.remediation.ingress.plan import CurrentRule

GROUP = "sg-0123456789abcdef0"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def traffic(text):
    """`tcp 22`, `udp 0-65535`, `icmp 8`, `icmp`, `all`, `50`."""
    protocol, _, ports = text.partition(" ")
    if protocol in {"tcp", "udp"}:
        first, _, last = ports.partition("-")
        return Traffic(protocol, ports=PortRange(int(first), int(last or first)))
    if protocol in {"icmp", "icmpv6"}:
        return Traffic(protocol, icmp=IcmpType(int(ports or -1), -1))
    return Traffic(protocol)


def peer(text):
    if text in {"self", "any_group"}:
        return {"self": OwnGroup(), "any_group": AnyGroup()}[text]
    if text.startswith("pl-"):
        return PrefixListPeer(text)
    if "sg-" in text:
        owner, _, name = text.rpartition("/")
        return GroupPeer(name, owner or None, foreign=bool(owner))
    return CidrPeer(str(ip_network(text)))


def permits(*texts):
    """`tcp 443 from 0.0.0.0/0`."""
    return tuple(
        Permit(traffic(first), peer(second)) for first, _, second in (each.partition(" from ") for each in texts)
    )


def ingress(allowed=(), required=(), **fields):
    return IngressPolicy(allowed=permits(*allowed), required=permits(*required), **fields)


def rule(text, rule_id=None, description=None):
    traffic_text, _, peer_text = text.partition(" from ")
    return SecurityGroupRule(
        rule_id=rule_id,
        direction=Direction.INGRESS,
        traffic=traffic(traffic_text),
        peer=peer(peer_text),
        description=description,
    )


def current_rules(*texts):
    return tuple(CurrentRule(rule(text, f"sgr-{number:017x}", "description")) for number, text in enumerate(texts))


def rule_text(rule):
    """Return a rule in the notation that `rule` reads."""
    text = rule.traffic.protocol
    if rule.traffic.ports:
        first, last = rule.traffic.ports.first, rule.traffic.ports.last
        text += f" {first}" if first == last else f" {first}-{last}"
    if rule.traffic.icmp and rule.traffic.icmp.type >= 0:
        text += f" {rule.traffic.icmp.type}"
    return f"{text} from {rule.peer.text}"
