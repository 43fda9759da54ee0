"""Delivery ledger: one row per message part, written before each post, after its acceptance and around giving it up.

A process that ends between the acceptance and the row can deliver the part again; the row limits how often.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.aws.hub_rows import JsonRows
from gatewatch.rendering.presentation import MAX_PARTS, Cut

if TYPE_CHECKING:
    from gatewatch.aws.hub_table import HubTable


class DeliveryState(StrEnum):
    """STARTED counts a post before it is made, and fixes the cut, so that a retry or a newer release continues it.

    GIVING_UP is written before the fallback message is sent: a retry after a crash then finishes giving up.
    """

    STARTED = "started"
    DELIVERED = "delivered"
    GIVING_UP = "giving_up"
    DEAD_LETTERED = "dead_lettered"


class LedgerEntry(Struct, frozen=True):
    """`detail` is the response of the destination, or the reason why the message was given up.

    `cut` is that of the message. `uncertain` is the number of posts that the destination may have accepted; of these,
    `unanswered` were ended by a lost answer, and during the others the process ended. `posts` are their ids, and
    `posting_since` is when the first of them was made, in seconds since 1970.
    """

    state: DeliveryState
    detail: str = ""
    cut: Cut = ()
    uncertain: int = 0
    unanswered: int = 0
    posts: tuple[str, ...] = ()
    posting_since: float = 0.0


NOT_POSTED = LedgerEntry(DeliveryState.STARTED)


def part_key(key: str, part: int) -> str:
    return f"{key}#{part}"


LEDGER = JsonRows(
    prefix="delivered",
    name="the ledger",
    lifetime=90 * 24 * 3600,  # longer than any retry (SQS keeps a message for 14 days) and than a useful replay
    value_type=LedgerEntry,
)


class Ledger:
    """Every method raises `HubTableError`. Thread-safe: one thread works on a key at a time."""

    def __init__(self, table: HubTable) -> None:
        self._table = table

    def get(self, key: str) -> LedgerEntry:
        """Return the row of a part, `NOT_POSTED` without one. Rows that could not be written are written first."""
        return self._table.get(LEDGER, key) or NOT_POSTED

    def write(self, key: str, entry: LedgerEntry) -> None:
        self._table.put(LEDGER, key, entry)

    def write_later(self, key: str, entry: LedgerEntry) -> None:
        """Write a row now, or before the next read. A failure after a delivery must not deliver the message again."""
        self._table.put_later(LEDGER, key, entry)

    def reset_dead_lettered(self, key: str) -> None:
        """Delete the rows of the dead-lettered parts of a message, so that a redriven one is delivered."""
        for part in range(1, MAX_PARTS + 1):
            entry = self.get(part_key(key, part))
            if entry.state is DeliveryState.DEAD_LETTERED:
                self._table.delete(LEDGER, part_key(key, part), entry)
