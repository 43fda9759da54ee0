"""Alert grouping: after a roll-up, or after many alerts of one actor in a row, further ones go into a thread.

The parent message counts them in its headline. An alert of a higher severity than the parent's stays in the channel.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from gatewatch.model.message import Rollup, contained_messages
from gatewatch.model.slack_thread import GROUP_THRESHOLD

if TYPE_CHECKING:
    from gatewatch.config.destinations import SlackApp
    from gatewatch.delivery.message_updates import MessageUpdates
    from gatewatch.delivery.thread_store import ThreadStore
    from gatewatch.model.message import Content
    from gatewatch.model.message_state import MessageState
    from gatewatch.model.slack_thread import AlertGroup, ParentMessage

_MAX_REPLIES = 400  # an item of DynamoDB holds 400 KB


class AlertGrouping:
    def __init__(self, updates: MessageUpdates, store: ThreadStore) -> None:
        self._updates = updates
        self._store = store

    def find(self, content: Content) -> AlertGroup:
        return self._store.group(contained_messages(content)[0])

    def append(
        self, content: Content, state: MessageState, group: AlertGroup, destination: SlackApp, deadline: float
    ) -> bool:
        """Whether a message goes into the thread of its group; then the parent counts it and its exposures already.

        A parent message that was deleted cannot be updated, and no alert is hidden under it.
        """
        if not group.accepts(severity_rank(content), self._store.now()):
            return False
        before = self._store.parent(content.destination, group.key)
        if not before or not before.content or len(_with_reply(before, content, state).state.replies) > _MAX_REPLIES:
            return False
        counted = partial(_with_reply, content=content, state=state)
        if not self._updates.change(content.destination, group.key, counted, destination, deadline):
            return False
        resumed = msgspec.structs.replace(group, last_at=self._store.now())
        self._store.save_group(contained_messages(content)[0], resumed)
        return True

    def start(self, content: Content, key: str, ts: str, group: AlertGroup) -> bool:
        """Whether further alerts go into the thread of this message, which was posted in the channel."""
        now = self._store.now()
        after = group.with_alerts(len(contained_messages(content)), now)
        starts = isinstance(content, Rollup) or after.count >= GROUP_THRESHOLD or group.is_active(now)
        if starts:
            worst = severity_rank(content)
            after = msgspec.structs.replace(after, key=key, ts=ts, worst=worst, started_at=now)
        self._store.save_group_later(contained_messages(content)[0], after)
        return starts


def severity_rank(content: Content) -> int:
    return max(each.notification.severity.rank for each in contained_messages(content))


def _with_reply(parent: ParentMessage, content: Content, state: MessageState) -> ParentMessage:
    before = parent.state
    exposed = {key: each for key, each in state.alerts.items() if each.exposed}
    counted = msgspec.structs.replace(
        before,
        replies=tuple(sorted({*before.replies, *(_digest(each.key) for each in contained_messages(content))})),
        reply_states=before.reply_states | exposed,
        has_lasting=before.has_lasting or state.has_lasting,
    )
    return msgspec.structs.replace(parent, state=counted)


def _digest(key: str) -> str:
    """Short, as a parent counts hundreds of keys and a key can be long."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]
