"""Performs a request on the stored state of an alert, on the condition that nobody else changed it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.actions.state_machine import Refusal, Transition, repeated, transition
from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from gatewatch.actions.request import ActionRequest, Subject
    from gatewatch.config.actions import ActionSettings
    from gatewatch.delivery.action_store import ActionStore

_TRIES = 5


def perform(
    store: ActionStore, alert: str, request: ActionRequest, subject: Subject, settings: ActionSettings
) -> Transition | Refusal:
    """Store the transition of a request, or return why it is refused. A request that is stored already changes nothing.

    Each try judges the state that it read, so of two people who act at the same moment one is judged after the other.
    Raises `TransientDeliveryError` when others keep writing, or when the table cannot be read or written.
    """
    for _ in range(_TRIES):
        stored = store.load(alert)
        if known := repeated(stored.actions, request):
            return known
        result = transition(stored.actions, request, subject, settings)
        if isinstance(result, Refusal) or store.save(alert, stored.version, result.actions):
            return result
    raise TransientDeliveryError("others keep changing the state of the alert")
