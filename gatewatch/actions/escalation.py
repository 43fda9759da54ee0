"""Stops and resumes the escalation of alerts that a person takes care of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.alerts.routing import escalating_routes
from gatewatch.delivery.route_escalations import RouteEscalations, stop_escalations
from gatewatch.model.message import addressed

if TYPE_CHECKING:
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.escalations import Escalations
    from gatewatch.delivery.outbox import Outbox
    from gatewatch.model.notification import AlertNotification


class AlertEscalations:
    """Every method raises `TransientDeliveryError`."""

    def __init__(self, escalations: Escalations, outbox: Outbox, settings: Settings) -> None:
        self._escalations = escalations
        self._outbox = outbox
        self._settings = settings

    def stop(self, notification: AlertNotification) -> None:
        stop_escalations(notification, self._escalations, self._outbox, self._settings)

    def resume(self, notification: AlertNotification, now: float) -> None:
        """Escalate an alert that is open again; the time counts from `now`, in seconds since 1970."""
        routes = escalating_routes(notification.alert, self._settings)
        messages = addressed(notification, dict.fromkeys(name for route in routes for name in route.to))
        RouteEscalations(self._escalations, self._outbox, self._settings).schedule(routes, messages, now)
