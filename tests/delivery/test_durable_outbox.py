"""What has happened already is told for certain: by the outbox, or by the table and the heartbeat."""

from __future__ import annotations

import pytest

from gatewatch.delivery.deferred import SureOutbox
from gatewatch.errors import TransientDeliveryError
from gatewatch.model.message import Message

ONE, TWO = (Message(key=key, destination="sec-all", body="{}") for key in ("one", "two"))


class Taking:
    def __init__(self) -> None:
        self.taken: list[Message] = []

    def put(self, messages) -> None:
        self.taken += messages


class Refusing:
    def put(self, _messages) -> None:
        raise TransientDeliveryError("the outbox cannot be written")


class Table:
    def __init__(self, *, has_room: bool = True) -> None:
        self.rows: list[tuple[str, float]] = []
        self._has_room = has_room

    def keep(self, message, until) -> bool:
        if self._has_room:
            self.rows.append((message.key, until))
        return self._has_room


def test_what_the_outbox_takes_waits_nowhere_else() -> None:
    outbox, table = Taking(), Table()
    SureOutbox(outbox, table.keep, lambda: 5.0).put([ONE, TWO])
    assert (outbox.taken, table.rows) == ([ONE, TWO], [])


def test_what_the_outbox_refuses_waits_in_the_table_and_is_due_at_once() -> None:
    table = Table()
    SureOutbox(Refusing(), table.keep, lambda: 5.0).put([ONE, TWO])
    assert table.rows == [("one", 5.0), ("two", 5.0)]


def test_what_nobody_takes_is_said_aloud() -> None:
    with pytest.raises(TransientDeliveryError, match="outbox"):
        SureOutbox(Refusing(), Table(has_room=False).keep, lambda: 5.0).put([ONE])
