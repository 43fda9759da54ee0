"""Attachments: groups set on an interface or an instance. The set replaces the old one, which no event names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import as_list, as_text
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.security_group import Group

if TYPE_CHECKING:
    from collections.abc import Iterable

_GROUPS = ("groupset", "groups", "securitygroupid", "securitygroupids", "groupid")


def _attach(call: ParsedCall) -> Iterable[Change]:
    """The same calls also change other attributes; without groups they give no change."""
    if call.request is None:
        return [call.not_understood()]
    spelling = next((name for name in _GROUPS if name in call.request), None)
    if spelling is None:
        return []
    groups = call.request[spelling]
    return [call.not_understood()] if groups is None else [_group(call, each) for each in as_list(groups)]


def _group(call: ParsedCall, entry: Any) -> Change:
    group_id = as_text(entry.get("groupid") if isinstance(entry, dict) else entry)
    resource_id = call.first_text("networkinterfaceid", "instanceid")
    return call.change(group=Group(id=group_id), resource_id=resource_id, understood=group_id is not None)


CALL_SPECS = {
    ("ec2", "ModifyNetworkInterfaceAttribute"): CallSpec(Family.ATTACHMENT, Action.ATTACH, _attach),
    ("ec2", "ModifyInstanceAttribute"): CallSpec(Family.ATTACHMENT, Action.ATTACH, _attach),
}
