"""Updates posted Slack messages when the state of their alerts changes, and stores that state."""

from __future__ import annotations

from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from gatewatch.errors import GatewatchError, PermanentDeliveryError, TransientDeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from logging import Logger

    from gatewatch.config.destinations import SlackApp
    from gatewatch.delivery.channels import Channels
    from gatewatch.delivery.thread_store import ThreadStore
    from gatewatch.model.alert_actions import ShownActions
    from gatewatch.model.message import Content
    from gatewatch.model.message_state import AlertState, MessageState
    from gatewatch.model.slack_thread import ParentMessage

    ShowActions = Callable[[Content], ShownActions | None]

_SECONDS = 5.0  # of the twenty that one post may take


def no_actions(_content: Content) -> None:
    """Messages have no buttons."""


class MessageUpdates:
    """`shown` returns what a message shows of the actions of its alert."""

    def __init__(
        self,
        channels: Channels,
        store: ThreadStore,
        log: Logger,
        clock: Callable[[], float] = monotonic,
        shown: ShowActions = no_actions,
    ) -> None:
        self._channels = channels
        self._store = store
        self._log = log
        self._clock = clock
        self._shown = shown

    def deadline(self) -> float:
        """Until when the updates that one post causes may run."""
        return self._clock() + _SECONDS

    def apply(self, states: Mapping[str, AlertState], name: str, destination: SlackApp, deadline: float) -> None:
        """Update the messages of alerts, by message key, to new states; each message once, and only if it changes.

        Raises `TransientDeliveryError` when the time is over before all are updated.
        """
        for key, (own, replies) in self._by_parent(states, name).items():
            changed = partial(_with_states, own=own, replies=replies)
            self.change(name, key, changed, destination, deadline, is_stored_if_refused=True)

    def apply_after_post(
        self, states: Callable[[], Mapping[str, AlertState]], name: str, destination: SlackApp
    ) -> None:
        """The same for a message that has just been posted. An error is logged: it must not repeat the post."""
        try:
            self.apply(states(), name, destination, self.deadline())
        except GatewatchError as error:
            self._log.warning("not updated after its post", extra={"reason": str(error)})

    def change(
        self,
        name: str,
        key: str,
        changed: Callable[[ParentMessage], ParentMessage],
        destination: SlackApp,
        deadline: float,
        *,
        is_stored_if_refused: bool = False,
    ) -> bool:
        """Show a message as `changed` returns it and store that, then check the time; False when Slack refuses it.

        When another process changed the message in between, its change is shown and stored too.
        """
        shown = [True]

        def show(before: ParentMessage) -> ParentMessage:
            after = changed(before)
            if after != before:
                shown.append(self.show(after, destination))
            return after if shown[-1] or is_stored_if_refused else before

        self._store.change_parent(name, key, show)
        if len(shown) > 1 and self._clock() > deadline:
            raise TransientDeliveryError("there is more to edit", 1.0)
        return shown[-1]

    def show(self, parent: ParentMessage, destination: SlackApp) -> bool:
        """Render and update a message; False when Slack refuses it permanently."""
        if parent.content is not None:
            parent = msgspec.structs.replace(parent, state=self.with_actions(parent.state, parent.content))
        try:
            self._channels.update(parent, destination)
        except PermanentDeliveryError as error:
            self._log.warning("not updated", extra={"ts": parent.ts, "reason": str(error)})
            return False
        return True

    def with_actions(self, state: MessageState, content: Content) -> MessageState:
        """Add the actions of the alert as they are now; no buttons once what it opened is closed by others."""
        shown = self._shown(content)
        if shown and state.is_resolved and not shown.actions.was_reverted:
            shown = msgspec.structs.replace(shown, buttons=())
        return msgspec.structs.replace(state, shown=shown)

    def _by_parent(
        self, states: Mapping[str, AlertState], name: str
    ) -> dict[str, tuple[dict[str, AlertState], dict[str, AlertState]]]:
        """By the key of a message: the states of its own alerts, and of alerts in its thread."""
        found: dict[str, tuple[dict[str, AlertState], dict[str, AlertState]]] = {}
        for key, state in states.items():
            if parent := self._store.parent(name, key):
                found.setdefault(parent.inside or key, ({}, {}))[0][key] = state
                if parent.counted_in:
                    found.setdefault(parent.counted_in, ({}, {}))[1][key] = state
        return found


def _with_states(
    parent: ParentMessage, own: Mapping[str, AlertState], replies: Mapping[str, AlertState]
) -> ParentMessage:
    """The row of an alert inside a roll-up has no state of its own."""
    if parent.content is None:
        return parent
    before = parent.state
    state = msgspec.structs.replace(
        before, alerts=before.alerts | dict(own), reply_states=before.reply_states | dict(replies)
    )
    return msgspec.structs.replace(parent, state=state)
