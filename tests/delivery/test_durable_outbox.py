"""Messages about performed actions are never lost: the outbox takes them, or the table until the heartbeat runs."""

from __future__ import annotations

import pytest

from gatewatch.delivery.deferred import DurableOutbox
from gatewatch.errors import TransientDeliveryError
from support.threads import alert

ONE, TWO = (alert(name, destination="sec-all") for name in ("one", "two"))


class Accepting:
    def __init__(self) -> None:
        self.accepted: list[object] = []

    def put(self, messages) -> None:
        self.accepted += messages


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
    outbox, table = Accepting(), Table()
    DurableOutbox(outbox, table.defer, lambda: 5.0).put([ONE, TWO])
    assert (outbox.accepted, table.rows) == ([ONE, TWO], [])


def test_messages_that_the_outbox_refuses_are_deferred_and_due_at_once() -> None:
    table = Table()
    DurableOutbox(Refusing(), table.defer, lambda: 5.0).put([ONE, TWO])
    assert table.rows == [("one#sec-all", 5.0), ("two#sec-all", 5.0)]


def test_a_message_that_neither_outbox_nor_table_accepts_is_an_error() -> None:
    with pytest.raises(TransientDeliveryError, match="outbox"):
        DurableOutbox(Refusing(), Table(has_room=False).defer, lambda: 5.0).put([ONE])
