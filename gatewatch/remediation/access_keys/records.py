"""Rows of the hub's table: what gatewatch did to a key, and which changes have no message yet.

IAM does not record when or by whom a key was deactivated. The rows are written before the change, so that a process
that ends in between loses neither the change nor its message.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.aws.hub_rows import JsonRows, RowKind
from gatewatch.remediation.access_keys.plan import KeyAction
from gatewatch.remediation.snapshots import RETENTION_SECONDS

if TYPE_CHECKING:
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.remediation.access_keys.plan import AccessKey


class KeyEvent(StrEnum):
    """What gatewatch did to a key last."""

    DEACTIVATED = "deactivated"
    DELETED = "deleted"
    RESTORED = "restored"


class KeyRecord(Struct, frozen=True):
    """The last change of a key. `action`: the decision behind it, for the message."""

    event: KeyEvent
    at: datetime
    action: KeyAction | None = None


RECORDS = JsonRows(
    prefix="access-key", name="the record of an access key", lifetime=RETENTION_SECONDS, value_type=KeyRecord
)
UNREPORTED = RowKind(prefix="access-keys-unreported", name="the unreported access keys")


class KeyRecords:
    """Records in the hub's table. Every method raises `HubTableError`; no key may be changed then."""

    def __init__(self, table: HubTable) -> None:
        self._table = table

    def with_history(self, key: AccessKey) -> AccessKey:
        """Return the key with the time gatewatch deactivated or restored it."""
        record = self.load(key.account_id, key.key_id)
        if record is None or record.event is KeyEvent.DELETED:
            return key
        if record.event is KeyEvent.RESTORED:
            return msgspec.structs.replace(key, restored=record.at)
        return key if key.is_active else msgspec.structs.replace(key, deactivated=record.at)

    def load(self, account_id: str, key_id: str) -> KeyRecord | None:
        return self._table.get(RECORDS, f"{account_id}#{key_id}")

    def save(self, key: AccessKey, record: KeyRecord) -> None:
        self._table.put(RECORDS, f"{key.account_id}#{key.key_id}", record)

    def unreported(self, account_id: str) -> tuple[str, ...]:
        """Return the ids of the keys of an account with a change that has no message yet."""
        return tuple(sorted(self._table.attributes(UNREPORTED, account_id).get("ids", ())))

    def mark_unreported(self, key: AccessKey) -> None:
        self._table.update(UNREPORTED, key.account_id, "ADD ids :ids", {":ids": {key.key_id}})

    def mark_reported(self, key: AccessKey) -> None:
        self._table.update(UNREPORTED, key.account_id, "DELETE ids :ids", {":ids": {key.key_id}})
