"""Managed prefix lists: a new entry widens every rule that references the list, without a security-group call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import Fields, as_list, as_text, first_present
from gatewatch.model.aws_cli import cli_arguments
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.network import cidr_peer
from gatewatch.model.security_group import NO_RULE, PrefixListPeer, SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ADDED = ("addentry", "addentries", "addentryset")
_REMOVED = ("removeentry", "removeentries", "removeentryset")
_ENTRIES = ("entry", "entries", "entryset")


def _modify(call: ParsedCall) -> Iterable[Change]:
    added = [_entry(call, entry, Action.MODIFY) for entry in as_list(first_present(call.request_parameters, *_ADDED))]
    removed = [
        _entry(call, entry, Action.REVOKE) for entry in as_list(first_present(call.request_parameters, *_REMOVED))
    ]
    if not added and not removed and call.request_parameters.get("ipamprefixlistresolversyncenabled") is not None:
        return _restore(call)
    undo = _restore_earlier(call)
    return [structs.replace(each, undo=undo) for each in (*added, *removed)] or [_whole_list(call)]


def _restore_earlier(call: ParsedCall) -> tuple[str, ...]:
    """The command that restores the version before the call, which the request names; each call adds one."""
    before = as_text(call.request_parameters.get("currentversion")) or ""
    if not before.isdecimal() or not call.is_applied:
        return ()
    given = {"prefix_list_id": _list_id(call), "previous_version": before, "current_version": str(int(before) + 1)}
    return cli_arguments("ec2", "restore-managed-prefix-list-version", **given)


def _create(call: ParsedCall) -> Iterable[Change]:
    entries = [
        _entry(call, entry, Action.CREATE) for entry in as_list(first_present(call.request_parameters, *_ENTRIES))
    ]
    undo = cli_arguments("ec2", "delete-managed-prefix-list", prefix_list_id=_list_id(call)) if call.is_applied else ()
    return [structs.replace(each, undo=undo) for each in entries] or [_whole_list(call)]


def _restore(call: ParsedCall) -> Iterable[Change]:
    """An older version, or an IPAM resolver that writes the entries: which ones, the event does not say."""
    list_id = _list_id(call)
    change = _whole_list(call, SecurityGroupRule(peer=PrefixListPeer(list_id)) if list_id else NO_RULE)
    return [structs.replace(change, undo=_restore_earlier(call))]


def _delete(call: ParsedCall) -> Iterable[Change]:
    return [_whole_list(call)]


def _whole_list(call: ParsedCall, rule: SecurityGroupRule = NO_RULE) -> Change:
    """The list itself, when the request names it."""
    is_named = first_present(call.request_parameters, "prefixlistid", "prefixlistname") is not None
    name = _list_id(call) or call.first_text("prefixlistname")
    return call.change(rule, resource_id=name) if name and is_named else call.not_understood()


def _entry(call: ParsedCall, entry: Any, action: Action) -> Change:
    fields: Fields = entry if isinstance(entry, dict) else {"cidr": entry}
    cidr = as_text(fields.get("cidr"))
    peer = cidr_peer(cidr) if cidr else None
    rule = SecurityGroupRule(peer=peer, description=as_text(fields.get("description")))
    return call.change(rule, action=action, resource_id=_list_id(call), understood=peer is not None)


def _list_id(call: ParsedCall) -> str | None:
    prefix_list = call.response_elements.get("prefixlist")
    fields = prefix_list if isinstance(prefix_list, dict) else {}
    return call.first_text("prefixlistid") or as_text(fields.get("prefixlistid"))


def _spec(action: Action, read: Callable[[ParsedCall], Iterable[Change]]) -> CallSpec:
    return CallSpec(Family.PREFIX_LIST, action, read)


CALL_SPECS = {
    ("ec2", "CreateManagedPrefixList"): _spec(Action.CREATE, _create),
    ("ec2", "ModifyManagedPrefixList"): _spec(Action.MODIFY, _modify),
    ("ec2", "RestoreManagedPrefixListVersion"): _spec(Action.MODIFY, _restore),
    ("ec2", "DeleteManagedPrefixList"): _spec(Action.DELETE, _delete),
}
