"""One thread for each gate: what closes it edits the message that told of its opening, and answers there.

A roll-up is the thread of what the same actor does next. All that can be done again is done before the one thing that
cannot, the post: when anything fails the message comes again and does the same once more. Where there are no threads
(a webhook), the line under the headline says it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.deliver.as_slack import as_slack
from gatewatch.errors import PermanentDeliveryError
from gatewatch.model import Severity
from gatewatch.rollup import is_foldable
from gatewatch.rollup_text import part_id
from gatewatch.root_view import in_thread, shown, told
from gatewatch.settings import SlackApp, SnsTopic
from gatewatch.thread_model import Part, Root, Run
from gatewatch.thread_words import began_line, ended_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.deliver.edits import Edits
    from gatewatch.exposure_model import Gate
    from gatewatch.gate_story import Story
    from gatewatch.model import Message, Receipt
    from gatewatch.pace import Post
    from gatewatch.settings import Destination
    from gatewatch.thread_book import ThreadBook

    Stories = Mapping[str, Story]

_NO_SUCH_THREAD = frozenset({"message_not_found", "thread_not_found", "invalid_thread_ts", "cannot_reply_to_message"})
_MOST_IN_A_THREAD = 400  # a row of DynamoDB holds 400 KB


class _Thread(Struct, frozen=True):
    """Where a message is told: in the channel when `ts` is empty. `above` is the roll-up that it continues."""

    ts: str = ""
    above: str = ""


class Threads:
    """Stands before `post`, and is one itself."""

    def __init__(self, post: Post, edits: Edits, book: ThreadBook) -> None:
        self._post = post
        self._edits = edits
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
        self._edit_what_it_ended(message, stories, destination)
        thread = self._answered(message, stories) or self._continued(message, root, destination) or _Thread()
        receipt, thread = self._post_in(thread, worded, destination)
        self._keep(message, root, receipt, thread)
        return receipt

    def _story(self, gate: Gate, destination: str) -> Story:
        before = self._book.story(destination, gate.place)
        after = before.told(gate)
        if after != before:
            self._book.keep_story(destination, gate.place, after)
        return after

    def _edit_what_it_ended(self, message: Message, stories: Stories, destination: SlackApp) -> None:
        parts: dict[str, Part] = {}
        for gate in message.gates:
            story = stories[gate.place]
            parts |= {each.key: _part(each.key, story, gate) for each in story.ended_by(gate.key)}
        self._edits.end(parts, _words(message), message.destination, destination)

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

    def _continued(self, message: Message, root: Root, destination: SlackApp) -> _Thread | None:
        """The thread of the roll-up that goes on; its first message counts what is told there, and its gates."""
        run = self._book.run(message) if is_foldable(message) else None
        if run is None or not run.takes(message.severity.rank, self._book.now()):
            return None
        before = self._book.root(message.destination, run.key)
        after = _with_more(before, message, root) if before and before.body else None
        if before is None or after is None or len(after.more) > _MOST_IN_A_THREAD:
            return None
        if after != before:
            if not self._edits.show(after, destination):
                return None
            self._book.keep_root(message.destination, run.key, after)
        self._book.keep_run(message, msgspec.structs.replace(run, last=self._book.now()))
        return _Thread(after.ts, run.key)

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

    def _keep(self, message: Message, root: Root, receipt: Receipt, thread: _Thread) -> None:
        """After the yes: what can be edited and answered later, and the roll-up that may go on."""
        opened = [gate.key for gate in message.gates if gate.opened]
        begins = bool(message.folded) and not thread.ts
        if not receipt.ts or not (opened or begins):
            return
        address = Root(channel=receipt.channel, ts=receipt.ts, thread=thread.ts, above=thread.above)
        whole = msgspec.structs.replace(root, **{name: getattr(address, name) for name in _ADDRESS})
        key = message.key if message.folded else opened[0]
        self._book.owe_root(message.destination, key, whole)
        for each in opened if message.folded else ():
            self._book.owe_root(message.destination, each, msgspec.structs.replace(address, within=key))
        if begins:
            now = self._book.now()
            self._book.owe_run(message, Run(key=key, worst=message.severity.rank, since=now, last=now))


_ADDRESS = ("channel", "ts", "thread", "above")


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


def _own_part(gate: Gate, story: Story) -> Part:
    part, ended = _part(gate.key, story, gate), story.ended_by(gate.key)
    if part.line or not ended:
        return part
    return msgspec.structs.replace(part, line=began_line(ended, gate.at, gate.words))


def _part(key: str, story: Story, gate: Gate) -> Part:
    standing = story.standing(key)
    return Part(ended_line(standing, gate.words), standing.gates, standing.closed)


def _with_more(root: Root, message: Message, told_now: Root) -> Root:
    """What stands in a thread is counted above it, its gates as well; its lines stand there."""
    more = {*root.more, *(part_id(each.key) for each in message.folded or (message,))}
    parts = {key: msgspec.structs.replace(part, line="") for key, part in told_now.parts.items() if part.gates}
    is_lasting = root.is_lasting or told_now.is_lasting
    counted = msgspec.structs.replace(root, more=tuple(sorted(more)), is_lasting=is_lasting)
    return told(counted, parts, _words(message))


def _name_of_thread(message: Message, stories: Stories) -> str:
    """For a channel that groups by a name: what closes a gate has that of its opening."""
    if message.folded or not message.gates:
        return message.thread
    (gate,) = message.gates
    ended = stories[gate.place].ended_by(gate.key)
    return ended[0].thread if ended and not gate.opened else gate.thread
