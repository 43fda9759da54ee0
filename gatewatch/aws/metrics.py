"""What is counted, and who counts: CloudWatch embedded metrics by Powertools in the cloud, a list in a test."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aws_lambda_powertools.metrics import Metrics

EVENTS_IN = "EventsIn"
CHANGES = "Changes"
ALERTS = "Alerts"  # with the severity behind it: AlertsCritical
DELIVERED = "Delivered"
RETRIED = "Retried"
DUPLICATE = "Duplicate"
DEAD = "Dead"
MUTED = "Muted"  # changes that an exception keeps from people
UNBOOKED = "Unbooked"  # events that the day book lacks
LOOKS_FAILED = "LooksFailed"  # an account did not tell what a group is attached to
CONFIGURATION_BROKEN = "ConfigurationBroken"
AGE_SECONDS = "AgeSeconds"


NAMESPACE = "gatewatch"


class Meter(Protocol):
    def count(self, name: str, value: float = 1) -> None: ...

    def seconds(self, name: str, value: float) -> None: ...


class EmbeddedMeter:
    """Powertools Metrics gathers in a dictionary; destinations are served by threads."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lock = threading.Lock()

    def count(self, name: str, value: float = 1) -> None:
        with self._lock:
            self._metrics.add_metric(name=name, unit="Count", value=value)

    def seconds(self, name: str, value: float) -> None:
        with self._lock:
            self._metrics.add_metric(name=name, unit="Seconds", value=value)
