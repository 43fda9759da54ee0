"""What a message shows of the actions of its alert: the state, and the buttons that make sense in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gatewatch.actions import guards
from gatewatch.actions.request import ActionRequest, Subject, alert_subject
from gatewatch.actions.transitions import rule_for
from gatewatch.aws.hub_table import HubTableError
from gatewatch.delivery.action_store import ActionStore, alert_id
from gatewatch.model.alert_actions import GATEWATCH, ActionButton, ActionEvent, ShownActions
from gatewatch.model.message import Rollup, contained_messages
from gatewatch.model.notification import AlertNotification
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.config.actions import ActionSettings
    from gatewatch.model.alert import Alert
    from gatewatch.model.alert_actions import AlertActions
    from gatewatch.model.message import Content

EVENT_OF = {
    ActionButton.ACKNOWLEDGE: ActionEvent.ACKNOWLEDGE,
    ActionButton.APPROVE_REVERT: ActionEvent.APPROVE_REVERT,
    ActionButton.REJECT_REVERT: ActionEvent.REJECT_REVERT,
    ActionButton.APPROVE_UNDO: ActionEvent.APPROVE_UNDO,
    ActionButton.REJECT_UNDO: ActionEvent.REJECT_UNDO,
    ActionButton.BREAK_GLASS: ActionEvent.BREAK_GLASS,
    ActionButton.PROPOSE_REVERT: ActionEvent.PROPOSE_REVERT,
    ActionButton.PROPOSE_UNDO: ActionEvent.PROPOSE_UNDO,
    ActionButton.ASK_ACTOR: ActionEvent.ASK_ACTOR,
    ActionButton.SNOOZE_HOUR: ActionEvent.SNOOZE,
    ActionButton.SNOOZE_DAY: ActionEvent.SNOOZE,
    ActionButton.SNOOZE_UNTIL: ActionEvent.SNOOZE,
    ActionButton.PROPOSE_EXCEPTION: ActionEvent.PROPOSE_EXCEPTION,
    ActionButton.ANSWER_YES: ActionEvent.ANSWER_YES,
    ActionButton.ANSWER_NO: ActionEvent.ANSWER_NO,
}
_ANSWERS = frozenset({ActionButton.ANSWER_YES, ActionButton.ANSWER_NO})  # in the question to the actor only
# The guards that depend neither on who clicks nor on when.
_GENERAL = frozenset(
    {
        guards.switched_on,
        guards.in_full_mode,
        guards.single_alert,
        guards.not_acknowledged,
        guards.not_critical,
        guards.not_asked,
        guards.break_glass_is_on,
    }
)


def content_id(content: Content) -> str:
    """Return the opaque id of an alert, the same at each destination, or of a roll-up."""
    return alert_id(content.key if isinstance(content, Rollup) else content.notification.key)


def content_subject(content: Content) -> Subject | None:
    """Return the facts of the worst alert; None for a message without buttons.

    These are notices, alerts of severity info, and messages that only close what an earlier alert opened.
    """
    notifications = [each.notification for each in contained_messages(content)]
    alerts = [each for each in notifications if isinstance(each, AlertNotification)]
    if len(alerts) != len(notifications):
        return None
    worst = max(alerts, key=lambda each: each.severity.rank)
    only_closes = all(each.exposure_change and not each.opens_exposure for each in alerts)
    if worst.severity is Severity.INFO or only_closes:
        return None
    return msgspec.structs.replace(alert_subject(worst), is_rollup=isinstance(content, Rollup))


def _timezone(content: Content) -> str:
    """That of the account: the alerts of a roll-up are of one."""
    notification = contained_messages(content)[0].notification
    return notification.alert.account.timezone if isinstance(notification, AlertNotification) else "UTC"


class ActionView:
    """`can_revert` says whether the call of an alert is one that gatewatch reverts at all."""

    def __init__(self, store: ActionStore, settings: ActionSettings, can_revert: Callable[[Alert], bool]) -> None:
        self._store = store
        self._settings = settings
        self._can_revert = can_revert

    def shown(self, content: Content) -> ShownActions | None:
        """None without buttons. Nothing that fails here keeps an alert from being delivered."""
        subject = content_subject(content) if self._settings.is_on else None
        if subject is None:
            return None
        name = content_id(content)
        try:
            actions = self._store.load(name).actions
        except HubTableError:
            return None
        return ShownActions(name, self._buttons(content, subject, actions), actions, _timezone(content))

    def _buttons(self, content: Content, subject: Subject, actions: AlertActions) -> tuple[ActionButton, ...]:
        possible = (each for each in EVENT_OF if each not in _ANSWERS and self._is_offered(each, content, subject))
        return tuple(each for each in possible if self._is_possible(EVENT_OF[each], subject, actions))

    def _is_offered(self, button: ActionButton, content: Content, subject: Subject) -> bool:
        if button is ActionButton.ASK_ACTOR:
            return subject.actor_is_person
        if button is ActionButton.PROPOSE_REVERT:
            notification = contained_messages(content)[0].notification
            return isinstance(notification, AlertNotification) and self._can_revert(notification.alert)
        return True

    def _is_possible(self, event: ActionEvent, subject: Subject, actions: AlertActions) -> bool:
        rule = rule_for(event, actions.status)
        request = ActionRequest(event=event, person=GATEWATCH, at=0.0)
        context = guards.GuardContext(actions, request, subject, self._settings)
        return rule is not None and all(guard(context) for guard in rule.guards if guard in _GENERAL)
