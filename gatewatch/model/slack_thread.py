"""What is kept of a message in Slack, so that it can be edited and answered later."""

from __future__ import annotations

from msgspec import Struct

# Five alerts of one actor, none more than a quarter of a minute after the one before, are no person at a console.
MANY, _BREATH_SECONDS = 5, 15
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
    """What one actor did of late, as a channel was told it: so many alerts `told` in a row.

    `key` and `ts` name the message that what comes next is told in the thread of, if there is one; `worst` is the rank
    of the worst that it shows.
    """

    key: str = ""
    ts: str = ""
    worst: int = 0
    since: float = 0.0
    last: float = 0.0
    told: int = 0

    def is_going_on(self, now: float) -> bool:
        return bool(self.key) and now - self.last <= _PAUSE_SECONDS and now - self.since <= _LONGEST_SECONDS

    def takes(self, rank: int, now: float) -> bool:
        """What is worse than all that it shows is told in sight of everybody."""
        return self.is_going_on(now) and rank <= self.worst

    def after(self, alerts: int, now: float) -> Run:
        """With so many more in the channel."""
        is_next = now - self.last <= _BREATH_SECONDS
        return Run(told=self.told + alerts if is_next else alerts, last=now)
