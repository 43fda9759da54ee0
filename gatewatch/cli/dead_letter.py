"""One message of a dead-letter queue, as far as it can be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.delivery.outbox import read_message
from gatewatch.errors import UndecodableError
from gatewatch.remediation.access_keys.trigger import Everyone, OneUser, trigger_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sqs.type_defs import MessageTypeDef

    from gatewatch.model.message import Message

EVENTS, OUTBOX, ACCESS_KEYS = "events", "outbox", "access-keys"
Trigger = Everyone | OneUser


@dataclass(frozen=True)
class Letter:
    """One dead message. `queue` is `events`, `outbox` or `access-keys`: where it died, and where it goes again.

    `died_as` is the id under which it died: a copy in a dead-letter queue has one of its own.
    """

    queue: str
    message_id: str
    died_as: str
    receipt: str
    reason: str
    since: datetime
    body: str

    @property
    def subject(self) -> str:
        """What it was about, as far as it can be read."""
        if self.queue == EVENTS:
            return " ".join(_event_names(self.body)) or "unreadable"
        if self.queue == ACCESS_KEYS:
            return _told(self.trigger)
        message = self.message
        return f"{message.event_id or message.key} to {message.destination}" if message else "unreadable"

    @property
    def can_go_back(self) -> bool:
        """An event whatever it holds, for functions/alert tells of any; else only what its reader understands."""
        return self.queue == EVENTS or self.message is not None or self.trigger is not None

    @property
    def trigger(self) -> Trigger | None:
        """What functions/access_keys was asked to do; None for what asks it nothing."""
        if self.queue != ACCESS_KEYS:
            return None
        try:
            event = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError):
            return None
        return trigger_of(event) if isinstance(event, dict) else None

    @property
    def message(self) -> Message | None:
        """Of the outbox; None for what no outbox wrote."""
        if self.queue != OUTBOX:
            return None
        try:
            return read_message(self.body)
        except UndecodableError:
            return None

    def has_id(self, wanted: str) -> bool:
        """Its own id, the one it died under (which people were told), or that of the event."""
        event_id = self.message.event_id if self.message else ""
        names = _event_names(self.body) if self.queue == EVENTS else [event_id]
        return wanted != "" and wanted in {self.message_id, self.died_as, *names[-1:]}


def _event_names(body: str) -> list[str]:
    """`eventName` and `eventID`; nothing when it is no CloudTrail event."""
    try:
        event: Any = msgspec.json.decode(body)
        return [str(event["detail"]["eventName"]), str(event["detail"]["eventID"])]
    except (msgspec.DecodeError, KeyError, TypeError, IndexError, RecursionError):
        return []


def _told(trigger: Trigger | None) -> str:
    if isinstance(trigger, OneUser):
        return f"the access keys of {trigger.user_id} in {trigger.account_id}"
    return "the access keys of all accounts" if trigger else "unreadable"


def letter(queue: str, message: MessageTypeDef) -> Letter:
    said = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    sent = int(message.get("Attributes", {}).get("SentTimestamp", "0")) / 1000
    return Letter(
        queue=queue,
        message_id=message["MessageId"],
        died_as=said.get("message_id") or said.get("RequestID") or message["MessageId"],
        receipt=message["ReceiptHandle"],
        reason=said.get("reason") or _of_eventbridge(said) or said.get("ErrorMessage") or "the queue gave up on it",
        since=datetime.fromtimestamp(sent, UTC),
        body=message["Body"],
    )


def _of_eventbridge(said: Mapping[str, str]) -> str:
    """What a rule could not hand to the queue comes with these (EventBridge, dead-letter queues)."""
    parts = [said[name] for name in ("ERROR_CODE", "ERROR_MESSAGE") if said.get(name)]
    return f"EventBridge: {' '.join(parts)}" if parts else ""
