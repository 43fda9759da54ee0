"""What happened to the alerts of a message since their events. A message is rendered with its state."""

from __future__ import annotations

from msgspec import Struct

from gatewatch.model.alert_actions import NO_ACTIONS, ActionStatus, ShownActions
from gatewatch.model.notification import Sentence

_IN_HEADER = frozenset(
    {
        ActionStatus.ACKNOWLEDGED,
        ActionStatus.SNOOZED,
        ActionStatus.CLOSED,
        ActionStatus.REVERTED,
        ActionStatus.UNDONE,
    }
)


class ExposureEnd(Struct, frozen=True):
    """How the last rule that an alert opened was closed: `how` is `closed` or `narrowed`, after `seconds`."""

    how: str
    seconds: float
    actor: str


class EarlierExposure(Struct, frozen=True):
    """The exposure that an alert ended: for how many seconds the rule was open, and who had opened it."""

    seconds: float
    opened_by: str


class AlertState(Struct, frozen=True, omit_defaults=True):
    """State of one alert: how many rules it exposed, and how many of them are closed now.

    `end` is set when all are closed, `ended` when the alert itself closed a rule of an earlier alert.
    """

    exposed: int = 0
    closed: int = 0
    end: ExposureEnd | None = None
    ended: EarlierExposure | None = None


class MessageState(Struct, frozen=True, omit_defaults=True):
    """State of the alerts of a message, and of those in its thread, by message key.

    `replies` are digests of the keys of all alerts in the thread, counted in the headline. `has_lasting`: one alert of
    message or thread is about something serious that no closed rule ends. `shown` is read again for each rendering.
    `explained`: of a notice, what later notices resolved, by id.
    """

    alerts: dict[str, AlertState] = {}
    reply_states: dict[str, AlertState] = {}
    replies: tuple[str, ...] = ()
    has_lasting: bool = False
    shown: ShownActions | None = None
    explained: dict[str, Sentence] = {}

    def explains_all(self, subjects: int) -> bool:
        """Return whether everything that a notice is about is explained."""
        return 0 < subjects <= len(self.explained)

    @property
    def status(self) -> str:
        """`closed`, `reverted`, `undone`, `acknowledged`, `snoozed`, or empty while the message is open."""
        if not (self.shown or self.alerts or self.reply_states):
            return ""
        actions = self.shown.actions if self.shown else NO_ACTIONS
        if self.is_resolved and not actions.was_reverted:
            return ActionStatus.CLOSED
        return actions.outcome if actions.outcome in _IN_HEADER else ""

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do: everything that was opened is closed again, or reverted."""
        return self.status in {ActionStatus.CLOSED, ActionStatus.REVERTED}

    @property
    def exposed(self) -> int:
        return sum(each.exposed for each in self._all)

    @property
    def closed(self) -> int:
        return sum(each.closed for each in self._all)

    @property
    def is_resolved(self) -> bool:
        return 0 < self.exposed == self.closed and not self.has_lasting

    @property
    def _all(self) -> tuple[AlertState, ...]:
        return (*self.alerts.values(), *self.reply_states.values())


NO_STATE = MessageState()
