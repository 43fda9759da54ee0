"""One thread for each gate: what closes it edits the message that told of its opening, and answers there.

A roll-up is the thread of what the same actor does next. All that can be done again is done before the one thing that
cannot, the post: when anything fails the message comes again and does the same once more. Where there are no threads
(a webhook), the line under the headline says it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.config.destinations import SlackApp, SnsTopic
from gatewatch.delivery.alert_grouping import Runs
from gatewatch.delivery.parent_message import in_thread, shown, told
from gatewatch.delivery.rollup import is_foldable
from gatewatch.delivery.sns_to_slack import as_slack
from gatewatch.delivery.thread_text import began_line, ended_line
from gatewatch.errors import PermanentDeliveryError
from gatewatch.model.severity import Severity
from gatewatch.model.slack_thread import Part, Root

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.config.destinations import Destination
    from gatewatch.delivery.exposure_history import ExposureHistory
    from gatewatch.delivery.message_edits import Edits
    from gatewatch.delivery.rate_limit import Post
    from gatewatch.delivery.thread_store import ThreadStore
    from gatewatch.model.exposure import ExposureChange
    from gatewatch.model.message import Message, Receipt
    from gatewatch.model.slack_thread import Run

    Stories = Mapping[str, ExposureHistory]

_NO_SUCH_THREAD = frozenset({"message_not_found", "thread_not_found", "invalid_thread_ts", "cannot_reply_to_message"})


class _Thread(Struct, frozen=True):
    """Where a message is told: in the channel when `ts` is empty. `above`: what counts it, if it goes on there."""

    ts: str = ""
    above: str = ""


class Threads:
    """Stands before `post`, and is one itself."""

    def __init__(self, post: Post, edits: Edits, book: ThreadStore) -> None:
        self._post = post
        self._edits = edits
        self._runs = Runs(edits, book)
        self._book = book

    def post(self, message: Message, destination: Destination) -> Receipt:
        if not isinstance(destination, SnsTopic):
            message = as_slack(message)
        is_app = isinstance(destination, SlackApp)
        if not message.gates and not message.folded and not (is_app and is_foldable(message)):
            return self._post(message, destination)
        stories = {gate.place: self._story(gate, message.destination) for gate in message.gates}
        root = _root_of(message, stories)
        body = shown(root, self._edits.resolved)
        worded = msgspec.structs.replace(message, body=body, thread=_name_of_thread(message, stories))
        if not isinstance(destination, SlackApp):
            return self._post(worded, destination)
        return self._post_to_app(worded, root, stories, destination)

    def _post_to_app(self, message: Message, root: Root, stories: Stories, destination: SlackApp) -> Receipt:
        deadline = self._edits.deadline()
        self._edits.end(_ended(message, stories), _words(message), message.destination, destination, deadline)
        answered = self._answered(message, stories)
        run = self._runs.of(message) if answered is None else None
        goes_on = run is not None and self._runs.goes_on(message, root, run, destination, deadline)
        thread = answered or (_Thread(run.ts, run.key) if run and goes_on else _Thread())
        receipt, thread = self._post_in(thread, message, destination)
        if receipt.ts:
            address = {"channel": receipt.channel, "ts": receipt.ts, "thread": thread.ts, "above": thread.above}
            self._keep(message, msgspec.structs.replace(root, **address), None if thread.ts else run)
        return receipt

    def _story(self, gate: ExposureChange, destination: str) -> ExposureHistory:
        before = self._book.story(destination, gate.place)
        after = before.told(gate)
        if after != before:
            self._book.keep_story(destination, gate.place, after)
        return after

    def _answered(self, message: Message, stories: Stories) -> _Thread | None:
        """The one thread of all that a message closes; None when it opens anything, or tells of something else."""
        if len(message.gates) != len(message.folded or (message,)) or any(gate.opened for gate in message.gates):
            return None
        threads = set()
        for gate in message.gates:
            ended = stories[gate.place].ended_by(gate.key)
            root = self._book.root(message.destination, ended[0].key) if ended else None
            threads.add(root and (root.thread or root.ts))
        (thread, *others) = threads
        return _Thread(thread) if thread and not others else None

    def _post_in(self, thread: _Thread, message: Message, destination: SlackApp) -> tuple[Receipt, _Thread]:
        """In the channel when nobody knows the thread, or Slack no longer does."""
        if not thread.ts:
            return self._post(message, destination), thread
        answer = msgspec.structs.replace(message, body=in_thread(message.body, thread.ts))
        try:
            return self._post(answer, destination), thread
        except PermanentDeliveryError as error:
            if str(error) not in _NO_SUCH_THREAD:
                raise
            return self._post(message, destination), _Thread()

    def _keep(self, message: Message, root: Root, run: Run | None) -> None:
        """After the yes: what can be edited and answered later. `run`: what it goes on with, told in the channel."""
        name, key = message.destination, _key(message)
        opened = [gate.key for gate in message.gates if gate.opened]
        if (run is not None and self._runs.begins(message, key, root, run)) or opened:
            self._book.owe_root(name, key, root)
        if message.folded:
            inside = msgspec.structs.replace(root, body="", line="", parts={}, within=key)
            for each in opened:
                self._book.owe_root(name, each, inside)


def _key(message: Message) -> str:
    """What its row is named by: a fallback's message has another key than its gate."""
    return message.key if message.folded or not message.gates else message.gates[0].key


def _ended(message: Message, stories: Stories) -> dict[str, Part]:
    """By the alerts that told of their opening, what became of the gates that it closes."""
    parts: dict[str, Part] = {}
    for gate in message.gates:
        story = stories[gate.place]
        parts |= {each.key: _part(each.key, story, gate) for each in story.ended_by(gate.key)}
    return parts


def _root_of(message: Message, stories: Stories) -> Root:
    """What it says of gates when it is told; where it stands is not known yet."""
    root = Root(body=message.body, is_rollup=bool(message.folded), is_lasting=_is_lasting(message))
    return told(root, {gate.key: _own_part(gate, stories[gate.place]) for gate in message.gates}, _words(message))


def _words(message: Message) -> dict[str, str]:
    return message.gates[0].words if message.gates else {}


def _is_lasting(message: Message) -> bool:
    """Whether it tells of something serious that is over with no gate."""
    alerts = message.folded or (message,)
    is_serious = (each for each in alerts if each.severity.rank > Severity.LOW.rank)
    return any(not any(gate.opened for gate in each.gates) for each in is_serious)


def _own_part(gate: ExposureChange, story: ExposureHistory) -> Part:
    part, ended = _part(gate.key, story, gate), story.ended_by(gate.key)
    if part.line or not ended:
        return part
    return msgspec.structs.replace(part, line=began_line(ended, gate.at, gate.words))


def _part(key: str, story: ExposureHistory, gate: ExposureChange) -> Part:
    standing = story.standing(key)
    return Part(ended_line(standing, gate.words), standing.gates, standing.closed)


def _name_of_thread(message: Message, stories: Stories) -> str:
    """For a channel that groups by a name: what closes a gate has that of its opening."""
    if message.folded or not message.gates:
        return message.thread
    (gate,) = message.gates
    ended = stories[gate.place].ended_by(gate.key)
    return ended[0].thread if ended and not gate.opened else gate.thread
