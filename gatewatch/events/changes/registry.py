"""ApiCall -> changes. One room per family, one dispatch; a family joins by adding its table here, or its service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.events.changes import attachment, compliance, iam, prefix_list, security_group, sign_in
from gatewatch.events.changes import monitoring as hub
from gatewatch.events.changes.base import Kind, read_call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change

# What is known by its name, as (service, event name).
KINDS: Mapping[tuple[str, str], Kind] = {
    **security_group.KINDS,
    **prefix_list.KINDS,
    **attachment.KINDS,
    **sign_in.KINDS,
    **hub.KINDS,
    **compliance.KINDS,
}
# Services of which more is told than anyone could list: each decides by the call.
SERVICES: Mapping[str, Callable[[ApiCall], Kind | None]] = {"iam": iam.kind_of}
_BY_NAME = {name: kind for (_, name), kind in KINDS.items()}


def kind_of(call: ApiCall, kinds: Mapping[tuple[str, str], Kind] = KINDS) -> Kind | None:
    """What gatewatch knows about a call; a record that lost its `eventSource` is known by its name alone."""
    service = call.event_source.partition(".")[0]
    if not service:
        return _BY_NAME.get(call.event_name)
    decide = SERVICES.get(service, _of_no_family)
    return kinds.get((service, call.event_name)) or decide(call)


def may_matter(event_source: str, event_name: str) -> bool:
    """Whether a call of these names can be of a family at all; a quick answer for those who read many."""
    service = event_source.partition(".")[0]
    return (service, event_name) in KINDS or service in SERVICES or (not service and event_name in _BY_NAME)


def _of_no_family(_call: ApiCall) -> None:
    return None


def changes_of(call: ApiCall, kinds: Mapping[tuple[str, str], Kind] = KINDS) -> tuple[Change, ...]:
    """Every change of a call, in its order; none for a call of no supported family.

    A supported call of an unknown shape gives one change with `understood` False. Never raises.
    """
    kind = kind_of(call, kinds)
    if kind is None:
        return ()
    unread = read_call(call, kind)
    try:
        return tuple(kind.read(unread))
    except Exception:  # noqa: BLE001  the boundary: whatever goes wrong, the call is told, as not understood
        return (unread.not_understood(),)
