"""IPAM prefix list resolvers: they write the entries of managed prefix lists, without a call on the list.

A resolver selects addresses by rules; a target makes a prefix list follow a resolver (VPC IPAM user guide, "Automate
prefix list updates with IPAM"). Only the addresses of static rules are in the event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import Fields, as_list, as_text, first_present
from gatewatch.model.aws_cli import cli_arguments
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.network import cidr_peer
from gatewatch.model.security_group import NO_RULE, CidrPeer, PrefixListPeer, SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_RESOLVER, _TARGET, _LIST = "ipamprefixlistresolverid", "ipamprefixlistresolvertargetid", "prefixlistid"
_RULES = ("rule", "rules", "ruleset")


def _resolver(call: ParsedCall) -> Iterable[Change]:
    """A call that changes only the description changes no entries."""
    resolver = _named(call, "ipamprefixlistresolver", _RESOLVER)
    rules = as_list(first_present(call.request_parameters, *_RULES))
    if not rules:
        return [call.change(NO_RULE, resource_id=resolver) if resolver else call.not_understood()]
    undo = _undo(call, "delete-ipam-prefix-list-resolver", ipam_prefix_list_resolver_id=resolver)
    peers = dict.fromkeys(_peers(rules, resolver or ""))
    changes = (call.change(SecurityGroupRule(peer=each), resource_id=resolver) for each in peers)
    return [structs.replace(each, undo=undo) for each in changes]


def _peers(rules: Iterable[object], resolver: str) -> Iterator[PrefixListPeer | CidrPeer]:
    """Yield the addresses of static rules, and the resolver for the others: what they select is not in the event."""
    for each in rules:
        fields: Fields = each if isinstance(each, dict) else {}
        cidr = as_text(fields.get("staticcidr"))
        yield (cidr_peer(cidr) if cidr else None) or PrefixListPeer(resolver)


def _target(call: ParsedCall) -> Iterable[Change]:
    """A prefix list follows a resolver, or another version of what it selects."""
    followed, target = (_named(call, "ipamprefixlistresolvertarget", each) for each in (_LIST, _TARGET))
    name = followed or target
    if not name:
        return [call.not_understood()]
    undo = _undo(call, "delete-ipam-prefix-list-resolver-target", ipam_prefix_list_resolver_target_id=target)
    change = call.change(SecurityGroupRule(peer=PrefixListPeer(name)), resource_id=name)
    return [structs.replace(change, undo=undo)]


def _undo(call: ParsedCall, command: str, **given: str | None) -> tuple[str, ...]:
    """The command that deletes what the call created."""
    is_created = call.is_applied and call.call.event_name.startswith("Create") and all(given.values())
    return cli_arguments("ec2", command, **given) if is_created else ()


def _named(call: ParsedCall, answer: str, key: str) -> str | None:
    fields = call.response_elements.get(answer)
    return call.first_text(key) or as_text(fields.get(key) if isinstance(fields, dict) else None)


def _spec(action: Action, read: Callable[[ParsedCall], Iterable[Change]]) -> CallSpec:
    return CallSpec(Family.PREFIX_LIST, action, read)


CALL_SPECS = {
    ("ec2", "CreateIpamPrefixListResolver"): _spec(Action.CREATE, _resolver),
    ("ec2", "ModifyIpamPrefixListResolver"): _spec(Action.MODIFY, _resolver),
    ("ec2", "CreateIpamPrefixListResolverTarget"): _spec(Action.MODIFY, _target),
    ("ec2", "ModifyIpamPrefixListResolverTarget"): _spec(Action.MODIFY, _target),
}
