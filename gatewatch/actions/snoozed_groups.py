"""Which alerts of a security group are snoozed: an alert of a higher severity about the same group ends the snooze."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.aws.hub_table import HubTableError, JsonRows
from gatewatch.model.message import contained_messages
from gatewatch.model.notification import AlertNotification

if TYPE_CHECKING:
    from gatewatch.actions.due import DueAlerts
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.model.message import Content

_MAX_ALERTS = 50  # of one group; the latest are kept


class SnoozedAlert(Struct, frozen=True):
    """`rank` is that of its severity; `until` is in seconds since 1970."""

    alert: str
    rank: int
    until: float


SNOOZED = JsonRows(
    prefix="snoozed",
    name="the snoozed alerts of a group",
    lifetime=31 * 24 * 3600,
    value_type=tuple[SnoozedAlert, ...],
    skips_undecodable=True,
)


class SnoozedGroups:
    def __init__(self, table: HubTable, due: DueAlerts) -> None:
        self._table = table
        self._due = due

    def add(self, notification: AlertNotification, alert: str, until: float) -> None:
        """Remember a snoozed alert. Raises `HubTableError`."""
        if key := notification.group_key:
            others = tuple(each for each in self._table.get(SNOOZED, key) or () if each.alert != alert)
            added = SnoozedAlert(alert, notification.severity.rank, until)
            self._table.put(SNOOZED, key, (*others, added)[-_MAX_ALERTS:])

    def wake(self, content: Content) -> None:
        """Have the snoozes end that are about the groups of a new message and below its severity.

        Never raises: the message is posted already.
        """
        try:
            for each in contained_messages(content):
                if isinstance(each.notification, AlertNotification):
                    self._wake(each.notification)
        except HubTableError:
            pass

    def _wake(self, notification: AlertNotification) -> None:
        found = self._table.get(SNOOZED, notification.group_key) if notification.group_key else None
        for each in found or ():
            if each.rank < notification.severity.rank and each.until > self._table.now():
                self._due.wake(each.alert)
