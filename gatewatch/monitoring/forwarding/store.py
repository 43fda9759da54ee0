"""The differences that were reported last, in one row of the hub table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.aws.hub_rows import JsonRows
from gatewatch.monitoring.forwarding.check import Difference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.aws.hub_table import HubTable

DIFFERENCES = JsonRows(prefix="heartbeat", name="the reported differences", value_type=tuple[Difference, ...])
_KEY = "forwarding"
_MAX_STORED = 2000  # a row holds 400 KB; differences beyond this are reported again


class ForwardingStore:
    def __init__(self, table: HubTable) -> None:
        self._table = table

    def reported(self) -> frozenset[Difference]:
        found: tuple[Difference, ...] | None = self._table.get(DIFFERENCES, _KEY)
        return frozenset(found or ())

    def save(self, differences: Iterable[Difference]) -> None:
        self._table.put(DIFFERENCES, _KEY, tuple(sorted(differences)[:_MAX_STORED]))
