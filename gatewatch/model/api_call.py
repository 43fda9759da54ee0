"""One CloudTrail record as `ApiCall`, its actor and access method."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct


class AccessMethod(StrEnum):
    """How a call was made."""

    CONSOLE = "console"
    CLI = "cli"
    SDK = "sdk"
    TERRAFORM = "terraform"
    CLOUDFORMATION = "cloudformation"
    SERVICE = "service"
    UNKNOWN = "unknown"


class Actor(Struct, frozen=True):
    """Caller of a call: the best name that the event holds, and `userIdentity.type`."""

    name: str
    type: str


class ApiCall(Struct, frozen=True, kw_only=True):
    """One CloudTrail record without its wrapper.

    `request` and `response` are the record's JSON, read only by `events.changes`. `record` is the whole record, kept
    for messages about calls that were not understood. Texts that the record lacks are empty, `time` is None.
    """

    event_id: str
    event_name: str
    event_source: str
    time: datetime | None
    account_id: str
    region: str
    actor: Actor
    via: AccessMethod
    source_ip: str | None
    error_code: str | None
    request: Any
    response: Any
    record: dict[str, Any]
    shared_event_id: str | None = None

    @property
    def delivery_key(self) -> str:
        """Id for deduplication: one action seen by two accounts has two `eventID`s and one `sharedEventID`."""
        return self.shared_event_id or self.event_id
