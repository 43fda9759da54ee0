"""The lines of a message about the state of its alerts: which exposures were closed, by whom, and how many are open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.alert_actions import ActionStatus
from gatewatch.rendering.escaping import code, join_safe, mrkdwn
from gatewatch.rendering.time_text import local_minute

if TYPE_CHECKING:
    from gatewatch.model.alert_actions import AlertActions, Mark, ShownActions
    from gatewatch.model.message_state import AlertState, MessageState
    from gatewatch.rendering.text.labels import Labels

# Name of the label, seconds of the unit, and from how many seconds on it is used: hours from two hours on.
_MARKS = {"closed": "✅", "reverted": "↩️", "undone": "↪️", "acknowledged": "👀", "snoozed": "💤"}
_MAX_ACTOR = 80
_UNITS = (("days", 86400, 2 * 86400), ("hours", 3600, 2 * 3600), ("minutes", 60, 60), ("seconds", 1, 0))


def status_headline(headline: str, state: MessageState, labels: Labels) -> str:
    """`✅ Closed · Critical: …`: the status in place of the mark of the severity. Plain text."""
    if not (status := state.status):
        return headline
    return f"{_MARKS[status]} {labels.thread[f'status_{status}']} · {headline.partition(' ')[2]}"


def alert_state_line(state: AlertState, labels: Labels) -> Markup:
    """`✅ Closed after 14 min by …`, or what the alert itself closed; empty while nothing is closed."""
    if state.end:
        values = {"time": duration(state.end.seconds, labels), "actor": _actor(state.end.actor, labels)}
        return Markup("✅ ") + mrkdwn(labels.thread[state.end.how]).format(**values)
    if state.closed:
        return _count_line(state.closed, state.exposed, labels)
    if state.ended:
        values = {"time": duration(state.ended.seconds, labels), "actor": _actor(state.ended.opened_by, labels)}
        return Markup("✅ ") + mrkdwn(labels.thread["was_open"]).format(**values)
    return Markup()


def message_state_lines(state: MessageState, labels: Labels, *, is_rollup: bool) -> Markup:
    """Below the headline: the state of the one alert of a message, and of several how many exposures are closed."""
    lines = [] if is_rollup else [alert_state_line(each, labels) for each in state.alerts.values()]
    if state.shown:
        lines.insert(0, _action_line(state.shown, labels))
    if is_rollup or state.replies:
        lines.append(_count_line(state.closed, state.exposed, labels))
    return join_safe("\n", filter(None, lines))


def _action_line(shown: ShownActions, labels: Labels) -> Markup:
    """`👀 Acknowledged by …`, `💤 Snoozed until … by …`, `↩️ Reverted by …`, `↪️ …`; empty for other states."""
    actions = shown.actions
    mark = _mark_of(actions)
    if mark is None:
        return Markup()
    until = local_minute(actions.snoozed_until, shown.timezone)
    values = {"actor": _actor(mark.person.name or mark.person.id, labels), "time": until}
    return Markup(f"{_MARKS[actions.outcome]} ") + mrkdwn(labels.thread[actions.outcome]).format(**values)


def _mark_of(actions: AlertActions) -> Mark | None:
    if actions.status is ActionStatus.ACKNOWLEDGED:
        return actions.acknowledged
    if actions.status is ActionStatus.SNOOZED:
        return actions.snoozed
    return actions.executed if actions.outcome in {ActionStatus.REVERTED, ActionStatus.UNDONE} else None


def _count_line(closed: int, exposed: int, labels: Labels) -> Markup:
    """`☑️ 3 of 7 exposures closed`; empty while none is closed."""
    mark = "✅" if closed == exposed else "☑️"
    text = mrkdwn(labels.thread["partly_closed"]).format(closed=closed, all=exposed)
    return Markup("{} {}").format(mark, text) if closed else Markup()


def duration(seconds: float, labels: Labels) -> str:
    """`40 s`, `14 min`, `3 h`, `12 d`: whole units, of which there are at least two, except for minutes."""
    seconds = max(0.0, seconds)
    unit, size, _ = next(each for each in _UNITS if seconds >= each[2])
    return labels.thread[unit].format(count=int(seconds // size))


def _actor(name: str, labels: Labels) -> Markup:
    return code(labels.field["unknown"] if name == UNKNOWN else name, _MAX_ACTOR)
