"""What has happened already is told for certain: by the outbox, or by the table and the heartbeat."""

from __future__ import annotations

import pytest

from gatewatch.delivery.deferred import DurableOutbox
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

    def defer(self, message, until) -> bool:
        if self._has_room:
            self.rows.append((message.key, until))
        return self._has_room


def test_messages_that_the_outbox_accepts_are_not_deferred() -> None:
    outbox, table = Taking(), Table()
    DurableOutbox(outbox, table.defer, lambda: 5.0).put([ONE, TWO])
    assert (outbox.taken, table.rows) == ([ONE, TWO], [])


def test_messages_that_the_outbox_refuses_are_deferred_and_due_at_once() -> None:
    table = Table()
    DurableOutbox(Refusing(), table.defer, lambda: 5.0).put([ONE, TWO])
    assert table.rows == [("one", 5.0), ("two", 5.0)]


def test_a_message_that_neither_outbox_nor_table_accepts_is_an_error() -> None:
    with pytest.raises(TransientDeliveryError, match="outbox"):
        DurableOutbox(Refusing(), Table(has_room=False).defer, lambda: 5.0).put([ONE])
