"""Rows of the hub's table: exposure histories, messages that can be edited, and groups of alerts, by destination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.aws.hub_rows import JsonRows
from gatewatch.aws.hub_table import HubTableError
from gatewatch.delivery.exposure_history import ExposureHistory
from gatewatch.delivery.ledger import LEDGER, NOT_POSTED, DeliveryState, part_key
from gatewatch.model.slack_thread import AlertGroup, ParentMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.aws.hub_table import HubTable
    from gatewatch.model.exposure import ExposureChange
    from gatewatch.model.message import OutboxMessage

# Counted from the last message about a group: a rule that was open for longer is closed by a message of its own.
_LIFETIME = 400 * 24 * 3600
# A post takes seconds; one whose answer was lost is looked for after a minute.
_POST_SECONDS = 75
HISTORIES = JsonRows(
    prefix="exposures",
    name="the exposures of a group",
    lifetime=_LIFETIME,
    value_type=ExposureHistory,
    skips_undecodable=True,
    is_compressed=True,
)
PARENTS = JsonRows(
    prefix="parent",
    name="a message that can be edited",
    lifetime=_LIFETIME,
    value_type=ParentMessage,
    skips_undecodable=True,
    is_compressed=True,
)
GROUPS = JsonRows(
    prefix="group",
    name="a group of alerts",
    lifetime=_LIFETIME,
    value_type=AlertGroup,
    skips_undecodable=True,
    is_compressed=True,
)


class ThreadStore:
    """Every method raises `HubTableError`. Thread-safe: one thread serves a message group at a time.

    Both message groups of a destination write exposure histories. Only one of them has alerts that are grouped.
    """

    def __init__(self, table: HubTable) -> None:
        self._table = table
        self.now = table.now

    def history(self, destination: str, group_key: str) -> ExposureHistory:
        return self._table.get(HISTORIES, f"{destination}#{group_key}") or ExposureHistory()

    def record_change(self, destination: str, group_key: str, key: str, change: ExposureChange) -> ExposureHistory:
        """Add what the message of this key reports to the history of a group, and return the history."""
        return self._table.modify(
            HISTORIES,
            f"{destination}#{group_key}",
            lambda before: (before or ExposureHistory()).with_change(key, change),
        )

    def parent(self, destination: str, key: str) -> ParentMessage | None:
        return self._table.get(PARENTS, f"{destination}#{key}")

    def is_being_posted(self, key: str) -> bool:
        """Whether the first post of a message began within the last seconds, and how it ended is not known yet."""
        entry = self._table.get(LEDGER, part_key(key, 1)) or NOT_POSTED
        return entry.state is DeliveryState.STARTED and self.now() - entry.posting_since < _POST_SECONDS

    def change_parent(
        self, destination: str, key: str, change: Callable[[ParentMessage], ParentMessage]
    ) -> ParentMessage | None:
        """Store what `change` returns; it is called again when another process stored a change in between."""
        return self._table.modify_existing(PARENTS, f"{destination}#{key}", change)

    def save_parent_later(self, destination: str, key: str, parent: ParentMessage) -> None:
        """Store a message that was posted, unless there is a later one: two processes may have posted it at once."""
        name = f"{destination}#{key}"
        try:
            self._table.modify(PARENTS, name, lambda before: before if before and before.ts >= parent.ts else parent)
        except HubTableError:
            self._table.put_later(PARENTS, name, parent)

    def group(self, message: OutboxMessage) -> AlertGroup:
        """The group of the account and actor of a message at its destination."""
        return self._table.get(GROUPS, _group_key(message)) or AlertGroup()

    def save_group(self, message: OutboxMessage, group: AlertGroup) -> None:
        self._table.put(GROUPS, _group_key(message), group)

    def save_group_later(self, message: OutboxMessage, group: AlertGroup) -> None:
        self._table.put_later(GROUPS, _group_key(message), group)


def _group_key(message: OutboxMessage) -> str:
    return f"{message.destination}#{message.notification.account_id}#{message.notification.actor}"
