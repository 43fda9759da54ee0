"""Rows of the hub's table about actions: the state of an alert, and the Slack messages that show it.

Only the functions and commands that act write the state, each write on the condition that nobody else wrote meanwhile.
functions/deliver records the messages and reads the state to render it.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.aws.hub_rows import JsonRows, RowKind
from gatewatch.aws.hub_table import HubTableError
from gatewatch.model.alert_actions import NO_ACTIONS, AlertActions
from gatewatch.model.typed_decoding import decode_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.aws.hub_table import HubTable

_LIFETIME = 400 * 24 * 3600  # as long as the messages can be updated
ACTIONS = RowKind(prefix="action", name="the actions of an alert", lifetime=_LIFETIME)


def alert_id(key: str) -> str:
    """Return the opaque id of a notification or a roll-up by its key: 32 hexadecimal digits."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class StoredActions(Struct, frozen=True):
    """`version` counts the writes; 0 when there is no row yet."""

    version: int
    actions: AlertActions


class PostedMessage(Struct, frozen=True, order=True):
    """Where an alert was posted: the destination, the key of its parent row, and the message in Slack."""

    destination: str
    key: str
    channel: str
    ts: str

    @property
    def source(self) -> str:
        return f"{self.channel}/{self.ts}"


ACTION_MESSAGES = JsonRows(
    prefix="action-message",
    name="the message of an alert",
    lifetime=_LIFETIME,
    value_type=PostedMessage,
    skips_undecodable=True,
)


# Attributes are ids of alerts with the time of their first message: `gatewatch act list` reads the latest days.
ALERTS_OF_DAY = RowKind(prefix="action-day", name="the alerts of a day", lifetime=_LIFETIME)
_SHARDS = 10  # rows of one day; an item of DynamoDB holds 400 KB, some 7,000 alerts
_DAY = 24 * 3600


class ActionStore:
    """Every method raises `HubTableError`."""

    def __init__(self, table: HubTable) -> None:
        self._table = table
        self.now = table.now

    def load(self, alert: str) -> StoredActions:
        row = self._table.attributes(ACTIONS, alert)
        if not row:
            return StoredActions(0, NO_ACTIONS)
        try:
            return StoredActions(row["version"], decode_json(row["body"], AlertActions))
        except (msgspec.DecodeError, KeyError) as error:
            raise HubTableError("the actions of an alert cannot be decoded", type(error).__name__) from error

    def save(self, alert: str, version: int, actions: AlertActions) -> bool:
        """Write the state if it still has the version that was read; False if not."""
        values = {":body": msgspec.json.encode(actions).decode(), ":after": version + 1}
        condition = "attribute_not_exists(version)"
        if version:
            condition, values[":before"] = "version = :before", version
        return self._table.update(
            ACTIONS, alert, "SET body = :body, version = :after", values, ConditionExpression=condition
        ).is_applied

    def record_message_later(self, alert: str, message: PostedMessage) -> None:
        """Store the message that shows an alert at a destination. Never raises: the message is posted already."""
        self._table.put_later(ACTION_MESSAGES, f"{alert}#{message.destination}", message)
        with suppress(HubTableError):  # an alert that is not listed can be acted on all the same
            self._list(alert)

    def _list(self, alert: str) -> None:
        now = self.now()
        row = f"{int(now // _DAY)}#{int(alert, 16) % _SHARDS}"
        expression, names = "SET #alert = if_not_exists(#alert, :now)", {"#alert": alert}
        self._table.update(ALERTS_OF_DAY, row, expression, {":now": int(now)}, ExpressionAttributeNames=names)

    def latest(self, days: int) -> tuple[str, ...]:
        """Return the ids of the alerts whose first message is at most so many days old, the newest first."""
        today = int(self.now() // _DAY)
        rows = [f"{day}#{shard}" for day in range(today - days, today + 1) for shard in range(_SHARDS)]
        found: dict[str, int] = {}
        for _, row in self._table.attributes_of_many(ALERTS_OF_DAY, rows):
            for alert, at in row.items():
                if alert != "expires":
                    found[alert] = min(at, found.get(alert, at))
        oldest = self.now() - days * _DAY
        return tuple(sorted((each for each in found if found[each] >= oldest), key=lambda each: (-found[each], each)))

    def messages(self, alert: str, destinations: Iterable[str]) -> tuple[PostedMessage, ...]:
        """The messages that show an alert at these destinations; none for an unknown id."""
        keys = (f"{alert}#{each}" for each in destinations)
        return tuple(sorted(message for _, message in self._table.get_many(ACTION_MESSAGES, keys)))
