"""Which alerts are snoozed: an alert of a higher severity about the same subject ends the snooze."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.aws.hub_rows import JsonRows
from gatewatch.aws.hub_table import HubTableError
from gatewatch.model.iam import IamFacts, SignInFacts
from gatewatch.model.message import contained_messages
from gatewatch.model.monitoring import MonitoringFacts
from gatewatch.model.notification import AlertNotification

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.actions.due import DueAlerts
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.model.change import Change
    from gatewatch.model.message import Content

_MAX_ALERTS = 50  # of one subject; the latest are kept
_MAX_SUBJECTS = 10  # of one alert; a call of many changes has a row of the first ones


class SnoozedAlert(Struct, frozen=True):
    """`rank` is that of its severity; `until` is in seconds since 1970."""

    alert: str
    rank: int
    until: float


SNOOZED = JsonRows(
    prefix="snoozed",
    name="the snoozed alerts of a subject",
    lifetime=31 * 24 * 3600,
    value_type=tuple[SnoozedAlert, ...],
    skips_undecodable=True,
)


def subjects_of(notification: AlertNotification) -> tuple[str, ...]:
    """Return what an alert is about: its security group, the resource or principal of each change.

    Of an alert that names neither it is the actor.
    """
    exposure = notification.exposure_change
    keys = [notification.group_key, exposure.group_key if exposure else ""]
    for each in notification.alert.changes:
        keys += _named(each.change, notification)
    found = tuple(dict.fromkeys(filter(None, keys)))
    return found[:_MAX_SUBJECTS] or (f"{notification.account_id}//actor/{notification.actor}",)


def _named(change: Change, notification: AlertNotification) -> Iterator[str]:
    """IAM has no Regions: a principal is the same in all of them."""
    facts, account, region = change.facts, notification.account_id, notification.alert.call.region
    if isinstance(facts, IamFacts) and facts.entity:
        yield f"{account}//{facts.entity.kind}/{facts.entity.name}"
    elif isinstance(facts, SignInFacts):
        yield f"{account}//user/{facts.user_name}"
    elif isinstance(facts, MonitoringFacts) and facts.name:
        yield f"{account}/{region}/{facts.component}/{facts.name}"
    elif change.resource_id:
        yield f"{account}/{region}/{change.family}/{change.resource_id}"
    elif change.group.id:
        yield f"{account}/{region}/{change.group.id}"


class SnoozedAlerts:
    def __init__(self, table: HubTable, due: DueAlerts) -> None:
        self._table = table
        self._due = due

    def add(self, notification: AlertNotification, alert: str, until: float) -> None:
        """Remember a snoozed alert. Raises `HubTableError`."""
        added = SnoozedAlert(alert, notification.severity.rank, until)

        def with_added(before: tuple[SnoozedAlert, ...] | None) -> tuple[SnoozedAlert, ...]:
            others = tuple(each for each in before or () if each.alert != alert)
            return (*others, added)[-_MAX_ALERTS:]

        for key in subjects_of(notification):
            self._table.modify(SNOOZED, key, with_added)

    def wake(self, content: Content) -> None:
        """Have the snoozes end that are about a subject of a new message and below its severity.

        Never raises: the message is posted already.
        """
        try:
            for each in contained_messages(content):
                if isinstance(each.notification, AlertNotification):
                    self._wake(each.notification)
        except HubTableError:
            pass

    def _wake(self, notification: AlertNotification) -> None:
        for key in subjects_of(notification):
            for each in self._table.get(SNOOZED, key) or ():
                if each.rank < notification.severity.rank and each.until > self._table.now():
                    self._due.wake(each.alert)
