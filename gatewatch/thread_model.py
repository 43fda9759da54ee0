"""What is kept of a message in Slack, so that it can be edited and answered later."""

from __future__ import annotations

from msgspec import Struct

_PAUSE_SECONDS, _LONGEST_SECONDS = 300, 3600


class Part(Struct, frozen=True):
    """What a message says of the gates that one of its alerts opened or closed: a line, and how many are closed."""

    line: str = ""
    gates: int = 0
    closed: int = 0


class Root(Struct, frozen=True, kw_only=True):
    """A message as it was first posted, and what edits made of it.

    `line` stands under its headline, those of its `parts` under the headline of each alert in a roll-up. A `part` is
    named by the key of its alert. `is_lasting`: it tells of something serious that ends with no gate. `more` names the
    alerts that are told in its thread. One that stands in a thread itself has `thread`, and `above` if the message
    that began the thread counts its gates too. Of an alert within a roll-up only the address is kept, and in `within`
    the roll-up's key.
    """

    channel: str = ""
    ts: str = ""
    body: str = ""
    line: str = ""
    parts: dict[str, Part] = {}
    is_rollup: bool = False
    is_lasting: bool = False
    more: tuple[str, ...] = ()
    thread: str = ""
    above: str = ""
    within: str = ""

    @property
    def gates(self) -> int:
        return sum(each.gates for each in self.parts.values())

    @property
    def closed(self) -> int:
        return sum(each.closed for each in self.parts.values())

    @property
    def is_over(self) -> bool:
        return 0 < self.gates == self.closed and not self.is_lasting


class Run(Struct, frozen=True, kw_only=True):
    """A roll-up that what the same actor does next still belongs to: its key, and the rank of the worst it shows."""

    key: str
    worst: int
    since: float
    last: float

    def takes(self, rank: int, now: float) -> bool:
        """What is worse than all that it shows begins a new one, in sight of everybody."""
        is_going_on = now - self.last <= _PAUSE_SECONDS and now - self.since <= _LONGEST_SECONDS
        return is_going_on and rank <= self.worst
