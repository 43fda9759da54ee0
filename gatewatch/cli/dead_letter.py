"""A message of a dead-letter queue, decoded as far as possible."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.delivery.wire import decode_message
from gatewatch.errors import UndecodableError
from gatewatch.remediation.access_keys.trigger import AllAccounts, OneUser, trigger_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sqs.type_defs import MessageTypeDef

    from gatewatch.model.message import OutboxMessage

EVENTS, OUTBOX, ACCESS_KEYS = "events", "outbox", "access-keys"
Trigger = AllAccounts | OneUser


@dataclass(frozen=True)
class DeadLetter:
    """A message of a dead-letter queue.

    `queue` is the source queue, to which a redrive returns it: `events`, `outbox` or `access-keys`.
    `original_id` is its message id in the source queue; the copy in the dead-letter queue has a new one, `message_id`.
    """

    queue: str
    message_id: str
    original_id: str
    receipt: str
    reason: str
    since: datetime
    body: str

    @property
    def subject(self) -> str:
        """The event, notification or access keys that the message is about."""
        if self.queue == EVENTS:
            return " ".join(_event_name_and_id(self.body)) or "unreadable"
        if self.queue == ACCESS_KEYS:
            return _trigger_text(self.trigger)
        message = self.message
        if message is None:
            return "unreadable"
        return f"{message.notification.event_id or message.notification.key} to {message.destination}"

    @property
    def is_redrivable(self) -> bool:
        """True for any event, since functions/alert reports undecodable ones too; else only for readable messages."""
        return self.queue == EVENTS or self.message is not None or self.trigger is not None

    @property
    def trigger(self) -> Trigger | None:
        """The trigger of functions/access_keys; None for any other message."""
        if self.queue != ACCESS_KEYS:
            return None
        try:
            event = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError):
            return None
        return trigger_of(event) if isinstance(event, dict) else None

    @property
    def message(self) -> OutboxMessage | None:
        """The message of the outbox; None for any other message."""
        if self.queue != OUTBOX:
            return None
        try:
            return decode_message(self.body)
        except UndecodableError:
            return None

    @property
    def readable_body(self) -> str:
        """The body; a message of the outbox is decoded to indented JSON."""
        message = self.message
        return msgspec.json.format(msgspec.json.encode(message), indent=2).decode() if message else self.body

    def has_id(self, wanted: str) -> bool:
        """True for its message id, its original id (shown in notifications), or the id of its event."""
        event_id = self.message.notification.event_id if self.message else ""
        names = _event_name_and_id(self.body) if self.queue == EVENTS else [event_id]
        return wanted != "" and wanted in {self.message_id, self.original_id, *names[-1:]}


def _event_name_and_id(body: str) -> list[str]:
    """`eventName` and `eventID`; empty when it is no CloudTrail event."""
    try:
        event: Any = msgspec.json.decode(body)
        return [str(event["detail"]["eventName"]), str(event["detail"]["eventID"])]
    except (msgspec.DecodeError, KeyError, TypeError, IndexError, RecursionError):
        return []


def _trigger_text(trigger: Trigger | None) -> str:
    if isinstance(trigger, OneUser):
        return f"the access keys of {trigger.user_id} in {trigger.account_id}"
    return "the access keys of all accounts" if trigger else "unreadable"


class DeadLetterRow(Struct, frozen=True, kw_only=True):
    """One message of the list. `since` is a time in UTC."""

    message: str
    queue: str
    since: str
    subject: str
    reason: str


def row_of_dead_letter(each: DeadLetter) -> DeadLetterRow:
    return DeadLetterRow(
        message=each.message_id,
        queue=each.queue,
        since=f"{each.since:%Y-%m-%dT%H:%M:%SZ}",
        subject=each.subject,
        reason=each.reason,
    )


def read_dead_letter(queue: str, message: MessageTypeDef) -> DeadLetter:
    """A received message of the dead-letter queue of `queue`."""
    attributes = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    sent = int(message.get("Attributes", {}).get("SentTimestamp", "0")) / 1000
    return DeadLetter(
        queue=queue,
        message_id=message["MessageId"],
        original_id=attributes.get("message_id") or attributes.get("RequestID") or message["MessageId"],
        receipt=message["ReceiptHandle"],
        reason=attributes.get("reason")
        or _eventbridge_reason(attributes)
        or attributes.get("ErrorMessage")
        or "received too often without success",
        since=datetime.fromtimestamp(sent, UTC),
        body=message["Body"],
    )


def _eventbridge_reason(attributes: Mapping[str, str]) -> str:
    """The reason why EventBridge could not deliver to a target (EventBridge user guide, dead-letter queues)."""
    parts = [attributes[name] for name in ("ERROR_CODE", "ERROR_MESSAGE") if attributes.get(name)]
    return f"EventBridge: {' '.join(parts)}" if parts else ""
