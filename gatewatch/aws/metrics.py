"""Metric names, and the counter that writes them as CloudWatch embedded metrics."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aws_lambda_powertools.metrics import Metrics

NAMESPACE = "gatewatch"
EVENTS_RECEIVED = "EventsReceived"
CHANGES = "Changes"
ALERTS = "Alerts"  # a prefix: the severity follows, as in AlertsCritical
DELIVERED = "Delivered"
RETRIED = "Retried"
DUPLICATES = "Duplicates"
DEAD_LETTERED = "DeadLettered"
ESCALATED = "Escalated"  # messages sent to a further destination because they were late
SUPPRESSED = "Suppressed"  # changes with an exception of effect `mute`
ACTIVITY_NOT_RECORDED = "ActivityNotRecorded"  # events missing in the activity log
LATE_EVENTS = "LateEvents"  # rules whose event arrived after they were reported as changed without one
LOOKUPS_FAILED = "LookupsFailed"
CONFIGURATION_ERRORS = "ConfigurationErrors"
CLICKS = "Clicks"  # in Slack, verified
CLICKS_NOT_RECORDED = "ClicksNotRecorded"  # because the queue or the table did not answer
ACTIONS_PERFORMED = "Actions"  # transitions of the state of an alert that a person caused
ACTIONS_REFUSED = "ActionsRefused"
AGE_SECONDS = "AgeSeconds"  # from the event time to its delivery


class Meter(Protocol):
    def count(self, name: str, value: float = 1) -> None: ...

    def seconds(self, name: str, value: float) -> None: ...


class NoMeter:
    """Counts nothing: metrics are about what functions do."""

    def count(self, name: str, value: float = 1) -> None: ...

    def seconds(self, name: str, value: float) -> None: ...


class EmbeddedMeter:
    """Writes to Powertools `Metrics`, which is not thread-safe: destinations are served by threads."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lock = threading.Lock()

    def count(self, name: str, value: float = 1) -> None:
        with self._lock:
            self._metrics.add_metric(name=name, unit="Count", value=value)

    def seconds(self, name: str, value: float) -> None:
        with self._lock:
            self._metrics.add_metric(name=name, unit="Seconds", value=value)
