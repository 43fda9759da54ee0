"""Read `ingress:` of policy.yaml: each entry becomes one permit per peer, or a problem of the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gatewatch.config.formats import ACCOUNT_ID, ACCOUNT_ID_PROBLEM, parse_ports
from gatewatch.config.ingress import (
    ANY_GROUP,
    OWN_GROUP,
    AnyGroup,
    EnforcementMode,
    ExemptGroup,
    IngressPolicy,
    IngressSection,
    OwnGroup,
    Permit,
    RuleEntry,
)
from gatewatch.config.patterns import is_wildcard
from gatewatch.model.network import ICMP_PROTOCOLS, PORT_PROTOCOLS, cidr_peer, protocol_name
from gatewatch.model.security_group import CidrPeer, GroupPeer, IcmpType, Peer, PrefixListPeer, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.yaml_file import YamlFile

_GROUP = re.compile(r"^(?:(?P<owner>[0-9]{12})/)?(?P<id>sg-[0-9a-f]{8,17})\Z")
_PREFIX_LIST = re.compile(r"^pl-[0-9a-f]{8,17}\Z")
_MAX_ICMP = 255


def read_ingress(policy: YamlFile) -> IngressPolicy:
    """Return the ingress policy; invalid entries become problems of the file."""
    section = policy.section("ingress", IngressSection)
    _check(policy, section)
    return IngressPolicy(
        mode=section.mode,
        environments=section.environments,
        accounts=section.accounts,
        allowed=tuple(_permits(policy, "allowed", section.allowed)),
        required=tuple(_permits(policy, "required", section.required)),
        exempt_groups=section.exempt_groups,
        fight=section.fight,
        securityhub=section.securityhub,
    )


def _check(policy: YamlFile, section: IngressSection) -> None:
    modes = {section.mode, *section.environments.values(), *section.accounts.values()}
    if EnforcementMode.ENFORCE in modes and not (section.allowed or section.required):
        policy.problem(
            "ingress", "enforces, but allows nothing: every inbound rule would be removed; write allowed rules."
        )
    for account_id in section.accounts:
        if not ACCOUNT_ID.match(account_id):
            policy.problem(f"ingress.accounts.{account_id}", ACCOUNT_ID_PROBLEM)
    if section.fight.returns < 1 or section.fight.hours < 1:
        policy.problem("ingress.fight", "returns and hours must be at least 1.")
    for index, each in enumerate(section.exempt_groups):
        _check_exemption(policy, f"ingress.exempt_groups[{index}]", each)


def _check_exemption(policy: YamlFile, key: str, each: ExemptGroup) -> None:
    if each.group is None and not each.tags and is_wildcard(each.name):
        policy.problem(key, "covers every group; name a group, a name pattern or tags.")
    match = _GROUP.match(each.group or "")
    if each.group is not None and (match is None or match["owner"]):
        policy.problem(
            f"{key}.group", f'"{each.group}" is not a security group; write its id, such as sg-0a1b2c3d4e5f67890.'
        )
    for name in ("owner", "reason"):
        if not getattr(each, name).strip():
            policy.problem(f"{key}.{name}", "is empty; an exemption needs an owner, a reason and an expiry date.")


def _permits(policy: YamlFile, name: str, entries: tuple[RuleEntry, ...]) -> Iterator[Permit]:
    for index, entry in enumerate(entries):
        key = f"ingress.{name}[{index}]"
        traffic = _traffic(policy, key, entry)
        if not entry.peers:
            policy.problem(f"{key}.peers", "is empty; write at least one peer, such as 203.0.113.0/24.")
        for number, text in enumerate(entry.peers):
            peer = _peer(text)
            if peer is None:
                policy.problem(f"{key}.peers[{number}]", f'"{text}" is not a peer; {_PEERS}.')
            elif name == "required" and isinstance(peer, AnyGroup):
                policy.problem(f"{key}.peers[{number}]", "any_group can be allowed, but not required; name the group.")
            elif traffic is not None:
                yield Permit(traffic, peer, entry.description)


_PEERS = "write a CIDR, sg-…, <account>/sg-…, pl-…, self or any_group"


def _peer(text: str) -> Peer | AnyGroup | OwnGroup | None:
    if text == OWN_GROUP:
        return OwnGroup()
    if text == ANY_GROUP:
        return AnyGroup()
    if match := _GROUP.match(text):
        return GroupPeer(match["id"], match["owner"], foreign=match["owner"] is not None)
    if _PREFIX_LIST.match(text):
        return PrefixListPeer(text)
    return _cidr(text)


def _cidr(text: str) -> CidrPeer | None:
    return cidr_peer(text) if "/" in text else None


def _traffic(policy: YamlFile, key: str, entry: RuleEntry) -> Traffic | None:
    """Return the protocol with its ports or ICMP type; None, and a problem of the file, when they do not fit."""
    protocol = protocol_name(str(entry.protocol))
    if protocol is None:
        policy.problem(f"{key}.protocol", f'"{entry.protocol}" is not a protocol; write tcp, udp, icmp, icmpv6 or all.')
        return None
    if protocol in PORT_PROTOCOLS:
        return _with_ports(policy, key, protocol, entry)
    if entry.ports is not None:
        policy.problem(f"{key}.ports", f"{protocol} has no ports; leave them out.")
        return None
    return _with_icmp(policy, key, protocol, entry)


def _with_ports(policy: YamlFile, key: str, protocol: str, entry: RuleEntry) -> Traffic | None:
    ports = parse_ports(entry.ports)
    if ports is None:
        policy.problem(f"{key}.ports", f'{protocol} needs ports: write 443 or a range such as "1024-65535".')
        return None
    if entry.icmp_type is not None:
        policy.problem(f"{key}.icmp_type", f"{protocol} has no ICMP type; leave it out.")
    return Traffic(protocol, ports=ports)


def _with_icmp(policy: YamlFile, key: str, protocol: str, entry: RuleEntry) -> Traffic | None:
    kind = -1 if entry.icmp_type is None else entry.icmp_type
    is_wrong = protocol not in ICMP_PROTOCOLS and entry.icmp_type is not None
    if is_wrong or not -1 <= kind <= _MAX_ICMP:
        policy.problem(f"{key}.icmp_type", "is a number from 0 to 255, for icmp and icmpv6 only.")
        return None
    if protocol in ICMP_PROTOCOLS:
        return Traffic(protocol, icmp=IcmpType(kind, -1))
    return Traffic(protocol)
