"""`escalate:` of a route: an alert goes to a further destination unless it is closed or acknowledged in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.delivery.escalations import DeliveryDeadlines, Escalation
from gatewatch.delivery.outbox import entry_of
from gatewatch.model.message import FallbackReason, OutboxMessage
from gatewatch.model.notification import AlertNotification

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.config.destinations import Route
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.escalations import Escalations
    from gatewatch.delivery.outbox import Outbox


class RouteEscalations:
    def __init__(self, escalations: Escalations, outbox: Outbox, settings: Settings) -> None:
        self._escalations = escalations
        self._outbox = outbox
        self._settings = settings

    def schedule(self, routes: Iterable[Route], messages: Sequence[OutboxMessage], arrived: float) -> None:
        """Escalate an alert by the routes that it matches; `messages` are those of the alert.

        `arrived` is when its event arrived, in seconds since 1970. What fits into no row is sent at once. Idempotent.
        """
        planned = [each for route in routes for each in _planned(route, messages, arrived)]
        self._outbox.put_entries([each.entry for each in planned if not self._escalations.schedule(each)])

    def cancel(self, notification: AlertNotification) -> None:
        """A person takes care of an alert: no route escalates it any more. Raises `HubTableError`."""
        for route in self._settings.routes:
            messages = [OutboxMessage(destination=each, notification=notification) for each in route.to]
            self._escalations.remove([planned for each in messages for planned in _planned(route, [each], 0.0)])


def stop_escalations(
    notification: AlertNotification, escalations: Escalations, outbox: Outbox, settings: Settings
) -> None:
    """Cancel everything that would send an alert on: a person takes care of it. Raises `HubTableError`."""
    DeliveryDeadlines(escalations, outbox, settings).cancel(notification)
    RouteEscalations(escalations, outbox, settings).cancel(notification)


def _planned(route: Route, messages: Sequence[OutboxMessage], arrived: float) -> Iterator[Escalation]:
    """The escalation of the first message that the route has; none of an alert that only closes something."""
    message = next((each for each in messages if each.destination in route.to), None)
    if route.escalate is None or message is None or not _can_be_escalated(message):
        return
    escalated = OutboxMessage(
        destination=route.escalate.to,
        notification=message.notification,
        fallback_for=message.destination,
        fallback_reason=FallbackReason.UNATTENDED,
    )
    yield Escalation(
        key=message.key,
        destination=message.destination,
        target=route.escalate.to,
        due=arrived + route.escalate.seconds,
        reason=FallbackReason.UNATTENDED,
        entry=entry_of(escalated),
    )


def _can_be_escalated(message: OutboxMessage) -> bool:
    notification = message.notification
    change = notification.exposure_change if isinstance(notification, AlertNotification) else None
    return isinstance(notification, AlertNotification) and not (change and change.ends_exposures and not change.opened)
