"""One thread for each gate: what closes it edits the message that told of its opening, and answers there.

All that can be done again is done before the one thing that cannot, the post: when anything fails the message comes
again and does the same once more. Where there are no threads (a webhook), the line under the headline says it.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.settings import SlackApp
from gatewatch.thread_book import Root
from gatewatch.thread_words import began_line, ended_line, with_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from gatewatch.deliver.slack import Slack
    from gatewatch.exposure_model import Gate
    from gatewatch.gate_story import Story
    from gatewatch.model import Message, Receipt
    from gatewatch.pace import Post
    from gatewatch.settings import Destination
    from gatewatch.thread_book import ThreadBook

_EDIT_SECONDS = 5.0  # of the twenty that one post may take
_NO_SUCH_THREAD = frozenset({"message_not_found", "thread_not_found", "invalid_thread_ts", "cannot_reply_to_message"})


class Threads:
    """Stands before `post`, and is one itself."""

    def __init__(
        self,
        post: Post,
        slack: Slack,
        book: ThreadBook,
        resolved: str,
        log: Logger,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`resolved` is the colour of what is over."""
        self._post = post
        self._slack = slack
        self._book = book
        self._resolved = resolved
        self._log = log
        self._clock = clock

    def post(self, message: Message, destination: Destination) -> Receipt:
        if not message.gates:
            return self._post(message, destination)
        stories = {gate.place: self._told(gate, message.destination) for gate in message.gates}
        for gate in message.gates:
            self._edit_what_it_ended(gate, stories[gate.place], message, destination)
        if message.folded:
            return self._post_several(message, destination)
        (gate,) = message.gates
        return self._post_one(message, gate, stories[gate.place], destination)

    def _told(self, gate: Gate, destination: str) -> Story:
        before = self._book.story(destination, gate.place)
        after = before.told(gate)
        if after != before:
            self._book.keep_story(destination, gate.place, after)
        return after

    def _edit_what_it_ended(self, gate: Gate, story: Story, message: Message, destination: Destination) -> None:
        if not isinstance(destination, SlackApp):
            return
        end = self._clock() + _EDIT_SECONDS
        for opening in story.ended_by(gate.key):
            line = ended_line(story.standing(opening.key), gate.words)
            if self._edit(opening.key, line, story, message, destination) and self._clock() > end:
                raise TransientDeliveryError("there is more to edit", 1.0)

    def _edit(self, key: str, line: str, story: Story, message: Message, destination: SlackApp) -> bool:
        """Whether there was anything to edit."""
        root = self._book.root(message.destination, key)
        if root is None or not root.body or root.shown == line:
            return False
        color = self._resolved if story.standing(key).is_over else ""
        try:
            self._slack.update(root.channel, root.ts, with_line(root.body, line, color), destination)
        except PermanentDeliveryError as error:
            self._log.warning("not edited", extra={"key": key, "reason": str(error)})
        self._book.keep_root(message.destination, key, msgspec.structs.replace(root, shown=line))
        return True

    def _post_one(self, message: Message, gate: Gate, story: Story, destination: Destination) -> Receipt:
        standing, ended = story.standing(gate.key), story.ended_by(gate.key)
        line = ended_line(standing, gate.words) or (began_line(ended, gate.at, gate.words) if ended else "")
        body = with_line(message.body, line, self._resolved if standing.is_over else "")
        thread = ended[0].thread if ended and not gate.opened else gate.thread
        told = msgspec.structs.replace(message, body=body, thread=thread)
        if ended and not gate.opened and isinstance(destination, SlackApp):
            return self._answer(told, ended[0].key, destination)
        receipt = self._post(told, destination)
        if gate.opened and receipt.ts:
            root = Root(receipt.channel, receipt.ts, message.body, line)
            self._book.owe_root(message.destination, gate.key, root)
        return receipt

    def _answer(self, message: Message, key: str, destination: SlackApp) -> Receipt:
        """In the thread; in the channel when nobody knows the thread, or Slack no longer does."""
        root = self._book.root(message.destination, key)
        if root is None:
            return self._post(message, destination)
        in_thread = msgspec.structs.replace(message, body=with_line(message.body, "", thread_ts=root.ts))
        try:
            return self._post(in_thread, destination)
        except PermanentDeliveryError as error:
            if str(error) not in _NO_SUCH_THREAD:
                raise
            return self._post(message, destination)

    def _post_several(self, message: Message, destination: Destination) -> Receipt:
        """A roll-up: what closes one of its gates later answers in its thread, and does not edit it."""
        receipt = self._post(message, destination)
        if receipt.ts:
            for gate in message.gates:
                if gate.opened:
                    self._book.owe_root(message.destination, gate.key, Root(receipt.channel, receipt.ts))
        return receipt
