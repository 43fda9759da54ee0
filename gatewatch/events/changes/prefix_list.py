"""Managed prefix lists: an entry added to one opens every rule that names the list, with no security-group call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import Kind, ReadCall
from gatewatch.events.changes.normalization import Fields, first, listed, text
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.network import cidr_peer
from gatewatch.model.security_group import NO_RULE, PrefixListPeer, SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ADDED = ("addentry", "addentries", "addentryset")
_REMOVED = ("removeentry", "removeentries", "removeentryset")
_ENTRIES = ("entry", "entries", "entryset")


def _modify(call: ReadCall) -> Iterable[Change]:
    added = [_entry(call, entry, Action.MODIFY) for entry in listed(first(call.asked, *_ADDED))]
    removed = [_entry(call, entry, Action.REVOKE) for entry in listed(first(call.asked, *_REMOVED))]
    return [*added, *removed] or [_whole_list(call)]


def _create(call: ReadCall) -> Iterable[Change]:
    entries = [_entry(call, entry, Action.CREATE) for entry in listed(first(call.asked, *_ENTRIES))]
    return entries or [_whole_list(call)]


def _restore(call: ReadCall) -> Iterable[Change]:
    """Going back to an older version changes the entries; which, the event does not say."""
    list_id = _list_id(call)
    return [_whole_list(call, SecurityGroupRule(peer=PrefixListPeer(list_id)) if list_id else NO_RULE)]


def _delete(call: ReadCall) -> Iterable[Change]:
    return [_whole_list(call)]


def _whole_list(call: ReadCall, rule: SecurityGroupRule = NO_RULE) -> Change:
    named = _list_id(call) or call.first_of("prefixlistname")
    return call.change(rule, resource_id=named) if named else call.not_understood()


def _entry(call: ReadCall, entry: Any, action: Action) -> Change:
    fields: Fields = entry if isinstance(entry, dict) else {"cidr": entry}
    cidr = text(fields.get("cidr"))
    peer = cidr_peer(cidr) if cidr else None
    rule = SecurityGroupRule(peer=peer, description=text(fields.get("description")))
    return call.change(rule, action=action, resource_id=_list_id(call), understood=peer is not None)


def _list_id(call: ReadCall) -> str | None:
    answered = call.answered.get("prefixlist")
    fields = answered if isinstance(answered, dict) else {}
    return call.first_of("prefixlistid") or text(fields.get("prefixlistid"))


def _kind(action: Action, read: Callable[[ReadCall], Iterable[Change]]) -> Kind:
    return Kind(Family.PREFIX_LIST, action, read)


KINDS = {
    ("ec2", "CreateManagedPrefixList"): _kind(Action.CREATE, _create),
    ("ec2", "ModifyManagedPrefixList"): _kind(Action.MODIFY, _modify),
    ("ec2", "RestoreManagedPrefixListVersion"): _kind(Action.MODIFY, _restore),
    ("ec2", "DeleteManagedPrefixList"): _kind(Action.DELETE, _delete),
}
