"""Edits messages that are in Slack already, and keeps what they say now."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from gatewatch.delivery.parent_message import shown, told
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from logging import Logger

    from gatewatch.config.destinations import SlackApp
    from gatewatch.delivery.slack import Slack
    from gatewatch.delivery.thread_store import ThreadStore
    from gatewatch.model.slack_thread import Part, Root

_SECONDS = 5.0  # of the twenty that one post may take


class Edits:
    def __init__(
        self, slack: Slack, book: ThreadStore, resolved: str, log: Logger, clock: Callable[[], float] = monotonic
    ) -> None:
        """`resolved` is the colour of what is over."""
        self.resolved = resolved
        self._slack = slack
        self._book = book
        self._log = log
        self._clock = clock

    def deadline(self) -> float:
        """Of the edits that one post brings with it."""
        return self._clock() + _SECONDS

    def end(
        self, parts: Mapping[str, Part], words: Mapping[str, str], name: str, destination: SlackApp, deadline: float
    ) -> None:
        """Say of gates, by the alerts that told of their opening, what became of them: each message is edited once.

        What is said already is not said again. Raises `TransientDeliveryError` when there is more than time for it.
        """
        for key, its_parts in self._by_message(parts, name).items():
            before = self._book.root(name, key)
            after = told(before, its_parts, words) if before and before.body else before
            if after is not None and after != before:
                self.show(after, destination)
                self.keep(name, key, after, deadline)

    def keep(self, name: str, key: str, root: Root, deadline: float) -> None:
        """What was edited is not edited again, however little time there was for what comes after it."""
        self._book.keep_root(name, key, root)
        if self._clock() > deadline:
            raise TransientDeliveryError("there is more to edit", 1.0)

    def _by_message(self, parts: Mapping[str, Part], name: str) -> dict[str, dict[str, Part]]:
        """An alert stands in a message of its own or in a roll-up, and may count in the one above that."""
        found: dict[str, dict[str, Part]] = {}
        for key, part in parts.items():
            if root := self._book.root(name, key):
                found.setdefault(root.within or key, {})[key] = part
                if root.above:
                    found.setdefault(root.above, {})[key] = msgspec.structs.replace(part, line="")
        return found

    def show(self, root: Root, destination: SlackApp) -> bool:
        """False when Slack refuses it for good."""
        try:
            self._slack.update(root.channel, root.ts, shown(root, self.resolved), destination)
        except PermanentDeliveryError as error:
            self._log.warning("not edited", extra={"ts": root.ts, "reason": str(error)})
            return False
        return True
