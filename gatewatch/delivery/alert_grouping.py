"""What one actor does in a row: after many alerts, or several at once, the next are told in the thread of the last.

The message that began the thread counts them in its headline and shows none that is worse than itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gatewatch.delivery.parent_message import told
from gatewatch.delivery.rollup import is_foldable
from gatewatch.delivery.rollup_blocks import part_id
from gatewatch.model.slack_thread import MANY, Run

if TYPE_CHECKING:
    from gatewatch.config.destinations import SlackApp
    from gatewatch.delivery.message_edits import Edits
    from gatewatch.delivery.thread_store import ThreadStore
    from gatewatch.model.message import Message
    from gatewatch.model.slack_thread import Root

_MOST_IN_A_THREAD = 400  # a row of DynamoDB holds 400 KB


class Runs:
    def __init__(self, edits: Edits, book: ThreadStore) -> None:
        self._edits = edits
        self._book = book

    def of(self, message: Message) -> Run | None:
        """What its actor did before; None for a message that always stands alone."""
        return (self._book.run(message) or Run()) if is_foldable(message) else None

    def goes_on(self, message: Message, root: Root, run: Run, destination: SlackApp, deadline: float) -> bool:
        """Whether it is told in the thread of the run; then it is counted there already, and its gates.

        `root` is the message itself. What somebody deleted cannot be edited, and nothing is hidden under it.
        """
        if not run.takes(message.severity.rank, self._book.now()):
            return False
        before = self._book.root(message.destination, run.key)
        after = _counted(before, message, root) if before and before.body else None
        if after is None or len(after.more) > _MOST_IN_A_THREAD:
            return False
        if after != before:
            if not self._edits.show(after, destination):
                return False
            self._edits.keep(message.destination, run.key, after, deadline)
        self._book.keep_run(message, msgspec.structs.replace(run, last=self._book.now()))
        return True

    def begins(self, message: Message, key: str, root: Root, run: Run) -> bool:
        """Whether what comes next is told in the thread of this one, which was told in the channel."""
        now = self._book.now()
        after = run.after(len(message.folded) or 1, now)
        begins = bool(message.folded) or after.told >= MANY or run.is_going_on(now)
        if begins:
            after = msgspec.structs.replace(after, key=key, ts=root.ts, worst=message.severity.rank, since=now)
        self._book.owe_run(message, after)
        return begins


def _counted(above: Root, message: Message, root: Root) -> Root:
    """Lines about gates stand in the thread, above are their numbers."""
    more = {*above.more, *(part_id(each.key) for each in message.folded or (message,))}
    is_lasting = above.is_lasting or root.is_lasting
    after = msgspec.structs.replace(above, more=tuple(sorted(more)), is_lasting=is_lasting)
    parts = {key: msgspec.structs.replace(part, line="") for key, part in root.parts.items() if part.gates}
    return told(after, parts, message.gates[0].words if parts else {})
