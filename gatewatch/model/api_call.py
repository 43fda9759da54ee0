"""One CloudTrail record: `ApiCall`, and who made it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct


class Via(StrEnum):
    CONSOLE = "console"
    CLI = "cli"
    SDK = "sdk"
    TERRAFORM = "terraform"
    CLOUDFORMATION = "cloudformation"
    SERVICE = "service"
    UNKNOWN = "unknown"


class Actor(Struct, frozen=True):
    """The human or machine behind a call: the best name the event holds, and `userIdentity.type`."""

    name: str
    type: str


class ApiCall(Struct, frozen=True, kw_only=True):
    """One CloudTrail record, whatever it came wrapped in.

    `request` and `response` are the record's JSON, read only by `changes`; `record` is the whole of it, kept for
    the message of a call whose shape nobody knew. Texts that the record lacks are empty, `time` is None.
    """

    event_id: str
    event_name: str
    event_source: str
    time: datetime | None
    account_id: str
    region: str
    actor: Actor
    via: Via
    source_ip: str | None
    error_code: str | None
    request: Any
    response: Any
    record: dict[str, Any]
    shared_event_id: str | None = None

    @property
    def delivery_key(self) -> str:
        """CloudTrail gives one action that two accounts see two `eventID`s and one `sharedEventID`."""
        return self.shared_event_id or self.event_id
