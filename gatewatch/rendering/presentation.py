"""What the rendering of a message depends on beside the notification: part, cut, state and thread."""

from __future__ import annotations

from msgspec import Struct

from gatewatch.model.message import NO_MARK, PostMark
from gatewatch.model.message_state import NO_STATE, MessageState

# For each part of a message, how many items of the notification it and the parts before it show.
Cut = tuple[int, ...]
MAX_PARTS = 5


class Presentation(Struct, frozen=True, kw_only=True):
    """`thread` is the name of the thread of another notification, for channels that group messages by name.

    `exposure` is the id of what the message opened; `ended_exposures` are ids of what it closed of earlier messages.
    `ended_notice` is the key of an earlier notice of which nothing is left. `mark` identifies the post, for channels
    that can be searched.
    """

    part: int = 1
    cut: Cut = ()
    state: MessageState = NO_STATE
    thread: str = ""
    exposure: str = ""
    ended_exposures: tuple[str, ...] = ()
    ended_notice: str = ""
    mark: PostMark = NO_MARK

    @property
    def parts(self) -> int:
        return len(self.cut) or 1
