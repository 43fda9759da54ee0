"""What goes to people, and what came back."""

from __future__ import annotations

from msgspec import Struct

from gatewatch.model.exposure import ExposureChange
from gatewatch.model.severity import Severity


class Message(Struct, frozen=True, kw_only=True):
    """What goes through the outbox. `body` is the JSON text of a Slack payload; `key` names it in the ledger.

    A call with more rules than one message holds gives several, numbered `part` of `parts`. `event_time` is in
    seconds since 1970. `instead_of` names the destination that this message could not reach. `gates` is what it opens
    or closes, and `thread` names what it belongs to, where a channel groups by a name. `folded` are the messages
    that are rolled up in this one. `about` names the one security group of the account that it tells of.
    """

    key: str
    destination: str
    body: str
    event_id: str = ""
    account_id: str = ""
    severity: Severity = Severity.INFO
    part: int = 1
    parts: int = 1
    event_time: float | None = None
    instead_of: str | None = None
    gates: tuple[ExposureChange, ...] = ()
    thread: str = ""
    actor: str = ""
    about: str = ""
    folded: tuple[Message, ...] = ()


class Receipt(Struct, frozen=True):
    """What a destination answered to a message it took; `channel` and `ts` are Slack's name for it, if it has one."""

    destination: str
    answer: str
    channel: str = ""
    ts: str = ""
