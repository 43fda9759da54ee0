"""What a person, or gatewatch itself, asks for, and what has to be known of the alert that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.alert_actions import ActionEvent, Person
from gatewatch.model.identity import canonical_identity
from gatewatch.model.revert import FrozenPlan, RevertReport
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from gatewatch.model.notification import AlertNotification


class ActionRequest(Struct, frozen=True, kw_only=True):
    """`at` and `until` are in seconds since 1970. `source`: the Slack message as `channel/ts`, or `terminal`.

    `key` is the same when a request is worked off again, and empty when that cannot happen.

    `proposal` is the id of the proposal that a decision is about, or that of a new one. `asked` is the Slack user id
    of the actor.
    """

    event: ActionEvent
    person: Person
    at: float
    source: str = ""
    key: str = ""
    reason: str = ""
    until: float = 0.0
    asked: str = ""
    proposal: str = ""
    plan: FrozenPlan | None = None
    result: RevertReport | None = None


class Subject(Struct, frozen=True):
    """What the guards have to know of an alert. `actor` has every AWS identity that may have made the call.

    `is_rollup`: a message about several alerts, of which the worst gives the severity.
    """

    severity: Severity
    actor: frozenset[str] = frozenset()
    actor_is_person: bool = False
    is_rollup: bool = False


def alert_subject(notification: AlertNotification) -> Subject:
    """Return the facts of an alert.

    The session name counts even where the caller chose it: it can only exclude a person from approving.
    """
    actor = notification.alert.call.actor
    names = {*actor.verified_names, actor.session, actor.name, notification.alert.call.source_identity or ""}
    is_person = actor.type in {"IAMUser", "IdentityCenterUser"} or actor.is_session_verified
    return Subject(
        severity=notification.severity,
        actor=frozenset(map(canonical_identity, names - {"", UNKNOWN})),
        actor_is_person=is_person,
    )
