"""Alerts that can be acted on, from the messages that show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.actions.request import Subject
from gatewatch.actions.view import content_id, content_subject
from gatewatch.config.destinations import SlackApp
from gatewatch.delivery.action_store import PostedMessage
from gatewatch.model.message import Content, contained_messages
from gatewatch.model.notification import AlertNotification

if TYPE_CHECKING:
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.action_store import ActionStore
    from gatewatch.delivery.thread_store import ThreadStore


class PostedAlert(Struct, frozen=True):
    """An alert, or a roll-up, as it was posted. `messages` show it; `is_resolved`: what it opened is closed."""

    id: str
    content: Content
    subject: Subject
    messages: tuple[PostedMessage, ...]
    is_resolved: bool

    @property
    def notifications(self) -> tuple[AlertNotification, ...]:
        alerts = (each.notification for each in contained_messages(self.content))
        return tuple(each for each in alerts if isinstance(each, AlertNotification))

    @property
    def notification(self) -> AlertNotification:
        """The alert; of a roll-up the worst."""
        return max(self.notifications, key=lambda each: each.severity.rank)


class PostedAlerts:
    """`find` raises `HubTableError`."""

    def __init__(self, settings: Settings, store: ActionStore, threads: ThreadStore) -> None:
        self._apps = [key for key, each in settings.destinations.items() if isinstance(each, SlackApp)]
        self._store = store
        self._threads = threads

    def find(self, name: str) -> PostedAlert | None:
        """The alert of an id, from the messages that were posted; None for an id that no message has."""
        messages = self._store.messages(name, self._apps)
        for each in messages:
            parent = self._threads.parent(each.destination, each.key)
            content = parent.content if parent else None
            subject = content_subject(content) if content else None
            if parent and content and subject and content_id(content) == name:
                return PostedAlert(name, content, subject, messages, parent.state.is_resolved)
        return None
