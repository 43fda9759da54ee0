"""ApiCall -> changes. One room per family, one dispatch table; a family joins by adding its table here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.changes import attachment, prefix_list, security_group
from gatewatch.changes.call import Kind, read_call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.model import ApiCall, Change

Table = "Mapping[tuple[str, str], Kind]"

KINDS: Mapping[tuple[str, str], Kind] = {**security_group.KINDS, **prefix_list.KINDS, **attachment.KINDS}
_BY_NAME = {name: kind for (_, name), kind in KINDS.items()}


def kind_of(call: ApiCall, kinds: Mapping[tuple[str, str], Kind] = KINDS) -> Kind | None:
    """What gatewatch knows about a call; a record that lost its `eventSource` is known by its name alone."""
    service = call.event_source.partition(".")[0]
    return kinds.get((service, call.event_name)) if service else _BY_NAME.get(call.event_name)


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
