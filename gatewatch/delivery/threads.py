"""Threads of exposures: an alert that closes a rule updates the message of its opening and answers in its thread.

A roll-up is the parent of what the same actor does next. Everything that can be repeated is done before the post,
which cannot: after a failure the message is delivered again and repeats it. Destinations without threads (a webhook, a
topic) show the state in the message alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.config.destinations import PagerDuty, SlackApp
from gatewatch.delivery.action_store import PostedMessage
from gatewatch.delivery.alert_grouping import AlertGrouping
from gatewatch.delivery.exposure_history import ExposureHistory
from gatewatch.delivery.rollup import can_be_grouped
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.model.exposure import ExposureChange
from gatewatch.model.message import OutboxMessage, Receipt, Rollup, contained_messages
from gatewatch.model.message_state import AlertState, MessageState
from gatewatch.model.notification import AlertNotification, OperatorNotice
from gatewatch.model.severity import Severity
from gatewatch.model.slack_thread import ParentMessage
from gatewatch.rendering.presentation import Presentation

if TYPE_CHECKING:
    from gatewatch.config.destinations import Destination
    from gatewatch.delivery.channels import Channels
    from gatewatch.delivery.message_updates import MessageUpdates
    from gatewatch.delivery.thread_store import ThreadStore
    from gatewatch.model.message import Content
    from gatewatch.model.notification import Sentence
    from gatewatch.model.slack_thread import AlertGroup

_OPENING_SECONDS = 2.0
_NO_SUCH_THREAD = frozenset({"message_not_found", "thread_not_found", "invalid_thread_ts", "cannot_reply_to_message"})


class _Exposures(Struct, frozen=True):
    """The exposure changes of a message by message key, and the histories of their groups."""

    changes: dict[str, ExposureChange]
    histories: Mapping[str, ExposureHistory]

    def history(self, key: str) -> ExposureHistory:
        return self.histories[self.changes[key].group_key]

    def opened_by(self, key: str) -> str:
        """The id of what a message opened; empty for a roll-up."""
        return self.history(key).exposure_id(self.changes[key].group_key, key) if key in self.changes else ""

    def ended_by(self, key: str) -> tuple[str, ...]:
        """The ids of earlier exposures that a message closed, and of which nothing is open any more."""
        if key not in self.changes:
            return ()
        history, group_key = self.history(key), self.changes[key].group_key
        ended = (each.key for each in history.closed_by(key) if history.state_of(each.key).end)
        return tuple(dict.fromkeys(history.exposure_id(group_key, each) for each in ended))


class _Thread(Struct, frozen=True):
    """`ts` is empty for a post in the channel. `counted_in`: the key of the parent that counts the exposures."""

    ts: str = ""
    counted_in: str = ""


RecordMessage = Callable[["Content", str, PostedMessage], None]


def _record_nothing(_content: Content, _alert: str, _message: PostedMessage) -> None:
    """No message has buttons."""


class Threads:
    """`record_message` stores where an alert with buttons was posted."""

    def __init__(
        self,
        channels: Channels,
        updates: MessageUpdates,
        store: ThreadStore,
        record_message: RecordMessage = _record_nothing,
    ) -> None:
        self._channels = channels
        self._updates = updates
        self._grouping = AlertGrouping(updates, store)
        self._store = store
        self._record_message = record_message

    def post(self, content: Content, presentation: Presentation, destination: Destination) -> Receipt:
        """Post one part of a message. The first part reports the exposures. Raises as `Channels.post` does."""
        if isinstance(content, OutboxMessage) and content.updates_only:
            return self._update_earlier(content, destination)
        if isinstance(content, OutboxMessage) and isinstance(content.notification, OperatorNotice):
            return self._post_notice(content, content.notification, presentation, destination)
        exposures = self._recorded(content) if presentation.part == 1 else _Exposures({}, {})
        is_app, is_groupable = isinstance(destination, SlackApp), _is_groupable(content, presentation)
        state = _state(content, exposures)
        if is_app and presentation.part == 1:
            state = self._updates.with_actions(state, content)
        is_stored = is_app and (is_groupable or state.shown is not None)
        if not exposures.changes and not isinstance(content, Rollup) and not is_stored:
            return self._channels.post(content, presentation, destination)
        shown = msgspec.structs.replace(
            presentation,
            state=state,
            thread=_thread_name(content, exposures),
            exposure=exposures.opened_by(content.key),
            ended_exposures=exposures.ended_by(content.key),
        )
        if not isinstance(destination, SlackApp):
            return self._channels.post(content, shown, destination)
        return self._post_to_app(content, shown, exposures, destination)

    def _update_earlier(self, content: OutboxMessage, destination: Destination) -> Receipt:
        exposures = self._recorded(content)
        if isinstance(destination, SlackApp):
            states = _ended_states(exposures)
            self._updates.apply(states, content.destination, destination, self._updates.deadline())
        if isinstance(destination, PagerDuty):
            ended = Presentation(ended_exposures=exposures.ended_by(content.key))
            return self._channels.post(content, ended, destination)
        return Receipt(content.destination, "updated")

    def _post_to_app(
        self, content: Content, shown: Presentation, exposures: _Exposures, destination: SlackApp
    ) -> Receipt:
        deadline = self._updates.deadline()
        self._updates.apply(_ended_states(exposures), content.destination, destination, deadline)
        thread, group = self._thread_of(content, exposures), None
        if thread is None and _is_groupable(content, shown):
            group = self._grouping.find(content)
            if self._grouping.append(content, shown.state, group, destination, deadline):
                thread = _Thread(group.ts, group.key)
        receipt, thread = self._post_in(thread or _Thread(), content, shown, destination)
        if receipt.ts:
            parent = ParentMessage(
                channel=receipt.channel,
                ts=receipt.ts,
                content=content,
                cut=shown.cut,
                state=msgspec.structs.replace(shown.state, shown=None),
                thread=thread.ts,
                counted_in=thread.counted_in,
            )
            self._save(content, parent, exposures, None if thread.ts else group)
            if shown.state.shown:
                self._store.save_parent_later(content.destination, content.key, parent)
                posted = PostedMessage(content.destination, content.key, receipt.channel, receipt.ts)
                self._record_message(content, shown.state.shown.id, posted)
            self._updates.apply_after_post(self._changed_states(content, exposures), content.destination, destination)
        return receipt

    def _post_notice(
        self, content: OutboxMessage, notice: OperatorNotice, presentation: Presentation, destination: Destination
    ) -> Receipt:
        """A notice about an earlier message updates that message to its state now, then answers in its thread."""
        parent = self._parent_of(content, notice, destination)
        if parent is None:
            receipt = self._channels.post(content, presentation, destination)
            if notice.subjects:
                posted = ParentMessage(channel=receipt.channel, ts=receipt.ts, content=content)
                self._store.save_parent_later(content.destination, content.key, posted)
            return receipt
        if isinstance(destination, SlackApp):
            return self._post_in(_Thread(parent.thread or parent.ts), content, presentation, destination)[0]
        earlier = parent.content.notification if isinstance(parent.content, OutboxMessage) else None
        is_over = isinstance(earlier, OperatorNotice) and parent.state.explains_all(earlier.subjects)
        ended = earlier.key if earlier and is_over else ""
        return self._channels.post(content, msgspec.structs.replace(presentation, ended_notice=ended), destination)

    def _parent_of(
        self, content: OutboxMessage, notice: OperatorNotice, destination: Destination
    ) -> ParentMessage | None:
        """The message that a notice is about, with what it resolves, and shown so."""
        if not notice.parent_key:
            return None
        changed = partial(_with_explained, explained=notice.resolves)
        if notice.resolves and isinstance(destination, SlackApp):
            deadline = self._updates.deadline()
            self._updates.change(
                content.destination, notice.parent_key, changed, destination, deadline, is_stored_if_refused=True
            )
        elif notice.resolves:
            self._store.change_parent(content.destination, notice.parent_key, changed)
        parent = self._store.parent(content.destination, notice.parent_key)
        if parent is None and self._store.is_being_posted(notice.parent_key):
            raise TransientDeliveryError("the message that a notice is about is being posted", _OPENING_SECONDS)
        if parent and not notice.resolves and isinstance(destination, SlackApp):
            self._updates.show(parent, destination)
        return parent

    def _changed_states(self, content: Content, exposures: _Exposures) -> Callable[[], dict[str, AlertState]]:
        """What the other message group of the destination closed while this message was posted, by message key."""

        def changed() -> dict[str, AlertState]:
            found: dict[str, AlertState] = {}
            for key, change in exposures.changes.items():
                history = self._store.history(content.destination, change.group_key) if change.opened else None
                if history and (state := history.state_of(key)) != exposures.history(key).state_of(key):
                    found[key] = state
            return found

        return changed

    def _recorded(self, content: Content) -> _Exposures:
        changes: dict[str, ExposureChange] = {}
        histories: dict[str, ExposureHistory] = {}
        for each in contained_messages(content):
            notification = each.notification
            if isinstance(notification, AlertNotification) and notification.exposure_change:
                change = changes[each.key] = notification.exposure_change
                histories[change.group_key] = self._store.record_change(
                    content.destination, change.group_key, each.key, change
                )
        return _Exposures(changes, histories)

    def _thread_of(self, content: Content, exposures: _Exposures) -> _Thread | None:
        """The one thread of all openings that a message closes; None when it opens anything or reports other alerts.

        Raises `TransientDeliveryError` while an opening is being posted: a critical one by another process.
        """
        changes = exposures.changes
        if len(changes) != len(contained_messages(content)) or any(each.opened for each in changes.values()):
            return None
        threads = set()
        for key in changes:
            closed = exposures.history(key).closed_by(key)
            parent = self._store.parent(content.destination, closed[0].key) if closed else None
            if closed and parent is None and self._store.is_being_posted(closed[0].key):
                raise TransientDeliveryError("the message of the opening is being posted", _OPENING_SECONDS)
            threads.add(parent and (parent.thread or parent.ts))
        (thread, *others) = threads
        return _Thread(thread) if thread and not others else None

    def _post_in(
        self, thread: _Thread, content: Content, shown: Presentation, destination: SlackApp
    ) -> tuple[Receipt, _Thread]:
        """In the channel when there is no thread, or when Slack no longer has it."""
        try:
            return self._channels.post(content, shown, destination, thread.ts), thread
        except PermanentDeliveryError as error:
            if not thread.ts or str(error) not in _NO_SUCH_THREAD:
                raise
            return self._channels.post(content, shown, destination), _Thread()

    def _save(self, content: Content, parent: ParentMessage, exposures: _Exposures, group: AlertGroup | None) -> None:
        """Store what can be updated and answered later. `group` when the message was posted in the channel."""
        name, opened = content.destination, [key for key, each in exposures.changes.items() if each.opened]
        starts = group is not None and self._grouping.start(content, content.key, parent.ts, group)
        if starts or opened:
            self._store.save_parent_later(name, content.key, parent)
        if isinstance(content, Rollup):
            inside = ParentMessage(
                channel=parent.channel,
                ts=parent.ts,
                thread=parent.thread,
                counted_in=parent.counted_in,
                inside=content.key,
            )
            for key in opened:
                self._store.save_parent_later(name, key, inside)


def _with_explained(parent: ParentMessage, explained: Mapping[str, Sentence]) -> ParentMessage:
    state = msgspec.structs.replace(parent.state, explained=parent.state.explained | dict(explained))
    return msgspec.structs.replace(parent, state=state)


def _is_groupable(content: Content, presentation: Presentation) -> bool:
    return isinstance(content, Rollup) or (presentation.parts == 1 and can_be_grouped(content))


def _state(content: Content, exposures: _Exposures) -> MessageState:
    alerts = {key: exposures.history(key).state_of(key) for key in exposures.changes}
    return MessageState(alerts=alerts, has_lasting=any(map(_is_lasting, contained_messages(content))))


def _is_lasting(message: OutboxMessage) -> bool:
    """Whether an alert is about something serious that no closed rule ends."""
    notification = message.notification
    opens = isinstance(notification, AlertNotification) and notification.opens_exposure
    return notification.severity.rank > Severity.LOW.rank and not opens


def _ended_states(exposures: _Exposures) -> dict[str, AlertState]:
    """The states of the earlier alerts whose exposures the message closes, by message key."""
    states: dict[str, AlertState] = {}
    for key in exposures.changes:
        history = exposures.history(key)
        states |= {each.key: history.state_of(each.key) for each in history.closed_by(key)}
    return states


def _thread_name(content: Content, exposures: _Exposures) -> str:
    """The id of the event that a message which only closes an exposure belongs to; empty for its own."""
    if isinstance(content, Rollup) or not exposures.changes:
        return ""
    ((key, change),) = exposures.changes.items()
    closed = exposures.history(key).closed_by(key)
    return closed[0].event_id if closed and not change.opened else ""
