"""Snapshots of resources before gatewatch changes them: written before the change, read by `gatewatch undo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.aws.hub_rows import JsonRows
from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from gatewatch.aws.hub_table import HubTable


RETENTION_SECONDS = 400 * 24 * 3600  # one year of audit plus one month


class SnapshotError(GatewatchError):
    """There is no snapshot of a change, or it is one of another kind."""


class Snapshot(Struct, frozen=True, kw_only=True):
    """State of one resource before a change.

    `body`: JSON in the form of `kind`. `at`: seconds since 1970. `actor`: who had made the resource what it was.
    """

    change_id: str
    kind: str
    account_id: str
    region: str
    resource_id: str
    at: float
    body: str
    actor: str = ""
    event_id: str = ""


SNAPSHOTS = JsonRows(
    prefix="snapshot",
    name="the snapshot of a change",
    lifetime=RETENTION_SECONDS,
    value_type=Snapshot,
)


class SnapshotStore:
    """Snapshots in the hub's table."""

    def __init__(self, table: HubTable) -> None:
        self._table = table

    def save(self, snapshot: Snapshot) -> None:
        """Write a snapshot. Raises `HubTableError`; the caller must then change nothing."""
        self._table.put(SNAPSHOTS, snapshot.change_id, snapshot)

    def load(self, change_id: str) -> Snapshot:
        """Return the snapshot of a change. Raises `HubTableError`, and `SnapshotError` when there is none."""
        if snapshot := self._table.get(SNAPSHOTS, change_id):
            return snapshot
        raise SnapshotError(f"there is no change {change_id}; the message about a change and the log name its id.")
