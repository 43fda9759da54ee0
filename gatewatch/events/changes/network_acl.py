"""Entries of network ACLs: a as_number, a direction, a protocol, ports and one CIDR, allowed or denied.

Request parameters: EC2 API reference, CreateNetworkAclEntry. CloudTrail writes the protocol as `aclProtocol`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.events.changes.ip_permissions import read_traffic
from gatewatch.events.changes.normalization import Fields, as_number, as_text, first_present
from gatewatch.events.changes.resource_call import (
    Named,
    UnknownShapeError,
    flag,
    names_of,
    resource_change,
    value_at,
    without_parameters,
    word,
)
from gatewatch.model.aws_cli import cli_arguments
from gatewatch.model.network import cidr_peer
from gatewatch.model.resource import Impact
from gatewatch.model.security_group import Direction, SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.events.changes.base import ParsedCall
    from gatewatch.model.change import Change

ACL = Named("network_acl", ("networkaclid",))
_ALLOW, _DENY = "allow", "deny"


def acl_entry(call: ParsedCall) -> Iterable[Change]:
    """An entry added, or put in the place of the one of the same number."""
    if call.request is None:
        return [without_parameters(call, ACL)]
    rule, (name,) = _entry(call), names_of(call, ACL)
    change = resource_change(call, Impact.ACL_ENTRY, ACL.kind, name, rule=rule, undo=_delete_entry)
    return [change]


def acl_entry_removed(call: ParsedCall) -> Iterable[Change]:
    """The event names the entry by its number; what it said is remembered or unknown."""
    if call.request is None:
        return [without_parameters(call, ACL)]
    (name,) = names_of(call, ACL)
    rule = SecurityGroupRule(rule_id=_entry_id(call), direction=_direction(call.request_parameters))
    return [resource_change(call, Impact.ACL_ENTRY_REMOVED, ACL.kind, name, rule=rule)]


def _entry(call: ParsedCall) -> SecurityGroupRule:
    request_parameters = call.request_parameters
    cidr = as_text(first_present(request_parameters, "cidrblock", "ipv6cidrblock"))
    peer = cidr_peer(cidr) if cidr else None
    effect = word(request_parameters, "ruleaction")
    read = read_traffic(_as_permission(request_parameters))
    if peer is None or effect not in {_ALLOW, _DENY} or not read.understood:
        raise UnknownShapeError("entry")
    return SecurityGroupRule(
        rule_id=_entry_id(call),
        direction=_direction(request_parameters),
        traffic=read.traffic,
        peer=peer,
        denies=effect == _DENY,
    )


def _as_permission(request_parameters: Fields) -> Fields:
    """The traffic of an entry under the names of an `ip_permission`."""
    ports, icmp = value_at(request_parameters, "portrange"), first_present(request_parameters, "icmptypecode", "icmp")
    ports, icmp = (each if isinstance(each, dict) else {} for each in (ports, icmp))
    return {
        "ipprotocol": first_present(request_parameters, "aclprotocol", "protocol"),
        "fromport": first_present(ports, "from")
        if first_present(ports, "from") is not None
        else first_present(icmp, "type"),
        "toport": first_present(ports, "to") if first_present(ports, "to") is not None else first_present(icmp, "code"),
    }


def _direction(request_parameters: Fields) -> Direction:
    is_egress = flag(request_parameters, "egress")
    if is_egress is None:
        raise UnknownShapeError("egress")
    return Direction.EGRESS if is_egress else Direction.INGRESS


def _entry_id(call: ParsedCall) -> str | None:
    """What names an entry in the history of rules; an entry has no id of its own."""
    acl, entry = (
        as_text(call.request_parameters.get("networkaclid")),
        as_number(call.request_parameters.get("rulenumber")),
    )
    return None if acl is None or entry is None else f"{acl}/{_direction(call.request_parameters)}/{entry}"


def _delete_entry(call: ParsedCall, name: str) -> tuple[str, ...]:
    """Takes a created entry away; what a replaced one said before is not in the event."""
    if call.call.event_name != "CreateNetworkAclEntry":
        return ()
    way = "egress" if _direction(call.request_parameters) is Direction.EGRESS else "ingress"
    entry = str(as_number(call.request_parameters.get("rulenumber")))
    return cli_arguments("ec2", "delete-network-acl-entry", network_acl_id=name, rule_number=entry, **{way: True})
